import { EMPTY_POSTGRES, openDatabase } from "@budget/repositories";
import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startTestServer, type } from "./support.ts";

const KEY = "correct horse battery staple";
const NEW_KEY = "another key, not that one";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));

describe("commands that protect a SQLite file", () => {
  let folder: string;
  let url: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "budget-cli-"));
    url = `sqlite:${join(folder, "budget.db")}`;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const environment = (key: string, more: Readonly<Record<string, string>> = {}) => ({
    BUDGET_DATABASE_URL: url,
    BUDGET_DATABASE_KEY: key,
    ...more,
  });
  const makeDatabase = async (key: string) => {
    expect((await type(["db", "migrate"], environment(key))).code).to.equal(0);
  };

  it("encrypt, encrypt with another key, and decrypt; a server opens it by its key alone", async () => {
    await makeDatabase("");
    const encrypt = await type(["db", "rekey"], environment("", { BUDGET_DATABASE_NEW_KEY: KEY }));
    expect([encrypt.code, encrypt.stderr]).to.deep.equal([0, ""]);
    expect(encrypt.stdout)
      .to.match(/Set BUDGET_DATABASE_KEY/)
      .and.not.to.contain(KEY);
    const files = { "new.key": `${NEW_KEY}\n` };
    const again = await type(["db", "rekey", "--new-key-file", "new.key", "--json"], environment(KEY), files);
    expect(JSON.parse(again.stdout)).to.deep.equal({ encrypted: true });
    const wrong = await type(["db", "migrate"], environment(KEY));
    expect(wrong.code).to.equal(1);
    expect(wrong.stderr)
      .to.match(/BUDGET_DATABASE_KEY is not the key of/)
      .and.not.to.contain(KEY);
    const server = await startTestServer(url, NEW_KEY);
    const served = await type(["db", "rekey"], environment(NEW_KEY, { BUDGET_DATABASE_NEW_KEY: "" }));
    expect([served.code, served.stderr]).to.satisfy(
      ([code, said]: [number, string]) => code === 1 && said.includes("Another Budget server uses"),
    );
    expect((await type(["verify"], environment(NEW_KEY))).code).to.equal(0);
    await server.stop();
    const decrypt = await type(["db", "rekey"], environment(NEW_KEY, { BUDGET_DATABASE_NEW_KEY: "" }));
    expect(decrypt.code).to.equal(0);
    expect(readFileSync(join(folder, "budget.db"), "latin1")).to.match(/^SQLite format 3/);
  });

  it("take no new key from the arguments, and none that is short", async () => {
    await makeDatabase("");
    expect((await type(["db", "rekey"], environment(""))).code).to.equal(2);
    expect((await type(["db", "rekey", KEY], environment(""))).code).to.equal(2);
    const short = await type(["db", "rekey"], environment("", { BUDGET_DATABASE_NEW_KEY: "short" }));
    expect([short.code, short.stderr]).to.deep.equal([2, "A key must have 16 characters or more.\n"]);
  });

  it("back up beside a running server, and restore when it has ended", async () => {
    const file = join(folder, "backup.db");
    const server = await startTestServer(url, KEY);
    const backup = await type(["db", "backup", file], environment(KEY));
    expect([backup.code, backup.stdout, backup.stderr]).to.deep.equal([0, `Written: ${file}\n`, ""]);
    const served = await type(["db", "restore", file, "--force"], environment(KEY));
    expect([served.code, served.stderr.includes("Another Budget server uses")]).to.deep.equal([1, true]);
    await server.stop();
    const careful = await type(["db", "restore", file], environment(KEY));
    expect([careful.code, careful.stderr.includes("Give --force")]).to.deep.equal([1, true]);
    const restored = await type(["db", "restore", file, "--force"], environment(KEY));
    expect([restored.code, restored.stdout]).to.deep.equal([0, `Restored: ${file}\n`]);
    expect((await type(["verify"], environment(KEY))).code).to.equal(0);
  });

  it("leave a database that opens, when the process itself is killed", async function () {
    this.timeout(60_000);
    await makeDatabase(KEY);
    const variables = environment(KEY, { BUDGET_DATABASE_NEW_KEY: NEW_KEY });
    const child = spawn(process.execPath, ["--conditions=budget-source", MAIN, "db", "rekey"], {
      env: { ...process.env, ...variables },
      stdio: "ignore",
    });
    const ended = once(child, "exit");
    // In the middle: the copy is begun, and not yet in place.
    while (!existsSync(join(folder, "budget.db.new")) && child.exitCode === null)
      await new Promise(setImmediate);
    child.kill("SIGKILL");
    await ended;
    const codes = [
      (await type(["verify"], environment(KEY))).code,
      (await type(["verify"], environment(NEW_KEY))).code,
    ];
    expect(codes.toSorted()).to.deep.equal([0, 1]);
  });
});

