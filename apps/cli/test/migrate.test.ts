import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { expect } from "chai";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Legacy, policy, record, setting, usageRow } from "./legacy.ts";
import { type, type Ran } from "./support.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const FIXTURES = process.env.BUDGET_FIXTURES;

/** A data directory of Apollo's with two files that overlap. */
const APOLLO = {
  "budget_policies.json": [
    policy("p1"),
    policy("p2", { type: "hard_limit", tier: "remote_heavyweight", component: "ergon", period: "per_task" }),
    policy("p3", { type: "ignore", enabled: false }),
    policy("p4", { limit: -1 }),
  ],
  "usage_records_1.json": [record("r1"), record("r2", { usage_type: "total", tokens_used: 30 })],
  "usage_records_2.json": [
    record("r2", { usage_type: "total", tokens_used: 30 }),
    record("r3", { usage_type: "output", tokens_used: 7, provider: "unknown", model: "unknown" }),
    record("r4", { tokens_used: null }),
  ],
};

const RATES = JSON.stringify({
  openai: {
    "gpt-4-turbo": { input_cost_per_token: 0.00001, output_cost_per_token: 3e-5 },
    "gpt-4o": { input_cost_per_token: 0.00001, output_cost_per_token: 0.00003 },
  },
});

for (const kind of TEST_DATABASES) {
  describe(`migrate, on ${kind.name}`, function () {
    this.timeout(60_000);
    let test: TestDatabase;
    let legacy: Legacy;
    beforeEach(async () => {
      test = await kind.open({ file: true, empty: true });
      legacy = new Legacy();
    });
    afterEach(async () => {
      legacy.remove();
      await test.close();
    });

    const run = (words: readonly string[], files: Readonly<Record<string, string>> = {}): Promise<Ran> =>
      type(["migrate", ...words], { BUDGET_DATABASE_URL: test.url }, files);
    const apollo = (...words: readonly string[]) =>
      run(["apollo", legacy.apollo, "--time-zone", "UTC", ...words]);
    const rhetor = (words: readonly string[] = [], files: Readonly<Record<string, string>> = {}) =>
      run(["rhetor", legacy.rhetor, "--time-zone", "UTC", ...words], files);
    const rows = (table: string) => test.knex<Record<string, unknown>>(table);
    const json = (ran: Ran): unknown => JSON.parse(ran.stdout);
    /** All that an import writes, to be compared. */
    const written = async () => {
      const tables = [
        "usage_records",
        "policies",
        "budgets",
        "imported_records",
        "usage_rollups",
        "audit_entries",
        "events",
        "prices",
        "balances",
      ];
      const all = await Promise.all(tables.map((table) => rows(table)));
      return all.map((found) =>
        found
          .map((row) =>
            JSON.stringify(row, (_name, value: unknown) =>
              typeof value === "bigint" ? String(value) : value,
            ),
          )
          .sort(),
      );
    };
    const verified = async () => (await type(["verify"], { BUDGET_DATABASE_URL: test.url })).stdout;

    it("moves Apollo in: every row is told of, and the totals are the same", async () => {
      legacy.writeApollo(APOLLO);
      const ran = await apollo();
      expect([ran.stderr, ran.code]).to.deep.equal(["", 0]);
      expect(ran.stdout.replaceAll(legacy.folder, "FOLDER")).to.equal(
        [
          "from   Apollo, FOLDER/apollo",
          "times  UTC, where they have no offset",
          "into   budget apollo, a new one",
          "",
          "Budget apollo is below the one that was the default, and is the default now: a",
          "request that names no budget is held to the limits of both.",
          "",
          "LIMIT     OF                        TOKENS     TYPE     STATE",
          "daily     local_lightweight         1,000,000  warn     active",
          "per_task  remote_heavyweight ergon  1,000,000  enforce  active",
          "daily     local_lightweight         1,000,000  log      off",
          "",
          "Limits: 3 imported, 0 merged, 0 conflicts, 1 rejected.",
          "",
          "USAGE IN              ROWS  IMPORTED  MERGED  CONFLICTS  REJECTED",
          "usage_records_1.json  2     2         0       0          0",
          "usage_records_2.json  3     1         1       0          1",
          "",
          "NOT IMPORTED  WHY",
          "p4            limit is -1, and must be a whole number from 0 to 1000000000000",
          "r4            tokens_used is null, and must be a whole number from 0 to",
          "              1000000000000",
          "",
          "TOTALS      RECORDS  INPUT  OUTPUT  TOKENS  COST",
          "Apollo      3        100    7       137     $0",
          "Budget      3        100    7       137     $0",
          "difference  0        0      0       0       $0",
          "",
          "No difference in 2 groups of day (UTC), provider, model and component.",
          "",
          "Apollo has moved in.",
          "",
        ].join("\n"),
      );
      const [unpriced] = await rows("usage_records").where({ provider: "unknown" });
      expect(unpriced).to.include({ pricing_id: null, model: "unknown" });
      const [enforced] = await rows("policies").where({ type: "enforce" });
      expect(Boolean(enforced?.priority_override)).to.equal(true);
      expect(await verified()).to.equal(
        "Recounted: 3 policies, 0 allocations, 3 usage records. No difference.\n",
      );
    });

    it("moves Rhetor in: costs stay as they were booked, and go to the budget above Apollo's", async () => {
      legacy.writeApollo(APOLLO);
      await apollo();
      await legacy.writeRhetor(
        [
          usageRow(),
          usageRow({ cost: 0.1, metadata: "{no" }),
          usageRow({ input_tokens: -1 }),
          usageRow({ provider: null, cost: 0 }),
        ],
        [
          setting(),
          setting({ period: "weekly", limit_amount: 0, enforcement: "enforce" }),
          setting({ active: 0 }),
          setting({ period: "yearly" }),
        ],
      );
      const ran = await rhetor();
      expect([ran.stderr, ran.code]).to.deep.equal(["", 0]);
      expect(ran.stdout.replaceAll(legacy.folder, "FOLDER")).to.equal(
        [
          "from   Rhetor, FOLDER/rhetor.db",
          "times  UTC, where they have no offset",
          "into   budget default",
          "",
          "LIMIT   OF   COST      TYPE  STATE",
          "daily   all  $5        warn  active",
          "weekly  all  no limit  log   active",
          "daily   all  $5        warn  off",
          "",
          "Limits: 3 imported, 0 merged, 0 conflicts, 1 rejected.",
          "",
          "USAGE IN   ROWS  IMPORTED  MERGED  CONFLICTS  REJECTED",
          "rhetor.db  4     3         0       0          1",
          "",
          "NOT IMPORTED  WHY",
          '4             period is "yearly", and must be one of daily, weekly, monthly',
          "3             input_tokens is -1, and must be a whole number from 0 to",
          "              1000000000000",
          "",
          "1 cost had more than 9 decimals, and rounding moved them by $0.00000000000000002",
          "at most, -$0.00000000000000002 altogether.",
          "2 costs stayed whole: --rates would tell input from output.",
          "1 row had metadata that is no JSON object; it was kept as rhetor_metadata.",
          "",
          "TOTALS      RECORDS  INPUT   OUTPUT  TOKENS  COST",
          "Rhetor      3        28,329  11,757  40,086  $0.312",
          "Budget      3        28,329  11,757  40,086  $0.312",
          "difference  0        0       0       0       $0",
          "",
          "No difference in 2 groups of day (UTC), provider, model and component.",
          "",
          "Rhetor has moved in.",
          "",
        ].join("\n"),
      );
      const budgets = new Map((await rows("budgets")).map((budget) => [budget.budget_id, budget]));
      const [of_rhetor] = await rows("usage_records").where({ model: "gpt-4-turbo" });
      const [of_apollo] = await rows("usage_records").where({ model: "gpt-4o" });
      expect(budgets.get(of_rhetor?.budget_id)?.name).to.equal("default");
      expect(budgets.get(of_apollo?.budget_id)).to.include({
        name: "apollo",
        parent_budget_id: of_rhetor?.budget_id,
      });
      const [tenant] = await rows("tenants").whereNotNull("default_budget_id");
      expect(tenant?.default_budget_id).to.equal(of_apollo?.budget_id);
      expect(await verified()).to.match(/6 usage records\. No difference\.\n$/);
    });

    it("changes nothing when it is run again, and says so", async () => {
      legacy.writeApollo(APOLLO);
      await legacy.writeRhetor([usageRow(), usageRow()], [setting()]);
      const files = { "rates.json": RATES };
      const first = [await apollo(), await rhetor(["--rates", "rates.json"], files)];
      expect(first.map(({ code }) => code)).to.deep.equal([0, 0]);
      const before = await written();
      const again = [await apollo(), await rhetor(["--rates", "rates.json"], files)];
      for (const { code, stdout } of again) {
        expect(code).to.equal(0);
        expect(stdout).to.match(/Nothing changed: all that can move in was there already\.\n$/);
      }
      expect(again[0]?.stdout).to.match(/usage_records_2\.json +3 +0 +2 +0 +1\n/);
      expect(await written()).to.deep.equal(before);
    });

    it("only tells what would be made with --dry-run, over all files together", async () => {
      legacy.writeApollo(APOLLO);
      const ran = await apollo("--dry-run");
      expect([ran.stderr, ran.code]).to.deep.equal(["", 0]);
      expect(ran.stdout)
        .to.match(/^A dry run: nothing is changed\.\n/)
        .and.to.match(/usage_records_2\.json +3 +1 +1 +0 +1\n/)
        .and.to.match(/Budget +3 +100 +7 +137/)
        .and.to.match(/Without --dry-run this moves in\.\n$/);
      expect(await test.database.knex.schema.hasTable("usage_records")).to.equal(false);
      // The same over a database that is there.
      await legacy.writeRhetor([usageRow()]);
      await rhetor();
      const before = await written();
      const second = await apollo("--dry-run");
      expect([second.code, await written()]).to.deep.equal([0, before]);
    });

    it("lists rows that were changed since, and fails because the totals differ", async () => {
      legacy.writeApollo(APOLLO);
      await apollo();
      legacy.writeApollo({
        "budget_policies.json": [policy("p1", { limit: 7 })],
        "usage_records_1.json": [
          record("r1", { tokens_used: 101 }),
          record("r2", { usage_type: "total", tokens_used: 30 }),
        ],
      });
      const ran = await apollo();
      expect(ran.code).to.equal(1);
      const other = "it was imported before with other content, which stays";
      expect(ran.stdout)
        .to.contain(`p1            ${other}`)
        .and.to.contain(`r1            ${other}`)
        .and.to.contain("Limits: 0 imported, 0 merged, 1 conflicts, 0 rejected.")
        .and.to.match(/difference +0 +-1 +0 +-1 +\$0\n/)
        .and.to.match(
          /1 of 2 groups [^:]*differ\. This is what\s+Budget\s+has\s+more:\n\nDAY +MODEL +COMPONENT +INPUT\n2026-03-02 +openai\/gpt-4o +codex +-1\n/,
        );
      const report = json(await apollo("--json")) as {
        reconciliation: { differences: number };
        usage: { conflicts: object }[];
      };
      expect(report.reconciliation.differences).to.equal(1);
      expect(report.usage[0]?.conflicts).to.deep.equal({
        count: 1,
        first: [{ source_id: "r1", reason: other }],
      });
    });

    it("moves in what came since, and nothing twice", async () => {
      await legacy.writeRhetor([usageRow()]);
      await rhetor();
      await legacy.writeRhetor([usageRow({ cost: 1 })]);
      const lacking = await run(["reconcile", "rhetor", legacy.rhetor, "--time-zone", "UTC"]);
      expect(lacking.code).to.equal(1);
      expect(lacking.stdout).to.match(/difference +-1 +-9,443 +-3,919 +-13,362 +-\$1\n/);
      expect((await rhetor()).stdout).to.match(/rhetor\.db +2 +1 +1 +0 +0\n/);
      const same = await run(["reconcile", "rhetor", legacy.rhetor, "--time-zone", "UTC"]);
      expect([same.code, same.stderr]).to.deep.equal([0, ""]);
      expect(same.stdout).to.match(
        /Budget +2 +18,886 +7,838 +26,724 +\$1\.212\n.*\n\nNo difference in 1 group /s,
      );
      const report = json(await run(["reconcile", "rhetor", legacy.rhetor, "--time-zone", "UTC", "--json"]));
      const amounts = {
        records: 2,
        input_tokens: 18_886,
        output_tokens: 7838,
        total_tokens: 26_724,
        cost: 1.212,
      };
      expect(report).to.deep.equal({
        differences: 0,
        theirs: amounts,
        ours: amounts,
        groups: [
          {
            day: "2026-03-02",
            provider: "openai",
            model: "gpt-4-turbo",
            component: "rhetor",
            theirs: amounts,
            ours: amounts,
          },
        ],
      });
    });

    it("splits costs by Rhetor's rates, and keeps those as unverified prices of the past", async () => {
      await legacy.writeRhetor([usageRow(), usageRow({ timestamp: "2026-03-01T00:00:00", cost: 0.5 })]);
      const ran = await rhetor(["--rates", "rates.json"], { "rates.json": RATES });
      expect([ran.stderr, ran.code]).to.deep.equal(["", 0]);
      expect(ran.stdout)
        .to.contain("2 of 2 rates were kept as unverified prices of the past.\n")
        .and.to.match(/openai\/gpt-4o +\$10 \/ \$30 +\$2\.5 \/ \$10 +genai-prices@/)
        .and.to.contain("The rates split 1 cost exactly; 1 they do not give stayed whole.");
      const split = (await rows("usage_records").orderBy("timestamp_ms")).map((row) =>
        ["input_cost_nano_usd", "output_cost_nano_usd", "other_cost_nano_usd"].map((name) =>
          Number(row[name]),
        ),
      );
      expect(split).to.deep.equal([
        [0, 0, 500_000_000],
        [94_430_000, 117_570_000, 0],
      ]);
      const prices = await rows("prices").where({ source: "rhetor" });
      expect(prices.length).to.equal(2);
      for (const price of prices) {
        expect(Number(price.effective_ms)).to.equal(Date.parse("2026-03-01T00:00:00Z"));
        expect(Number(price.end_ms)).to.be.lessThanOrEqual(Date.now());
        expect([Boolean(price.verified), price.status]).to.deep.equal([false, "provisional"]);
      }
    });

    it("lets limits only count in the shadow, until that ends", async () => {
      legacy.writeApollo(APOLLO);
      const ran = await apollo("--shadow");
      expect(ran.stdout).to.contain(
        "They only count until `budget migrate enforce apollo` gives them their types.\n",
      );
      const types = async () => (await rows("policies").orderBy("policy_id")).map((row) => row.type).sort();
      expect(await types()).to.deep.equal(["log", "log", "log"]);
      const enforced = await run(["enforce", "apollo"]);
      expect([enforced.code, enforced.stdout]).to.deep.equal([
        0,
        "Limits of Apollo's that have their own types from now on: 2.\n",
      ]);
      expect(await types()).to.deep.equal(["enforce", "log", "warn"]);
      expect((await run(["enforce", "apollo"])).stdout).to.equal(
        "No limit of Apollo's is in shadow; nothing changed.\n",
      );
    });

    it("names the limits that the end of the shadow leaves alone", async () => {
      legacy.writeApollo(APOLLO);
      await apollo("--shadow");
      const limits = { token_limit: null, cost_limit_nano_usd: null };
      await rows("policies").update(limits);
      const enforced = await run(["enforce", "apollo"]);
      expect(enforced.stdout).to.match(
        /^Limits of Apollo's that have their own types from now on: 0\.\n(Policy \S+ stays in shadow: A policy needs a token_limit.*\n){2}$/,
      );
    });

    it("gives components other names, and puts things into other budgets, as a mapping file says", async () => {
      legacy.writeApollo(APOLLO);
      await legacy.writeRhetor([usageRow()]);
      const files = {
        "map.yaml":
          "components:\n  Codex: Coder\n  ergon: runner\nbudgets:\n  apollo: tokens\n  rhetor: dollars\n",
      };
      const ran = await run(["apollo", legacy.apollo, "--time-zone", "UTC", "--mapping", "map.yaml"], files);
      expect([ran.stderr, ran.code]).to.deep.equal(["", 0]);
      expect(ran.stdout)
        .to.contain("into   budget tokens, a new one")
        .and.to.contain("remote_heavyweight runner");
      expect((await rows("usage_records").where({ component: "coder" })).length).to.equal(3);
      const second = await rhetor(["--mapping", "map.yaml"], files);
      expect(second.stdout).to.contain("into   budget dollars, a new one");
      // Without the mapping the names of the totals are not those that were imported.
      expect((await run(["reconcile", "apollo", legacy.apollo, "--time-zone", "UTC"])).code).to.equal(1);
      const words = ["reconcile", "apollo", legacy.apollo, "--time-zone", "UTC", "--mapping", "map.yaml"];
      expect((await run(words, files)).code).to.equal(0);
    });

    it("tells two old systems of a kind apart by --source", async () => {
      await legacy.writeRhetor([usageRow()], [setting()]);
      await rhetor();
      const ran = await rhetor(["--source", "second"]);
      expect([ran.code, (await rows("usage_records")).length]).to.deep.equal([0, 2]);
      expect(ran.stdout).to.match(/rhetor\.db +1 +1 +0 +0 +0\n/);
    });

    it("imports nothing of a directory in which one file is broken", async () => {
      legacy.writeApollo({ ...APOLLO, "usage_records_2.json": '[{"record_id": "r3"' });
      const ran = await apollo();
      expect([ran.code, ran.stdout]).to.deep.equal([1, ""]);
      expect(ran.stderr).to.match(
        /^usage_records_2\.json ends in the middle: it was cut off\..*out of the directory, and run this again\.\n$/,
      );
      expect((await rows("usage_records")).length + (await rows("policies")).length).to.equal(0);
    });

    it("leaves nothing of a file behind when it is killed, and all of it when it is run again", async function () {
      this.timeout(180_000);
      const many = Array.from({ length: 30_000 }, (_one, index) =>
        record(`r${index}`, { tokens_used: index }),
      );
      legacy.writeApollo({ "budget_policies.json": [policy("p1")] });
      expect((await apollo()).code).to.equal(0);
      legacy.writeApollo({ "usage_records_1.json": many });
      const child = spawn(
        process.execPath,
        ["--conditions=budget-source", MAIN, "migrate", "apollo", legacy.apollo, "--time-zone", "UTC"],
        { env: { ...process.env, BUDGET_DATABASE_URL: test.url }, stdio: "ignore" },
      );
      const ended = once(child, "exit");
      const isInTheMiddle = async (): Promise<boolean> => {
        const log = `${test.url.slice("sqlite:".length)}-wal`;
        if (kind.name === "sqlite") return (statSync(log, { throwIfNoEntry: false })?.size ?? 0) > 5_000_000;
        const { rows: found } = await test.database.knex.raw<{ rows: { bytes: string }[] }>(
          "SELECT pg_relation_size('imported_records') AS bytes",
        );
        return Number(found[0]?.bytes) > 1_000_000;
      };
      while (child.exitCode === null && !(await isInTheMiddle())) await new Promise(setImmediate);
      child.kill("SIGKILL");
      expect(await ended).to.deep.equal([null, "SIGKILL"]);
      expect((await rows("usage_records")).length).to.equal(0);
      expect((await rows("policies")).length).to.equal(1);

      const ran = await apollo();
      expect([ran.code]).to.deep.equal([0]);
      expect(ran.stdout).to.match(/usage_records_1\.json +30,000 +30,000 +0 +0 +0\n/);
      const tokens = (await rows("usage_records").select("total_tokens")).map((row) =>
        Number(row.total_tokens),
      );
      expect([tokens.length, tokens.reduce((a, b) => a + b)]).to.deep.equal([30_000, 449_985_000]);
      expect(await verified()).to.match(/30000 usage records\. No difference\.\n$/);
    });

    const real = join(FIXTURES ?? "", "legacy");
    if (FIXTURES !== undefined && existsSync(real)) {
      it("moves the real files in, to the token and the nano-dollar", async () => {
        const of_apollo = ["apollo", join(real, "apollo"), "--time-zone", "Europe/Berlin"];
        const of_rhetor = ["rhetor", join(real, "rhetor.db"), "--time-zone", "Europe/Berlin"];
        const first = await run(of_apollo);
        expect([first.stderr, first.code]).to.deep.equal(["", 0]);
        expect(first.stdout)
          .to.contain("Limits: 13 imported, 0 merged, 0 conflicts, 0 rejected.\n")
          .and.to.match(/usage_records_1795430603\.json +162 +162 +0 +0 +0\n/)
          .and.to.match(
            /Apollo +162 +71,963 +64,426 +177,773 +\$0\nBudget +162 +71,963 +64,426 +177,773 +\$0\n/,
          )
          .and.to.contain("No difference in ");
        const second = await run(of_rhetor);
        expect([second.stderr, second.code]).to.deep.equal(["", 0]);
        expect(second.stdout)
          .to.contain("Limits: 6 imported, 0 merged, 0 conflicts, 0 rejected.\n")
          .and.to.match(/rhetor\.db +360 +360 +0 +0 +0\n/)
          .and.to.match(
            /Rhetor +360 +3,751,274 +748,571 +4,499,845 +\$51\.727709\nBudget +360 +3,751,274 +748,571 +4,499,845 +\$51\.727709\n/,
          )
          .and.to.contain("No difference in ");
        const of_cost = await rows("policies").whereNull("token_limit");
        expect(of_cost.filter(({ enabled }) => Boolean(enabled)).length).to.equal(5);
        const [closed, ...more] = of_cost.filter(({ enabled }) => !enabled);
        expect([more.length, closed?.end_ms === null]).to.deep.equal([0, false]);
        expect(await verified()).to.equal(
          "Recounted: 19 policies, 0 allocations, 522 usage records. No difference.\n",
        );
        const before = await written();
        for (const again of [of_apollo, of_rhetor])
          expect((await run(again)).stdout).to.match(
            /Nothing changed: all that can move in was there already\.\n$/,
          );
        expect(await written()).to.deep.equal(before);
        const whole = json(await run(["reconcile", ...of_rhetor, "--json"])) as {
          differences: number;
          groups: object[];
        };
        expect([whole.differences, whole.groups.length]).to.deep.equal([0, 345]);
      });
    }
  });
}
