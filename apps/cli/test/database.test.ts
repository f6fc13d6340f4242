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

  it("say that pg_dump is needed where it is not there", async () => {
    const answer = await type(["db", "backup", join(folder, "file")], {
      BUDGET_DATABASE_URL: test.url,
      PATH: folder,
    });
    expect(answer.code).to.equal(1);
    expect(answer.stderr).to.match(/pg_dump, which is not on the PATH. Install PostgreSQL's client/);
  });

  it("have pg_dump write the file, of all tenants, with the password in its environment and not in its arguments", async () => {
    // The server of the tests is newer than the pg_dump of many machines: this one writes down how it was called.
    const program = join(folder, "pg_dump");
    writeFileSync(program, `#!/bin/sh\necho "$PGPASSWORD" "$PGOPTIONS" "$@" > "${folder}/call"\n`);
    chmodSync(program, 0o755);
    const file = join(folder, "file");
    const answer = await type(["db", "backup", file], {
      BUDGET_DATABASE_URL: "postgres://ada:s%40cret@db.example:5432/budget?sslmode=require",
      PATH: `${folder}:${process.env.PATH ?? ""}`,
    });
    expect([answer.code, answer.stderr]).to.deep.equal([0, ""]);
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    expect(readFileSync(join(folder, "call"), "utf8").trim()).to.equal(
      `s@cret -c budget.all_tenants=on --format=custom --enable-row-security --no-owner --no-privileges --file=${file}.partial ` +
        "postgres://ada@db.example:5432/budget?sslmode=require",
    );
  });

  it("refuse what is for SQLite files only, and say what is done instead", async () => {
    const environment = { BUDGET_DATABASE_URL: test.url, BUDGET_DATABASE_NEW_KEY: NEW_KEY };
    const rekey = await type(["db", "rekey"], environment);
    expect([rekey.code, rekey.stderr.includes("SQLite file")]).to.deep.equal([1, true]);
    const restore = await type(["db", "restore", join(folder, "file")], environment);
    expect([restore.code, restore.stderr.includes("pg_restore")]).to.deep.equal([2, true]);
    const keyed = await type(["verify"], { ...environment, BUDGET_DATABASE_KEY: KEY });
    expect([keyed.code, keyed.stderr.includes("encrypts SQLite files only")]).to.deep.equal([1, true]);
  });
});
