import { openDatabase } from "@budget/repositories";
import { expect } from "chai";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createProgress } from "../src/migration/progress.ts";
import type { Terminal, World } from "../src/session.ts";
import { Legacy, policy, record, setting, usageRow } from "./legacy.ts";
import { type, type Ran } from "./support.ts";

describe("what migrate is told", () => {
  let legacy: Legacy;
  let environment: Readonly<Record<string, string>>;
  beforeEach(() => {
    legacy = new Legacy();
    legacy.writeApollo({ "budget_policies.json": [policy("p1")], "usage_records_1.json": [record("r1")] });
    environment = { BUDGET_DATABASE_URL: `sqlite:${join(legacy.folder, "budget.db")}` };
  });
  afterEach(() => legacy.remove());

  const migrate = (
    words: readonly string[],
    files: Readonly<Record<string, string>> = {},
    terminal: Terminal | null = null,
  ): Promise<Ran> => type(["migrate", ...words], environment, files, terminal);

  /** A terminal at which somebody gives these answers. */
  function answering(...answers: readonly string[]): Terminal & { readonly asked: string[] } {
    const left = [...answers];
    const asked: string[] = [];
    return {
      asked,
      columns: 80,
      ask(question) {
        asked.push(question);
        return Promise.resolve(left.shift() ?? "");
      },
    };
  }

  describe("about the time zone", () => {
    it("is needed where nobody can be asked, and never guessed", async () => {
      const ran = await migrate(["apollo", legacy.apollo]);
      expect([ran.code, ran.stdout, ran.stderr]).to.deep.equal([
        2,
        "",
        "Apollo wrote its times without a time zone. Say which one its machine was in, such as --time-zone Europe/Berlin.\n",
      ]);
    });

    it("is asked for at a terminal, until it is one", async () => {
      const terminal = answering("Berlin", " Europe/Berlin ");
      const ran = await migrate(["apollo", legacy.apollo, "--json"], {}, terminal);
      expect(ran.code).to.equal(0);
      expect(terminal.asked).to.deep.equal([
        "Apollo wrote its times without a time zone. Which one was its machine in,\nsuch as Europe/Berlin or UTC? ",
        "No time zone is called Berlin. Which one? ",
      ]);
      expect(JSON.parse(ran.stdout)).to.deep.include({ time_zone: "Europe/Berlin" });
    });

    it("is not made up where whoever is asked does not know", async () => {
      const ran = await migrate(["rhetor", legacy.rhetor], {}, answering(""));
      expect(ran.code).to.equal(2);
    });

    it("must have a name", async () => {
      const ran = await migrate(["apollo", legacy.apollo, "--time-zone", "+01:00"]);
      expect([ran.code, ran.stderr.includes("Give a name such as Europe/Berlin")]).to.deep.equal([2, true]);
    });

    it("is what days and local times are read by", async () => {
      const words = ["apollo", legacy.apollo, "--time-zone", "America/New_York", "--json"];
      const ran = JSON.parse((await migrate(words)).stdout) as {
        reconciliation: { groups: { day: string }[] };
      };
      expect(ran.reconciliation.groups[0]?.day).to.equal("2026-03-02");
      const database = openDatabase({ url: environment.BUDGET_DATABASE_URL! });
      const [row] = await database.knex<{ time_zone: string }>("policies");
      const [usage] = await database.knex<{ timestamp_ms: number }>("usage_records");
      await database.close();
      expect(row?.time_zone).to.equal("America/New_York");
      expect(Number(usage?.timestamp_ms)).to.equal(Date.parse("2026-03-02T13:41:52Z"));
    });
  });

  describe("in files", () => {
    /** An option, its file, and what is said of it. */
    const wrong: readonly (readonly [string, string, string])[] = [
      ["--mapping", "components: [a]", "FILE:1:13: /components: It must have names with values."],
      [
        "--mapping",
        "component: {a: b}",
        'FILE:1:1: /component: There is no field "component". It takes components, budgets.',
      ],
      [
        "--mapping",
        "components:\n  codex:\n",
        "FILE:2:9: /components/codex: It must be text of 1 to 200 characters, and is null.",
      ],
      [
        "--mapping",
        "budgets:\n  tekton: x\n",
        'FILE:2:3: /budgets/tekton: There is no field "tekton". It takes apollo, rhetor.',
      ],
      ["--mapping", "components: {a: b", "FILE:1:18: "],
      [
        "--rates",
        '{"openai": {"gpt-4o": {"input_cost_per_token": 1}}}',
        "FILE:1:23: /openai/gpt-4o: output_cost_per_token is missing.",
      ],
      [
        "--rates",
        '{"openai": {"gpt-4o": {"input_cost_per_token": -1e-5, "output_cost_per_token": 1e-20}}}',
        "FILE:1:48: /openai/gpt-4o/input_cost_per_token: It is -1e-5; it must be dollars for a token, from 0 to 1.",
      ],
      ["--rates", '{"openai": 5}', "FILE:1:12: /openai: It must have names with values."],
    ];
    for (const [option, text, message] of wrong) {
      it(`has its mistakes named with their line: ${option} ${text.replaceAll("\n", "⏎")}`, async () => {
        await legacy.writeRhetor([usageRow()]);
        const words = ["rhetor", legacy.rhetor, "--time-zone", "UTC", option, "FILE"];
        const ran = await migrate(words, { FILE: text });
        expect([ran.code, ran.stdout]).to.deep.equal([2, ""]);
        expect(ran.stderr).to.contain(message);
        expect(existsSync(join(legacy.folder, "budget.db"))).to.equal(false);
      });
    }

    it("must be there", async () => {
      const ran = await migrate(["apollo", legacy.apollo, "--time-zone", "UTC", "--mapping", "gone.yaml"]);
      expect([ran.code, ran.stderr]).to.deep.equal([2, "The file gone.yaml cannot be read (ENOENT).\n"]);
    });
  });

  it("about another system, is told which there are", async () => {
    const ran = await migrate(["enforce", "athena"]);
    expect([ran.code, ran.stderr.includes("Allowed choices are apollo, rhetor")]).to.deep.equal([2, true]);
    expect((await migrate(["athena"])).code).to.equal(2);
  });

  it("about a database that is not there: only an import makes it", async () => {
    for (const words of [
      ["enforce", "apollo"],
      ["reconcile", "apollo", legacy.apollo, "--time-zone", "UTC"],
    ]) {
      const ran = await migrate(words);
      expect([ran.code, ran.stderr.includes("There is no database at")]).to.deep.equal([1, true]);
    }
    const dry = await migrate(["apollo", legacy.apollo, "--time-zone", "UTC", "--dry-run"]);
    expect([dry.code, existsSync(join(legacy.folder, "budget.db"))]).to.deep.equal([0, false]);
    expect((await migrate(["apollo", legacy.apollo, "--time-zone", "UTC"])).code).to.equal(0);
    const database = openDatabase({ url: environment.BUDGET_DATABASE_URL! });
    const [prices] = await database.knex("prices").count<{ count: unknown }[]>({ count: "*" });
    await database.close();
    // As at the first start of a server.
    expect(Number(prices?.count)).to.be.greaterThan(1000);
  });

  it("about a database in memory, says that it keeps nothing", async () => {
    environment = { BUDGET_DATABASE_URL: "sqlite::memory:" };
    const ran = await migrate(["apollo", legacy.apollo, "--time-zone", "UTC"]);
    expect([ran.code, ran.stderr.startsWith("A database in memory keeps nothing.")]).to.deep.equal([2, true]);
    expect((await migrate(["apollo", legacy.apollo, "--time-zone", "UTC", "--dry-run"])).code).to.equal(0);
  });

  it("about a database of a later version, is told to use that", async () => {
    expect((await type(["db", "migrate"], environment)).code).to.equal(0);
    const database = openDatabase({ url: environment.BUDGET_DATABASE_URL! });
    await database.knex("schema_migrations").insert({ name: "9999-later", batch: 9, migration_time: 0 });
    await database.close();
    const ran = await migrate(["apollo", legacy.apollo, "--time-zone", "UTC"]);
    expect([ran.code, ran.stderr]).to.deep.equal([
      1,
      "The database was made by a later version of Budget (9999-later). Run that version.\n",
    ]);
  });

  it("in an export, moves the policies and lists what is held with what becomes of it", async () => {
    const held = { context_id: "c1", tier: "lightweight", amount: 1000, used: 30, is_active: true };
    const closed = { ...held, context_id: "c2", is_active: false };
    legacy.writeApollo({
      "export.json": { policies: [policy("p1", { tier: "lightweight" })], allocations: [held, closed] },
    });
    const ran = await migrate(["apollo", join(legacy.apollo, "export.json"), "--time-zone", "UTC"]);
    expect([ran.code, ran.stderr]).to.deep.equal([0, ""]);
    expect(ran.stdout)
      .to.match(
        /LIVE IN APOLLO +TOKENS +USED +RESULT\nc1 +1,000 +30 +stays there\n1 more are closed\.\nAllocations do not move/,
      )
      .and.to.contain("Limits: 1 imported");
    // The same policy of the directory is known again.
    const again = await migrate(["apollo", legacy.apollo, "--time-zone", "UTC"]);
    expect(again.stdout).to.contain("Limits: 0 imported, 1 merged, 0 conflicts, 0 rejected.");
  });

  it("is answered in lines that fit a terminal", async () => {
    await legacy.writeRhetor(
      [usageRow({ cost: null }), usageRow({ timestamp: "2026-10-25T02:30:00" })],
      [setting()],
    );
    const ran = await migrate(["rhetor", legacy.rhetor, "--time-zone", "Europe/Berlin"]);
    expect(ran.stdout).to.contain("1 time came twice on clocks of Europe/Berlin");
    const place = `from   Rhetor, ${legacy.rhetor}`;
    expect(ran.stdout.split("\n").filter((line) => line.length > 80 && line !== place)).to.deep.equal([]);
  });
});

