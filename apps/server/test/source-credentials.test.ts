import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { SECRET_KEY, START_MS, TestServer, codeOf, onEveryDatabase } from "./support.ts";

const SECRET = "sk-0123456789";
const CREDENTIAL = { header: "Authorization", value: `Bearer ${SECRET}` };
const PATH = "/api/prices/sources/test/credential";

onEveryDatabase("the credential of a price source", (server) => {
  const known = {
    header: "Authorization",
    key_id: SECRET_KEY.key_id,
    set_at: new Date(START_MS).toISOString(),
  };
  const credentialIn = async (source: string): Promise<unknown> => {
    const { body } = await server().get("/api/prices/sources?limit=100");
    const found = (body.items as readonly { source: string; credential: unknown }[]).find(
      (one) => one.source === source,
    );
    return found?.credential;
  };

  it("is set, sent, shown without its value, and removed", async () => {
    const s = server();
    const set = await s.put(PATH, CREDENTIAL);
    expect([set.status, set.body]).to.deep.equal([200, { source: "test", credential: known }]);
    expect(await credentialIn("test")).to.deep.equal(known);
    expect((await s.post("/api/prices/update", { sources: ["test"] })).status).to.equal(200);
    expect(s.price_source.credential).to.deep.equal(CREDENTIAL);
    const record = await s.get("/api/audit?subject_id=test");
    expect(record.body.items[0]).to.deep.include({
      action: "price_source.credential_set",
      before: null,
      after: known,
    });
    for (const { text } of [set, record, await s.get("/api/prices/sources"), await s.get("/api/prices/runs")])
      expect(text).to.not.contain(SECRET);
    const removed = await s.delete(PATH);
    expect([removed.status, removed.body]).to.deep.equal([200, { source: "test", credential: null }]);
    expect(await credentialIn("test")).to.equal(null);
  });

  it("is kept for a source that is off, until that is read", async () => {
    const s = server();
    expect((await s.put("/api/prices/sources/litellm/credential", CREDENTIAL)).status).to.equal(200);
    expect(await credentialIn("litellm")).to.deep.equal(known);
    expect((await s.delete("/api/prices/sources/litellm/credential")).status).to.equal(200);
  });

  it("is refused without repeating its value", async () => {
    const s = server();
    for (const [fields, field] of [
      [{ header: "Host" }, "/header"],
      [{ header: 3 }, "/header"],
      [{ value: `${SECRET}\n` }, "/value"],
      [{ value: SECRET.repeat(400) }, "/value"],
      [{ value: [SECRET] }, "/value"],
      [{ value: "" }, "/value"],
    ] as const) {
      const answer = await s.put(PATH, { ...CREDENTIAL, ...fields });
      expect([codeOf(answer), answer.body.field]).to.deep.equal(["400 invalid_value", field]);
      expect(answer.text).to.not.contain(SECRET);
    }
    const nobody = "/api/prices/sources/nobody/credential";
    expect(codeOf(await s.put(nobody, CREDENTIAL))).to.equal("404 price_source_not_found");
    expect(codeOf(await s.delete(nobody))).to.equal("404 price_source_not_found");
    expect(codeOf(await s.delete(PATH))).to.equal("404 source_credential_not_found");
    expect(codeOf(await s.delete("/api/prices/sources/a%00/credential"))).to.equal("400 invalid_value");
  });

  it("is for keys of the installation's own tenant", async () => {
    const s = server();
    const { body } = await s.post("/api/tenants", { name: "guests" });
    const headers = { "X-API-Key": await s.key({ role: "admin" }, body.tenant_id as string) };
    expect(codeOf(await s.put(PATH, CREDENTIAL, headers))).to.equal("403 forbidden");
    expect(codeOf(await s.delete(PATH, headers))).to.equal("403 forbidden");
  });
});

for (const kind of TEST_DATABASES) {
  it(`a server on ${kind.name} that has no key for secrets says how to make one`, async () => {
    const server = await TestServer.start(kind, { secret_keys: [] });
    try {
      const answer = await server.put(PATH, CREDENTIAL);
      expect(codeOf(answer)).to.equal("409 secret_keys_missing");
      expect(answer.body.detail).to.contain("BUDGET_SECRET_KEYS").and.to.contain("openssl rand -base64 32");
      expect(answer.text).to.not.contain(SECRET);
    } finally {
      await server.stop();
    }
  });
}
