import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import type { Outcome, SourceCredential } from "@budget/domain";
import { AuditRepository, SecretBox } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { createSourceCredentials, type SourceCredentials } from "../src/index.ts";
import { BY, START_MS, TENANT_ID, TEST_SECRETS, TestMonitor, says, valueOf } from "./support.ts";

const SECRET = "sk-0123456789";
const CREDENTIAL: SourceCredential = { header: "X-Api-Key", value: SECRET };
const OTHER_KEY = SecretBox.of([{ key_id: "two", key: new Uint8Array(32).fill(2) }], {
  bytes: (count) => randomBytes(count),
});

const refusedWith = (outcome: Outcome<unknown>): string => {
  if (outcome.ok) return "ok";
  const { code, field = "" } = outcome.rejection as { code: string; field?: string };
  expect(JSON.stringify(outcome)).to.not.contain(SECRET);
  return `${code} ${field}`.trim();
};

for (const kind of TEST_DATABASES) {
  describe(`credentials of price sources on ${kind.name}`, () => {
    let test: TestMonitor;
    let credentials: SourceCredentials;
    const credentialsWith = (secrets: SecretBox | null) =>
      createSourceCredentials({
        database: test.database,
        clock: test.clock,
        secrets,
        source_names: ["first", "second"],
      });
    beforeEach(async () => {
      test = await TestMonitor.open(kind);
      credentials = credentialsWith(TEST_SECRETS);
    });
    afterEach(() => test.close());

    const rows = () => test.database.knex<Record<string, string>>("source_credentials");

    it("are handed to their source alone, replaced, and removed", async () => {
      const known = { source: "first", header: "X-Api-Key", key_id: "one", set_at_ms: START_MS };
      expect(valueOf(await credentials.set("first", CREDENTIAL, BY))).to.deep.equal(known);
      expect(await credentials.getAll()).to.deep.equal([known]);
      await test.run();
      expect([test.first.credential, test.second.credential]).to.deep.equal([CREDENTIAL, null]);
      const bearer = { header: "Authorization", value: `Bearer ${SECRET}` };
      valueOf(await credentials.set("first", bearer, BY));
      await test.run();
      expect(test.first.credential).to.deep.equal(bearer);
      valueOf(await credentials.remove("first", BY));
      await test.run();
      expect([test.first.credential, await credentials.getAll()]).to.deep.equal([null, []]);
    });

    it("are kept encrypted, and recorded without their value", async () => {
      valueOf(await credentials.set("first", CREDENTIAL, BY));
      valueOf(await credentials.set("first", { ...CREDENTIAL, header: "Authorization" }, BY));
      valueOf(await credentials.remove("first", BY));
      const { items } = await new AuditRepository(test.database).list(TENANT_ID, { subject_id: "first" });
      const [one, other] = ["X-Api-Key", "Authorization"].map((header) => ({
        header,
        key_id: "one",
        set_at: new Date(START_MS).toISOString(),
      }));
      expect(items.map(({ action, before, after }) => ({ action, before, after }))).to.deep.equal([
        { action: "price_source.credential_removed", before: other, after: null },
        { action: "price_source.credential_set", before: one, after: other },
        { action: "price_source.credential_set", before: null, after: one },
      ]);
      valueOf(await credentials.set("first", CREDENTIAL, BY));
      expect((await rows())[0]?.sealed_value).to.match(/^v1:one:/);
      for (const table of ["source_credentials", "audit_entries", "price_sources", "alerts", "price_runs"])
        expect(inspect(await test.database.knex(table), { maxStringLength: null }), table).to.not.contain(
          SECRET,
        );
    });

    /** What a run says of a source whose credential does not open; the other sources are read all the same. */
    async function faultOfRun(): Promise<string | null | undefined> {
      test.second.says(says("one", 1, 2));
      test.second.asked.length = 0;
      test.first.asked.length = 0;
      const { report } = await test.run();
      expect([test.first.asked, test.second.asked].map(({ length }) => length)).to.deep.equal([0, 1]);
      const found = report?.sources.find(({ source }) => source === "first");
      expect(found).to.include({ outcome: "failed", fault: "CREDENTIAL" });
      return found?.detail;
    }

    it("are told as what is wrong with a source where their key is not there, and the run goes on", async () => {
      valueOf(await credentialsWith(OTHER_KEY).set("first", CREDENTIAL, BY));
      const detail =
        "Its credential cannot be read. A secret is encrypted with the key two, which BUDGET_SECRET_KEYS does not have. " +
        "Put it back there, behind the first one. Or set the credential again, or remove it.";
      expect(await faultOfRun()).to.equal(detail);
      const [source] = await test.monitor.sources();
      expect(source).to.include({ fault: "CREDENTIAL", detail });
      expect(await test.alerts()).to.deep.include({
        kind: "price_source_unhealthy",
        message: `The price source first gives no prices (CREDENTIAL): ${detail} Its last good prices stay in use.`,
      });
      valueOf(await credentials.set("first", CREDENTIAL, BY));
      await test.run();
      expect(test.first.credential).to.deep.equal(CREDENTIAL);
    });

    it("do not open in the row of another source, nor for another header, nor when they were changed", async () => {
      valueOf(await credentials.set("second", CREDENTIAL, BY));
      const [row] = await rows();
      await rows().insert({ ...row, source: "first" });
      expect(await faultOfRun()).to.match(/was changed, moved from another row, or/);
      valueOf(await credentials.set("first", CREDENTIAL, BY));
      await rows().where({ source: "first" }).update({ header: "X-Logged" });
      expect(await faultOfRun()).to.match(/was changed, moved from another row, or/);
      await rows().where({ source: "first" }).update({ sealed_value: SECRET });
      expect(await faultOfRun()).to.match(/does not have the form in which secrets are kept/);
      expect((await credentials.getAll()).map(({ key_id }) => key_id)).to.deep.equal(["", "one"]);
    });

    it("are refused where they cannot be one, or there is no source, or no key", async () => {
      const set = async (fields: Partial<SourceCredential>, source = "first") =>
        refusedWith(await credentials.set(source, { ...CREDENTIAL, ...fields }, BY));
      for (const header of [
        "",
        "a b",
        "a:b",
        "Größe",
        "Host",
        "content-length",
        "If-None-Match",
        "User-Agent",
      ])
        expect(await set({ header }), header).to.equal("invalid_value /header");
      for (const value of [
        "",
        ` ${SECRET}`,
        `${SECRET}\n`,
        `${SECRET}\r\nHost: x`,
        `${SECRET}\0`,
        `${SECRET}ü`,
      ])
        expect(await set({ value }), value).to.equal("invalid_value /value");
      expect(await set({}, "third")).to.equal("price_source_not_found");
      const keyless = credentialsWith(null);
      expect(refusedWith(await keyless.set("first", CREDENTIAL, BY))).to.equal("secret_keys_missing");
      expect(refusedWith(await credentials.remove("first", BY))).to.equal("source_credential_not_found");
      expect(refusedWith(await credentials.remove("third", BY))).to.equal("price_source_not_found");
      expect(await rows()).to.deep.equal([]);
      expect((await new AuditRepository(test.database).list(TENANT_ID, {})).items).to.deep.equal([]);
    });

    it("are removed also where their source or their key is not there any more", async () => {
      valueOf(await credentialsWith(OTHER_KEY).set("first", CREDENTIAL, BY));
      await rows().update({ source: "gone" });
      valueOf(await credentialsWith(null).remove("gone", BY));
      expect(await rows()).to.deep.equal([]);
    });
  });
}
