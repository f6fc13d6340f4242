import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { openDatabase, type Database } from "../src/database.ts";
import { DatabaseError } from "../src/database-error.ts";
import { migrate } from "../src/migrate.ts";
import { backUpDatabase, rekeyDatabase, restoreDatabase } from "../src/sqlite-backup.ts";
import { openSqliteFile } from "../src/sqlite-key.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { TENANT, T0 } from "./entities.ts";
import { createRandom } from "./harness/random.ts";

const KEY = "correct horse battery staple";
const NEW_KEY = "another key, not that one";

/** Some megabytes, so that a kill often comes in the middle of the work. */
const ROWS = 8000;
const ROWS_IN_LOG = 500;
const KILLS = 8;

describe("a SQLite file that is copied or replaced", () => {
  let folder: string;
  let database: { url: string; key: string };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "budget-backup-"));
    database = { url: `sqlite:${join(folder, "budget.db")}`, key: KEY };
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const backup = () => join(folder, "backup.db");
  const codeOf = (work: () => void): string | undefined => {
    try {
      work();
      return undefined;
    } catch (error) {
      expect(error).to.be.an.instanceOf(DatabaseError);
      expect(String(error)).not.to.contain(KEY);
      return (error as DatabaseError).code;
    }
  };

  it("is backed up while a server writes, with its key, and restored", async () => {
    const server = openDatabase({ ...database, exclusive: true });
    await migrate(server);
    await addEvents(server, 10);
    await server.transaction(ALL_TENANTS, async (transaction) => {
      // What is not committed is not in it.
      await transaction.query("UPDATE events SET payload = 'later'", []);
      backUpDatabase(database, backup());
    });
    await addEvents(server, 5);
    expect(codeOf(() => restoreDatabase(database, backup(), true))).to.equal("in_use");
    await server.close();
    expect(statSync(backup()).mode & 0o777).to.equal(0o600);
    expect(codeOf(() => backUpDatabase(database, backup()))).to.equal("exists");
    expect(codeOf(() => restoreDatabase(database, backup(), false))).to.equal("exists");
    expect(eventsIn(folder, KEY)).to.equal(15);
    restoreDatabase(database, backup(), true);
    expect(eventsIn(folder, KEY)).to.equal(10);
    expect(namesIn(folder)).to.deep.equal(["backup.db", "budget.db", "budget.db.server-lock"]);
    rmSync(join(folder, "budget.db"));
    restoreDatabase(database, backup(), false);
    expect(eventsIn(folder, KEY)).to.equal(10);
    const again = openDatabase({ ...database, exclusive: true });
    expect(await migrate(again)).to.deep.equal([]);
    expect(await again.knex("events").where({ payload: "later" })).to.deep.equal([]);
    await again.close();
  });

  it("is not replaced by a file that is damaged, not Budget's, of a later version, or of another key", async () => {
    await makeDatabase(folder, 2000, "");
    const plain = { ...database, key: "" };
    backUpDatabase(plain, backup());
    const good = openSqliteFile(backup(), "");
    const bad = (name: string, change: (file: string) => void) => {
      const file = join(folder, name);
      cpSync(backup(), file);
      change(file);
      return codeOf(() => restoreDatabase(plain, file, true));
    };
    good.close();
    const within = (sql: string) => (file: string) => {
      const connection = openSqliteFile(file, "");
      connection.exec(sql);
      connection.close();
    };
    expect(
      bad("later.db", within("INSERT INTO schema_migrations (name, batch) VALUES ('9999-later', 9)")),
    ).to.equal("unusable_file");
    expect(bad("other.db", within("DROP TABLE schema_migrations"))).to.equal("unusable_file");
    expect(bad("keyed.db", (file) => rekeyDatabase({ url: `sqlite:${file}`, key: "" }, KEY))).to.equal(
      "key_missing",
    );
    expect(bad("text.db", (file) => writeFileSync(file, "text".repeat(5000)))).to.equal("key_missing");
    expect(
      bad("damaged.db", (file) => {
        const connection = openSqliteFile(file, "", {});
        connection.unsafeMode();
        connection.pragma("writable_schema = ON");
        connection.exec("UPDATE sqlite_schema SET rootpage = 3 WHERE name = 'events'");
        connection.close();
      }),
    ).to.equal("unusable_file");
    expect(codeOf(() => restoreDatabase(plain, join(folder, "none.db"), true))).to.equal("not_found");
    expect(eventsIn(folder, "")).to.equal(2000);
  });

  it("is not replaced beside the log of a database that was moved away", async () => {
    await makeDatabase(folder, 10, KEY);
    backUpDatabase(database, backup());
    rmSync(join(folder, "budget.db"));
    writeFileSync(join(folder, "budget.db-wal"), "");
    expect(codeOf(() => restoreDatabase(database, backup(), false))).to.equal("exists");
  });

  it("has the old key or the new one, and all rows, whenever its rekeying is killed", async function () {
    this.timeout(300_000);
    const template = join(folder, "template");
    await makeCrashed(template, KEY);
    const seen = await killOften(template, "rekeyDatabase({ url, key }, new_key)", (place) => {
      const key = [KEY, NEW_KEY].filter((one) => opens(place, one));
      expect(key, "keys that open it").to.have.length(1);
      expect(eventsIn(place, key[0]!)).to.equal(ROWS + ROWS_IN_LOG);
      // The next one tidies up.
      const after_all = key[0] === KEY ? NEW_KEY : KEY;
      rekeyDatabase({ url: `sqlite:${join(place, "budget.db")}`, key: key[0]! }, after_all);
      expect(eventsIn(place, after_all)).to.equal(ROWS + ROWS_IN_LOG);
      expect(namesIn(place)).to.deep.equal(["backup.db", "budget.db", "budget.db.server-lock"]);
      return key[0]!;
    });
    expect(seen).to.include(KEY);
  });

  it("is the old one or the backup, whenever a restore is killed", async function () {
    this.timeout(300_000);
    const template = join(folder, "template");
    await makeCrashed(template, KEY);
    const seen = await killOften(template, "restoreDatabase({ url, key }, backup, true)", (place) => {
      const events = eventsIn(place, KEY);
      expect(events).to.be.oneOf([ROWS, ROWS + ROWS_IN_LOG]);
      restoreDatabase(
        { url: `sqlite:${join(place, "budget.db")}`, key: KEY },
        join(place, "backup.db"),
        true,
      );
      expect(eventsIn(place, KEY)).to.equal(ROWS);
      expect(namesIn(place)).to.deep.equal(["backup.db", "budget.db", "budget.db.server-lock"]);
      return events;
    });
    expect(seen).to.include(ROWS + ROWS_IN_LOG);
  });

  /**
   * Does some work in a process of its own on copies of a folder, and kills it after random times: some before it has
   * begun, some after its end.
   * @returns what `look` found in each copy
   */
  async function killOften<T>(
    template: string,
    work: string,
    look: (place: string) => T,
  ): Promise<readonly T[]> {
    const random = createRandom(5);
    const longest_ms = 1.2 * (await runIn(copyOf(template, "whole"), work, undefined)).took_ms;
    const found: T[] = [];
    let killed = 0;
    for (let round = 0; round < KILLS; round += 1) {
      const place = copyOf(template, `round-${round}`);
      const { signal } = await runIn(place, work, random() * longest_ms);
      if (signal === "SIGKILL") killed += 1;
      found.push(look(place));
      rmSync(place, { recursive: true });
    }
    expect(killed).to.be.above(KILLS / 4);
    return found;
  }

  function copyOf(template: string, name: string): string {
    const place = join(folder, name);
    cpSync(template, place, { recursive: true });
    return place;
  }
});

