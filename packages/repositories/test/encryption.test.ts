import { expect } from "chai";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase, type DatabaseOptions } from "../src/database.ts";
import { DatabaseError } from "../src/database-error.ts";
import { migrate } from "../src/migrate.ts";
import { rekeyDatabase } from "../src/sqlite-backup.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { TENANT, write } from "./entities.ts";

const KEY = "correct horse battery staple";
const OTHER_KEY = "another key, not that one";

describe("an encrypted SQLite file", () => {
  let folder: string;
  let url: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "budget-encrypted-"));
    url = `sqlite:${join(folder, "budget.db")}`;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const open = (options: Omit<DatabaseOptions, "url">) => openDatabase({ url, ...options });

  async function makeDatabase(key: string): Promise<void> {
    const database = open({ key });
    await migrate(database);
    await database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
    await database.close();
  }

  async function tenants(key: string): Promise<number> {
    const database = open({ key });
    try {
      return (await database.knex("tenants")).length;
    } finally {
      await database.close();
    }
  }

  /** Whether a text of the rows or of the schema can be read in what is on the disk. */
  const isReadable = (text: string): boolean =>
    readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes(text));

  it("shows nothing of its rows and schema on the disk, in its log neither", async () => {
    const database = open({ key: KEY });
    await migrate(database);
    await database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
    expect(readdirSync(folder)).to.include("budget.db-wal");
    for (const text of [TENANT, "tenants", "SQLite format 3"]) expect(isReadable(text)).to.equal(false);
    await database.close();
    for (const text of [TENANT, "tenants", "SQLite format 3"]) expect(isReadable(text)).to.equal(false);
    expect(await tenants(KEY)).to.equal(1);
  });

  it("is not opened without its key or with another, and the error says what to do and names no key", async () => {
    await makeDatabase(KEY);
    const failures = [
      { key: "", code: "key_missing", says: /is encrypted.*Set BUDGET_DATABASE_KEY/ },
      { key: OTHER_KEY, code: "key_wrong", says: /BUDGET_DATABASE_KEY is not the key of.*Set it to/ },
    ];
    for (const { key, code, says } of failures) {
      // The lock of a server is given back each time.
      const error = thrownBy(() => open({ key, exclusive: true }));
      expect(error.code).to.equal(code);
      expect(error.message).to.match(says);
      expect(error.message).not.to.contain(KEY).and.not.to.contain(OTHER_KEY);
    }
    expect(await tenants(KEY)).to.equal(1);
  });

  it("is told from one that is not encrypted, for which a key was given", async () => {
    await makeDatabase("");
    const error = thrownBy(() => open({ key: KEY }));
    expect(error.code).to.equal("not_encrypted");
    expect(error.message)
      .to.match(/is not encrypted.*budget db rekey/)
      .and.not.to.contain(KEY);
    const postgres = thrownBy(() => openDatabase({ url: "postgres://localhost/budget", key: KEY }));
    expect(postgres.code).to.equal("not_encrypted");
  });

  it("is told from what is no database", () => {
    writeFileSync(join(folder, "budget.db"), "no database at all".repeat(1000));
    expect(thrownBy(() => open({})).code).to.equal("key_missing");
    expect(thrownBy(() => open({ key: KEY })).code).to.equal("key_wrong");
  });

  it("is opened again while it is open, as by tools beside a server", async () => {
    await makeDatabase(KEY);
    const server = open({ key: KEY, exclusive: true });
    await server.knex("tenants");
    expect(await tenants(KEY)).to.equal(1);
    expect(thrownBy(() => open({ key: OTHER_KEY })).code).to.equal("key_wrong");
    await server.knex("tenants").update({ name: "renamed" });
    await server.close();
    expect(await tenants(KEY)).to.equal(1);
  });

  it("gets another key, gets its first one, and loses it", async () => {
    await makeDatabase("");
    const steps = [
      ["", KEY],
      [KEY, OTHER_KEY],
      [OTHER_KEY, ""],
    ] as const;
    for (const [key, new_key] of steps) {
      rekeyDatabase({ url, key }, new_key);
      expect(readdirSync(folder).toSorted()).to.deep.equal(["budget.db", "budget.db.server-lock"]);
      expect(isReadable(TENANT)).to.equal(new_key === "");
      expect(await tenants(new_key)).to.equal(1);
      expect(() => open({ key })).to.throw(DatabaseError);
    }
  });

  it("keeps its key where a server runs, a tool uses it, or the key is wrong", async () => {
    await makeDatabase(KEY);
    const rekey = (key: string) => thrownBy(() => rekeyDatabase({ url, key }, OTHER_KEY)).code;
    for (const exclusive of [true, false]) {
      const other = open({ key: KEY, exclusive });
      await other.knex("tenants");
      expect(rekey(KEY), `exclusive: ${exclusive}`).to.equal("in_use");
      await other.close();
    }
    expect(rekey("")).to.equal("key_missing");
    expect(rekey("neither of the two keys")).to.equal("key_wrong");
    expect(thrownBy(() => rekeyDatabase({ url: `${url}.not`, key: "" }, KEY)).code).to.equal("not_found");
    expect(thrownBy(() => rekeyDatabase({ url: "sqlite::memory:", key: "" }, KEY)).code).to.equal(
      "unsupported_url",
    );
    expect(await tenants(KEY)).to.equal(1);
  });
});

function thrownBy(work: () => unknown): DatabaseError {
  try {
    work();
  } catch (error) {
    expect(error).to.be.an.instanceOf(DatabaseError);
    return error as DatabaseError;
  }
  throw new Error("Nothing was thrown.");
}