describe("commands that protect a PostgreSQL database", () => {
  let test: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    test = await TEST_DATABASES.find(({ name }) => name === "postgres")!.open();
    folder = mkdtempSync(join(tmpdir(), "budget-dump-"));
  });
  afterEach(async () => {
    await test.close();
    rmSync(folder, { recursive: true });
  });

  /** Stands for a program of PostgreSQL: that of many machines is older than the server of the tests. */
  const standIn = (program: string, script: string): void => {
    const path = join(folder, program);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
  };
  const withStandIns = () => `${folder}:${process.env.PATH ?? ""}`;

  it("say that pg_dump is needed where it is not there", async () => {
    const answer = await type(["db", "backup", join(folder, "file")], {
      BUDGET_DATABASE_URL: test.url,
      PATH: folder,
    });
    expect(answer.code).to.equal(1);
    expect(answer.stderr).to.match(/pg_dump for this, which is not on the PATH. Install PostgreSQL's client/);
  });

  it("have pg_dump write the file, of all tenants, with the password in its environment and not in its arguments", async () => {
    standIn("pg_dump", `echo "$PGPASSWORD" "$PGOPTIONS" "$@" > "${folder}/call"`);
    const file = join(folder, "file");
    const answer = await type(["db", "backup", file], {
      BUDGET_DATABASE_URL: "postgres://ada:s%40cret@db.example:5432/budget?sslmode=require",
      PATH: withStandIns(),
    });
    expect([answer.code, answer.stderr]).to.deep.equal([0, ""]);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readFileSync(join(folder, "call"), "utf8").trim()).to.equal(
      `s@cret -c budget.all_tenants=on --format=custom --enable-row-security --no-owner --no-privileges --file=${file}.partial ` +
        "postgres://ada@db.example:5432/budget?sslmode=require",
    );
  });

  describe("restore", () => {
    const SCRIPT = "CREATE TABLE one ();";
    const KNOWN = ["0001-foundation", "0002-decisions"];

    /** A pg_restore that has this to write, and a psql that keeps what it reads; each writes down how it was called. */
    const standIns = (migrations = KNOWN, { afterScript = "", psql = "" } = {}): void => {
      const rows = migrations.map((name, index) => `${index + 1}\\t${name}\\t1\\tnow\\n`).join("");
      standIn(
        "pg_restore",
        `echo "$PGPASSWORD" "$@" >> "${folder}/calls"
         case "$*" in *--data-only*) printf 'COPY schema_migrations FROM stdin;\\n${rows}' ;;
         *) echo '${SCRIPT}'; ${afterScript} ;; esac`,
      );
      standIn("psql", `echo "$PGPASSWORD" "$@" >> "${folder}/calls"; ${psql}\ncat > "${folder}/sql"`);
    };
    const restore = (...more: readonly string[]) =>
      type(["db", "restore", "/backups/b", ...more], {
        BUDGET_DATABASE_URL: test.url.replace("budget@", "budget:s%40cret@"),
        PATH: withStandIns(),
      });
    const told = (file: string): readonly string[] =>
      existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8").trim().split("\n") : [];
    // Whoever is connected counts, so the tests themselves are not; PostgreSQL takes a moment to see that they left.
    beforeEach(async () => {
      await test.database.close();
      const elsewhere = Object.assign(new URL(test.url), { pathname: "/postgres" });
      const watch = openDatabase({ url: elsewhere.href, pool_size: 1 });
      const connected = { datname: new URL(test.url).pathname.slice(1), backend_type: "client backend" };
      while ((await watch.knex("pg_stat_activity").where(connected)).length > 0)
        await new Promise(setImmediate);
      await watch.close();
    });

    it("commits one transaction, which begins by taking Budget's tables away, once pg_restore has written all", async () => {
      standIns();
      const answer = await restore("--force");
      expect([answer.code, answer.stderr, answer.stdout]).to.deep.equal([0, "", "Restored: /backups/b\n"]);
      const sql = told("sql");
      expect([sql[0], ...sql.slice(-2)]).to.deep.equal(["BEGIN;", SCRIPT, "COMMIT;"]);
      expect(sql.slice(1, -2)).to.deep.equal(EMPTY_POSTGRES.map((statement) => `${statement};`));
      const address = test.url;
      expect(new Set(told("calls"))).to.deep.equal(
        new Set([
          "--data-only --table=schema_migrations --file=- /backups/b",
          `s@cret --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname=${address}`,
          "s@cret --no-owner --no-privileges --file=- /backups/b",
        ]),
      );
    });

    it("commits nothing where pg_restore fails or is killed on the way", async () => {
      for (const [afterScript, reason] of [
        ["echo 'no more' >&2; exit 1", "pg_restore failed: no more"],
        ["kill -9 $$", "pg_restore failed: SIGKILL"],
      ] as const) {
        standIns(KNOWN, { afterScript });
        const answer = await restore("--force");
        expect(answer.stderr).to.equal(`${reason} The database is as it was, or as the backup.\n`);
        expect([answer.code, told("sql").at(-1)]).to.deep.equal([1, SCRIPT]);
      }
    });

    it("says what psql says, also where that reads no further", async () => {
      const long = `i=0; while [ $i -lt 20000 ]; do echo '${SCRIPT}'; i=$((i+1)); done`;
      for (const afterScript of ["", long]) {
        standIns(KNOWN, { afterScript, psql: "echo 'no such server' >&2; exit 2" });
        const answer = await restore("--force");
        expect(answer.code).to.equal(1);
        expect(answer.stderr).to.match(/^psql failed: no such server The database is as it was/);
      }
    });

    it("asks for --force where there is a database, and for others to leave it", async () => {
      standIns();
      const careful = await restore();
      expect([careful.code, careful.stderr.includes("Give --force")]).to.deep.equal([1, true]);
      const server = openDatabase({ url: test.url });
      await server.knex.raw("SELECT 1");
      const served = await restore("--force");
      expect([served.code, served.stderr.startsWith("Others are connected to the database (")]).to.deep.equal(
        [1, true],
      );
      expect(told("sql")).to.deep.equal([]);
      expect((await restore("--force", "--ignore-connections")).code).to.equal(0);
      await server.close();
    });

    it("refuses a backup that is not Budget's or of a later version, and a database of a later version", async () => {
      for (const [migrations, reason] of [
        [[], /but of none of Budget's/],
        [[...KNOWN, "9999-later"], /does not know \(9999-later\)/],
      ] as const) {
        standIns([...migrations]);
        const answer = await restore("--force");
        expect([answer.code, reason.test(answer.stderr)], answer.stderr).to.deep.equal([1, true]);
      }
      const later = openDatabase({ url: test.url });
      await later.knex("schema_migrations").insert({ name: "9999-later", batch: 9 });
      await later.close();
      standIns();
      const answer = await restore("--force");
      expect([answer.code, answer.stderr.includes("or into an empty database")]).to.deep.equal([1, true]);
      expect(told("sql")).to.deep.equal([]);
    });

    it("says which program is needed where one is not there", async () => {
      const without = (path: string) =>
        type(["db", "restore", "b", "--force"], { BUDGET_DATABASE_URL: test.url, PATH: path });
      expect((await without(folder)).stderr).to.match(/^PostgreSQL needs pg_restore for this, which is not/);
      standIn("pg_restore", "printf '1\\t0001-foundation\\t1\\tnow\\n'");
      const answer = await without(folder);
      expect(answer.stderr).to.match(/^PostgreSQL needs psql for this, which is not on the PATH\. Install/);
    });
  });

  it("refuse what is for SQLite files only, and say what is done instead", async () => {
    const environment = { BUDGET_DATABASE_URL: test.url, BUDGET_DATABASE_NEW_KEY: NEW_KEY };
    const rekey = await type(["db", "rekey"], environment);
    expect([rekey.code, rekey.stderr.includes("SQLite file")]).to.deep.equal([1, true]);
    const keyed = await type(["verify"], { ...environment, BUDGET_DATABASE_KEY: KEY });
    expect([keyed.code, keyed.stderr.includes("encrypts SQLite files only")]).to.deep.equal([1, true]);
  });
});