/** Runs `work` on the database in a folder, and kills it so many milliseconds after it began. */
async function runIn(
  place: string,
  work: string,
  kill_after_ms: number | undefined,
): Promise<{ readonly signal: NodeJS.Signals | null; readonly took_ms: number }> {
  const script = `
    const { rekeyDatabase, restoreDatabase } = await import(${JSON.stringify(
      new URL("../src/sqlite-backup.ts", import.meta.url).href,
    )});
    const [url, backup, key, new_key] = ${JSON.stringify([
      `sqlite:${join(place, "budget.db")}`,
      join(place, "backup.db"),
      KEY,
      NEW_KEY,
    ])};
    process.stdout.write("begins");
    // Until it is written, nobody can see it.
    await new Promise(setImmediate);
    ${work};
  `;
  const child = spawn(process.execPath, ["--conditions=budget-source", "--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  await once(child.stdout, "data");
  const began_ms = performance.now();
  if (kill_after_ms !== undefined) {
    await delay(kill_after_ms);
    child.kill("SIGKILL");
  }
  const [code, signal] = await exit;
  if (signal === null) expect(code).to.equal(0);
  return { signal, took_ms: performance.now() - began_ms };
}

const namesIn = (folder: string): readonly string[] =>
  readdirSync(folder)
    .filter((name) => name !== "template")
    .toSorted();

function opens(folder: string, key: string): boolean {
  try {
    openSqliteFile(join(folder, "budget.db"), key).close();
    return true;
  } catch (error) {
    expect((error as DatabaseError).code).to.equal("key_wrong");
    return false;
  }
}

/** How many events a database holds that is sound. */
function eventsIn(folder: string, key: string): number {
  const connection = openSqliteFile(join(folder, "budget.db"), key);
  try {
    expect(connection.prepare("PRAGMA integrity_check").pluck().all()).to.deep.equal(["ok"]);
    return connection.prepare("SELECT count(*) FROM events").pluck().get() as number;
  } finally {
    connection.close();
  }
}

async function addEvents(database: Database, count: number): Promise<void> {
  const numbers = Array.from({ length: count }, (_, index) => ({
    tenant_id: TENANT,
    event_type: "test",
    subject_id: TENANT,
    payload: `{"index":${index},"text":"${"long ".repeat(20)}"}`,
    created_at_ms: T0,
  }));
  await database.knex.batchInsert("events", numbers, 500);
}

async function makeDatabase(folder: string, rows: number, key: string): Promise<void> {
  const database = openDatabase({ url: `sqlite:${join(folder, "budget.db")}`, key });
  await migrate(database);
  await addEvents(database, rows);
  await database.close();
}

/** A folder as a killed server leaves it, with rows that are in the log only, and a backup from before these. */
async function makeCrashed(folder: string, key: string): Promise<void> {
  const made = `${folder}-made`;
  await makeDatabase(made, ROWS, key);
  const file = { url: `sqlite:${join(made, "budget.db")}`, key };
  backUpDatabase(file, join(made, "backup.db"));
  const server = openDatabase(file);
  await addEvents(server, ROWS_IN_LOG);
  cpSync(made, folder, { recursive: true });
  await server.close();
  rmSync(made, { recursive: true });
  expect(readdirSync(folder)).to.include("budget.db-wal");
}
