import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { WrongKeys, clientOf } from "../src/wrong-keys.ts";
import { TestServer, codeOf, type Answered } from "./support.ts";

const TRIES = 60;
/** A key of the right form that there is not. */
const wrongKey = (number: number) => `bgt_${number.toString(16).padStart(32, "0")}_${"B".repeat(43)}`;
const UNAUTHENTICATED = "401 unauthenticated";
const REFUSED = "429 rate_limited";

for (const kind of TEST_DATABASES) {
  describe(`wrong keys on ${kind.name}`, () => {
    let server: TestServer;
    beforeEach(async () => {
      server = await TestServer.start(kind);
    });
    afterEach(() => server.stop());

    let tried = 1000;
    const tryOne = (headers: Readonly<Record<string, string>> = {}, to = server) =>
      to.get("/api/budgets", { "X-API-Key": wrongKey((tried += 1)), ...headers });
    const spend = async (headers: Readonly<Record<string, string>> = {}, to = server) => {
      for (let count = 0; count < TRIES; count += 1)
        expect(codeOf(await tryOne(headers, to))).to.equal(UNAUTHENTICATED);
    };

    it("are refused after so many, with when to try again, and have tries left with time", async () => {
      await spend();
      const refused = await tryOne();
      expect([codeOf(refused), refused.headers.get("retry-after")]).to.deep.equal([REFUSED, "1"]);
      for (const headers of [{ "X-API-Key": "" }, { "X-API-Key": "x" }])
        expect(codeOf(await server.get("/api/budgets", headers))).to.equal(REFUSED);
      server.clock.now_ms += 1000;
      expect([await tryOne(), await tryOne()].map(codeOf)).to.deep.equal([UNAUTHENTICATED, REFUSED]);
      server.clock.now_ms += TRIES * 1000;
      await spend();
      expect(codeOf(await tryOne())).to.equal(REFUSED);
    });

    it("are answered so many times when they come at once", async () => {
      const answers = await Promise.all(Array.from({ length: 3 * TRIES }, () => tryOne()));
      const codes = answers.map((answer: Answered) => codeOf(answer));
      expect(codes.filter((code) => code === UNAUTHENTICATED)).to.have.length(TRIES);
      expect(codes.filter((code) => code === REFUSED)).to.have.length(2 * TRIES);
    });

    it("never harm a right one, be it used before or new", async () => {
      const used = { "X-API-Key": await server.key({ role: "viewer" }) };
      for (let count = 0; count < 2 * TRIES; count += 1)
        expect(codeOf(await server.get("/api/budgets", used))).to.equal("ok");
      await spend();
      expect(codeOf(await tryOne())).to.equal(REFUSED);
      const fresh = { "X-API-Key": await server.key({ role: "viewer" }) };
      for (const headers of [used, fresh]) {
        expect(codeOf(await server.get("/api/budgets", headers))).to.equal("ok");
        expect(codeOf(await server.post("/api/budgets", { name: "x" }, headers))).to.equal("403 forbidden");
      }
      // Its id is public, so a wrong secret with it is a wrong key.
      const guessed = `${fresh["X-API-Key"].slice(0, -43)}${"C".repeat(43)}`;
      expect(codeOf(await server.get("/api/budgets", { "X-API-Key": guessed }))).to.equal(REFUSED);
    });

    it("ask no database any more, and are not on record", async () => {
      await spend();
      expect(codeOf(await tryOne())).to.equal(REFUSED);
      await server.knex.schema.renameTable("api_keys", "api_keys_away");
      for (let count = 0; count < 5; count += 1) expect(codeOf(await tryOne())).to.equal(REFUSED);
      expect(codeOf(await server.get("/api/budgets", { "X-API-Key": "" }))).to.equal(REFUSED);
      await server.knex.schema.renameTable("api_keys_away", "api_keys");
      const { body } = await server.get("/api/audit?kind=denial&limit=1");
      expect(body.total).to.equal(TRIES);
    });

    it("count for the address that sent them, whatever X-Forwarded-For says", async () => {
      for (let count = 0; count < TRIES; count += 1)
        await tryOne({ "X-Forwarded-For": `203.0.113.${count}` });
      expect(codeOf(await tryOne({ "X-Forwarded-For": "203.0.113.200" }))).to.equal(REFUSED);
    });

    it("count for the address that a trusted proxy names, and not for one that was forged before it", async () => {
      const behind = await TestServer.start(kind, { trusted_proxies: ["loopback"] });
      for (let count = 0; count < TRIES; count += 1)
        await tryOne({ "X-Forwarded-For": `198.51.100.${count}, 203.0.113.7` }, behind);
      expect(codeOf(await tryOne({ "X-Forwarded-For": "203.0.113.7" }, behind))).to.equal(REFUSED);
      expect(codeOf(await tryOne({ "X-Forwarded-For": "198.51.100.1, 203.0.113.7" }, behind))).to.equal(
        REFUSED,
      );
      expect(codeOf(await tryOne({ "X-Forwarded-For": "203.0.113.8" }, behind))).to.equal(UNAUTHENTICATED);
      await behind.stop();
    });
  });
}

describe("the memory of wrong keys", () => {
  it("forgets who tried longest ago, beyond 10,000 clients", () => {
    const wrong = new WrongKeys(() => 0);
    const address = (number: number) => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;
    for (let count = 0; count < TRIES; count += 1) for (const one of [0, 1]) wrong.count(address(one));
    expect([wrong.waitOf(address(0)), wrong.waitOf(address(1))]).to.deep.equal([1000, 1000]);
    for (let number = 2; number < 10_000; number += 1) wrong.count(address(number));
    wrong.count(address(0));
    wrong.count(address(10_000));
    expect([wrong.waitOf(address(0)), wrong.waitOf(address(1))]).to.deep.equal([1000, 0]);
  });

  it("takes a network of IPv6 for one client, and an address of IPv4 for itself", () => {
    const clients: readonly (readonly [address: string, client: string])[] = [
      ["203.0.113.7", "203.0.113.7"],
      ["::ffff:203.0.113.7", "203.0.113.7"],
      ["2001:db8:0:1::1", "2001:db8:0:1"],
      ["2001:0DB8::1:ffff:0:0:1", "2001:db8:0:1"],
      ["2001:db8:0:2::1", "2001:db8:0:2"],
      ["::1", "0:0:0:0"],
      ["64:ff9b::203.0.113.7", "64:ff9b:0:0"],
      ["fe80::1%eth0", "fe80:0:0:0"],
      ["unknown", ""],
      ["", ""],
    ];
    for (const [address, client] of clients) expect(clientOf(address), address).to.equal(client);
  });
});