describe("the progress of an import", () => {
  function watch(terminal: Terminal | null) {
    let now_ms = 0;
    let shown = "";
    const world = { terminal, stderr: (text: string) => (shown += text) } as unknown as World;
    const progress = createProgress(world, () => now_ms);
    return {
      progress,
      at: (ms: number) => (now_ms = ms),
      shown: () => shown,
    };
  }
  const SAFE = "This may be stopped at any time: run again, it goes on with the file that it was at.\n";

  it("is a line every few seconds in a log", () => {
    const { progress, at, shown } = watch(null);
    progress.show("reading a.json", 10, 0.001);
    at(4999);
    progress.show("reading a.json", 20, 0.2);
    expect(shown()).to.equal("");
    at(5000);
    progress.show("reading a.json", 10_000, 0.25);
    at(6000);
    progress.show("importing a.json", 5, 0);
    at(11_000);
    progress.show("importing a.json", 2000, 0.999);
    progress.end();
    expect(shown()).to.equal(
      `${SAFE}reading a.json: 25 %, 10,000 rows, 2,000 a second\nimporting a.json: 99 %, 2,000 rows, 400 a second\n`,
    );
  });

  it("is a bar at a terminal, in the room that there is, and goes away", () => {
    for (const columns of [80, 200]) {
      const { progress, at, shown } = watch({ columns, ask: () => Promise.resolve("") });
      progress.show("importing rhetor.db", 0, 0);
      at(1000);
      progress.show("importing rhetor.db", 1000, 0.5);
      progress.end();
      const [, bar, after] = shown().split("\r\u001b[K");
      expect(shown().startsWith(SAFE)).to.equal(true);
      expect(after).to.equal("");
      expect(bar?.length).to.be.lessThan(columns);
      expect(bar).to.match(/^importing rhetor\.db \[(#+)(-+)\] 50 %, 1,000 rows, 1,000 a second$/);
      const [, full = "", empty = ""] = /\[(#+)(-+)\]/.exec(bar ?? "") ?? [];
      expect(Math.abs(full.length - empty.length)).to.be.lessThanOrEqual(1);
    }
  });

  it("has no bar where there is no room for one", () => {
    const { progress, at, shown } = watch({ columns: 40, ask: () => Promise.resolve("") });
    at(1000);
    progress.show("importing rhetor.db", 1000, 0.5);
    expect(shown()).to.equal(`${SAFE}\r\u001b[Kimporting rhetor.db 50 %, 1,000 rows, 1`);
  });

  it("says nothing of what takes no time", () => {
    const { progress, shown } = watch(null);
    progress.show("reading a.json", 10, 1);
    progress.end();
    expect(shown()).to.equal("");
  });
});
