import type { RunningServer } from "@budget/server";
import { expect } from "chai";
import { normal, startTestServer, type, type Ran } from "./support.ts";

const ID = "00000000-0000-7000-0000-000000000000";
const AT = "2026-11-23T09:30:00.000Z";

describe("the command line", () => {
  let server: RunningServer;
  let environment: Record<string, string>;

  beforeEach(async () => {
    server = await startTestServer();
    environment = { BUDGET_URL: `http://127.0.0.1:${server.port}` };
  });

  afterEach(async () => {
    await server.stop();
  });

  /** Types a command line; none of the words here holds a space. */
  const typed = (line: string, files: Record<string, string> = {}): Promise<Ran> =>
    type(line.split(" "), environment, files);
  const idOf = async (line: string): Promise<string> => {
    const { code, stdout, stderr } = await typed(`${line} --json`);
    expect(code, stderr).to.equal(0);
    const value = JSON.parse(stdout) as Record<string, string>;
    return value.allocation_id ?? value.policy_id ?? value.budget_id ?? "";
  };
  const CALL = "--context c --component agent --provider openai --model gpt-4o";

  describe("prints", () => {
    it("a limit that was set", async () => {
      const { code, stdout } = await typed("set-limit --period daily --cost 1.00 --time-zone Europe/Berlin");
      expect(code).to.equal(0);
      expect(normal(stdout)).to.equal(
        [
          `id           ${ID}`,
          `budget       ${ID}`,
          "type         enforce",
          "period       daily (Europe/Berlin)",
          "limit        $1",
          "counts only  -",
          "warns from   80 %",
          "enabled      true",
          `changed      ${AT}`,
          "",
        ].join("\n"),
      );
    });

    it("an allocation", async () => {
      const { stdout } = await typed(`allocate create ${CALL} --input 1200 --max-output 800`);
      expect(normal(stdout)).to.equal(
        [
          `id         ${ID}`,
          `budget     ${ID}`,
          "context    c",
          "component  agent",
          "model      openai/gpt-4o",
          "status     active",
          "tokens     2000 allocated, 0 used, 2000 held",
          "cost       $0.011 estimated, $0 used",
          `expires    ${AT}`,
          "",
        ].join("\n"),
      );
    });

    it("a refusal that says what would fit, on the error stream, with exit code 3", async () => {
      await typed("set-limit --period daily --cost 0.01");
      const { code, stdout, stderr } = await typed(`allocate create ${CALL} --tokens 2000`);
      expect([code, stdout]).to.deep.equal([3, ""]);
      expect(normal(stderr)).to.equal(
        [
          "Refused: it does not fit.",
          `  policy ${ID} (daily)`,
          `    $0 used, $0 held of $0.01: $0.01 left, resets at ${AT}`,
          "  1000 tokens would fit now",
          `  see why: budget explain allocation ${ID}`,
          "",
        ].join("\n"),
      );
    });

    it("why a request was refused", async () => {
      await typed("set-limit --period daily --cost 0.01");
      const { stderr } = await typed(`allocate create ${CALL} --tokens 1001..2000`);
      const [, refusal_id] = /explain allocation (\S+)/.exec(stderr) ?? [];
      const { stdout } = await typed(`explain allocation ${refusal_id}`);
      expect(normal(stdout)).to.equal(
        [
          "decision  refused: 1001 tokens, about $0.01001, did not fit; 1000 would have",
          "asked     1001 to 2000 wanted by agent in c",
          `budget    ${ID}`,
          "model     openai/gpt-4o",
          "kind      remote_heavyweight, task default, priority 5",
          `at        ${AT}`,
          "",
          `policy ${ID} (daily enforce): cost_limit`,
          `  $0 used, $0 held of $0.01, resets at ${AT}`,
          "",
        ].join("\n"),
      );
    });

    it("the cost of a call by its parts", async () => {
      const { stdout } = await typed("calc-cost openai gpt-4o --input 1000 --cached 200 --output 500");
      expect(stdout).to.equal(
        [
          "price of openai/gpt-4o, found by its exact name",
          "",
          "UNIT               QUANTITY  PER UNIT     COST",
          "input_tokens       800       $0.0000025   $0.002",
          "cache_read_tokens  200       $0.00000125  $0.00025",
          "output_tokens      500       $0.00001     $0.005",
          "",
          "total $0.00725",
          "",
        ].join("\n"),
      );
    });

    it("a run over the bundled prices, which changes nothing, and what is known of their source", async () => {
      const { code, stdout } = await typed("prices update genai_prices");
      expect(code).to.equal(0);
      expect(stdout).to.match(
        /^SOURCE +RESULT +PRICES +ASIDE +NEW +CHANGED +GONE .*\ngenai_prices +read +2291 +\d+ +2291 +0 +0 /,
      );
      expect(stdout).to.match(/\nprices added +0\nprices changed +0\n/);
      expect((await typed("prices update")).stdout).to.match(/^No source was due\./);
      expect((await typed("prices sources")).stdout).to.match(
        /\ngenai_prices +0\.900 +0 of 1 +[\d-]+ [\d:]+ +-\n/,
      );
      expect((await typed("prices runs")).stdout).to.match(/\n\S+Z +request +genai_prices read +0 +0\n$/);
    });

    it("a price that needs a decision, and the decision", async () => {
      await typed("prices update genai_prices");
      const { items } = JSON.parse((await typed("--json prices reviews")).stdout) as {
        items: { review_id: string }[];
      };
      const id = items[0]?.review_id ?? "";
      const list = await typed("prices reviews");
      expect(list.stdout).to.match(new RegExp(`^review +${id}\n`));
      expect(list.stdout).to.contain("genai_prices  gated");
      const by = "--by ada --why contract";
      expect((await typed(`prices decide ${id} ${by}`)).code).to.equal(2);
      expect((await typed(`prices decide ${id} --reject --input 1 ${by}`)).code).to.equal(2);
      expect((await typed(`prices decide ${id} --input much ${by}`)).stderr).to.contain(
        "--input must be USD",
      );
      const decided = await typed(`prices decide ${id} --input 0.5 --output 1.25 ${by}`);
      expect(decided.stdout).to.match(/decided by +ada: contract\n/);
      expect((await typed(`prices decide ${id} --reject ${by}`)).code).to.equal(1);
      expect((await typed("prices reviews")).stdout).to.equal("There is none.\n");
    });

    it("a price that is set by hand, why it is charged, and that it is taken back", async () => {
      const by = "--by ada --why contract";
      await typed("prices update genai_prices");
      const before = await typed("prices why openai gpt-4o");
      expect(before.stdout).to.match(/charged +\$2\.5 in, \$10 out, by the million\nstatus +provisional\n/);
      expect(before.stdout).to.match(/\ngenai_prices +yes +\$2\.5 +\$10 +\S+ +genai-prices@\S+\n/);
      const set = await typed(
        `prices set openai gpt-4o --input 2 --output 8 --unit cache_read_tokens=0.9 web_searches=1 ${by}`,
      );
      expect(set.stdout).to.match(/charged +\$2 in, \$8 out/);
      expect(set.stdout).to.match(/\nby_hand +yes +\$2 +\$8 +\S+ +ada\n/);
      expect(set.stdout).to.match(/\ngenai_prices +no +/);
      const observation = /unset (\S+)/.exec(set.stdout)?.[1] ?? "";
      const cost = await typed("calc-cost openai gpt-4o --input 1000000 --cached 1000000");
      expect(cost.stdout).to.contain("total $0.9\n");
      const taken = await typed(`prices unset ${observation} ${by}`);
      expect(taken.stdout).to.match(/\nprices changed +\d+\n/);
      expect((await typed("prices why nobody nothing")).code).to.equal(4);
      expect((await typed(`prices set openai gpt-4o ${by}`)).stderr).to.contain("Say what it costs");
      expect((await typed(`prices set openai gpt-4o --unit tokens ${by}`)).stderr).to.contain(
        "--unit must be",
      );
      const night = await typed(`prices set openai gpt-4o --input 1 --output 4 --hours 16:30-00:30 ${by}`);
      expect(night.stdout).to.match(/hours \(UTC\) +16:30:00 to 00:30:00\ncharged +\$1 in, \$4 out/);
      expect((await typed(`prices set openai gpt-4o --input 1 --hours 16:30 ${by}`)).stderr).to.contain(
        "--hours must be",
      );
      const later = await typed(`prices set acme x --input 1 --from 2099-01-01T00:00:00Z ${by}`);
      expect(later.stdout).to.contain("It begins later.");
      expect((await typed("prices reset-trust genai_prices")).stdout).to.match(/trust +0\.900/);
    });

    it("what past usage should have cost, and cheaper models for it", async () => {
      const by = "--by ada --why contract";
      const span = "--from 2020-01-01T00:00:00Z --to 2099-01-01T00:00:00Z";
      const call = "--context c --component rhetor --provider openai --model gpt-4o";
      await typed(`usage record ${call} --input 1000000 --output 0`);
      await typed(`prices set openai gpt-4o --input 2 --output 8 ${by}`);
      const dry = await typed(`prices reprice ${span} --dry-run ${by}`);
      expect(dry.stdout).to.match(/would be set right +1\n/);
      expect(dry.stdout).to.match(/\nopenai\/gpt-4o +1 +\$2\.5 +\$2 +-\$0\.5\n/);
      expect((await typed(`prices reprice ${span} ${by}`)).stdout).to.match(
        /^records checked +1\nset right +1\n/,
      );
      expect((await typed(`prices reprice ${span} ${by}`)).stdout).to.match(/set right +0\n/);
      const found = await typed("prices recommend openai gpt-4o --limit 2");
      expect(found.stdout).to.contain("The latest 1 calls of openai/gpt-4o cost $2 at its price of now.");
      expect(found.stdout).to.match(/MODEL +COST +SAVES +CONTEXT +TOOLS +VISION +PRICE\n/);
      expect((await typed("prices recommend openai gpt-4o --component nobody")).stdout).to.contain(
        "No usage with a price was found",
      );
      await typed(`prices set acme reader --input 1 ${by}`);
      const read = "--context c --component rhetor --provider acme --model reader --input 1000000";
      await typed(`usage record ${read} --output 0`);
      await typed(`usage record ${read} --output 1`);
      expect((await typed("prices recommend acme reader")).stdout).to.match(
        /^The latest 1 calls of .+\nLeft out: 1, because the model has no price for all that they used\.\n/,
      );
      expect((await typed("prices recommend openai gpt-4o --reasoning")).stdout).to.contain("is cheaper.");
      const coverage = await typed("prices coverage --days 7");
      expect(coverage.stdout).to.match(/\nopenai\/gpt-4o +1 +\$2 +manual\n/);
    });

    it("a price that stands in for one that is not known", async () => {
      const { stdout } = await typed("calc-cost openai gpt-4o --service-tier flex --input 1000");
      expect(stdout).to.contain("input_tokens  1000      $0.0000025  $0.0025 (estimated)");
      const found = await typed("prices current aws us.anthropic.claude-opus-4-8 --scope eu-west-1");
      expect(found.stdout).to.contain("stands in for  another region or commitment");
    });

    it("lists within 80 columns, with whole ids", async () => {
      await typed("set-limit --period monthly --tokens 5000000 --provider anthropic");
      await typed(`allocate create ${CALL} --tokens 10`);
      const lists = [
        "budgets",
        "policies",
        "allocate list",
        "prices list --limit 5",
        "status",
        "budgets show default",
        "--help",
        "prices --help",
      ];
      for (const line of lists) {
        const { stdout } = await typed(line);
        const widest = Math.max(...stdout.split("\n").map((one) => one.length));
        expect(widest, `${line}\n${stdout}`).to.be.at.most(80);
      }
    });

    it("alerts, one by one, and marks them as seen", async () => {
      expect((await typed("alerts check")).stdout).to.equal("No alert is due.\n");
      await typed("usage record --context c --component x --provider openai --model gpt-4o --input 90");
      await typed("set-limit --period daily --tokens 100 --type warn");
      const { stdout } = await typed("alerts check");
      expect(normal(stdout).replaceAll(/\s+/g, " "))
        .to.contain(`${ID} warning `)
        .and.to.contain("warning_threshold: 90 tokens of 100");
      const alert_id = stdout.split("\n")[1]!.split(" ")[0]!;
      const seen = await typed(`alerts ack ${alert_id}`);
      expect(normal(seen.stdout))
        .to.contain(`id        ${ID}`)
        .and.to.contain("kind      warning_threshold")
        .and.to.contain(`seen      ${AT}`);
      expect((await typed(`alerts show ${alert_id}`)).stdout).to.equal(seen.stdout);
      expect((await typed("alerts --open")).stdout).to.not.contain(alert_id);
      expect((await typed("alerts --limit 1")).stdout).to.contain(alert_id);
      expect((await typed(`alerts show ${alert_id.replace(/.$/, "x")}`)).code).to.equal(1);
      expect((await typed("alerts ack 01890000-0000-7000-8000-00000000dead")).code).to.equal(4);
    });

    it("nothing but the server's JSON with --json", async () => {
      await typed("set-limit --period daily --cost 1");
      const allocation_id = await idOf(`allocate create ${CALL} --tokens 10`);
      const lines = [
        "status",
        "alerts",
        "budgets",
        "budgets show default",
        "policies",
        "allocate list",
        `allocate show ${allocation_id}`,
        `allocate check ${CALL} --tokens 10`,
        `usage record --allocation ${allocation_id} --input 1 --output 1`,
        "usage list",
        "usage summary --period daily",
        "prices list --provider openai --limit 2",
        "prices current openai gpt-4o",
        "prices history openai gpt-4o",
        "calc-cost openai gpt-4o --input 1",
        "prices update genai_prices",
        "prices sources",
        "prices runs",
        "prices why openai gpt-4o",
        "prices coverage",
        "prices recommend openai gpt-4o",
        "prices reprice --from 2026-01-01T00:00:00Z --to 2027-01-01T00:00:00Z --by ada --why contract",
        "prices set acme x --input 1 --by ada --why contract",
        "prices reset-trust genai_prices",
      ];
      for (const line of lines) {
        const { code, stdout, stderr } = await typed(`--json ${line}`);
        expect([code, stderr], line).to.deep.equal([0, ""]);
        expect(typeof JSON.parse(stdout), line).to.equal("object");
      }
    });
  });

  it("makes, shows, changes and deletes budgets, by id or name", async () => {
    const parent = await idOf("budgets create company --owner finance");
    await idOf("budgets create team --parent company");
    const { stdout } = await typed("budgets show team");
    expect(stdout).to.contain(parent);
    expect((await typed("budgets update team --name crew --no-active")).stdout).to.contain("crew");
    expect((await typed("budgets show crew")).stdout).to.match(/active +false/);
    expect((await typed("budgets delete company")).code).to.equal(1);
    expect((await typed("budgets delete crew")).code).to.equal(0);
    expect((await typed("budgets delete company")).code).to.equal(0);
    expect((await typed("budgets show company")).code).to.equal(4);
  });

  it("changes the limit that is there, and makes another one for other requests", async () => {
    const first = await idOf("set-limit --period daily --cost 1");
    expect(await idOf("set-limit --period daily --cost 3")).to.equal(first);
    await typed(`policies update ${first} --no-enabled`);
    await typed(`policies update ${first} --end-date 2020-01-01`);
    expect((await typed("set-limit --period daily --cost 2")).stdout).to.match(/enabled +true$/m);
    expect(await idOf("set-limit --period daily --cost 1 --type warn")).to.not.equal(first);
    expect(await idOf("set-limit --period daily --cost 2 --provider OpenAI")).to.not.equal(first);
    expect(await idOf("set-limit --period hourly --cost 2")).to.not.equal(first);
    const { items } = JSON.parse((await typed("policies list --json")).stdout) as {
      items: { cost_limit: number; type: string; provider: string | null }[];
    };
    expect(items.map(({ cost_limit, type, provider }) => [cost_limit, type, provider])).to.deep.equal([
      [2, "enforce", null],
      [1, "warn", null],
      [2, "enforce", "openai"],
      [2, "enforce", null],
    ]);
  });

  it("limits the default budget whatever it is called", async () => {
    await typed("budgets update default --name main");
    await typed("budgets create default");
    await typed("set-limit --period daily --cost 0.01");
    expect((await typed(`allocate create ${CALL} --tokens 2000`)).code).to.equal(3);
  });

  it("makes, shows, changes and deletes policies", async () => {
    const policy_id = await idOf("policies create --period weekly --tokens 100 --type warn");
    expect((await typed(`policies update ${policy_id} --tokens 200 --no-enabled`)).stdout).to.contain(
      "200 tokens",
    );
    expect((await typed("policies list --budget default")).stdout).to.contain("disabled");
    expect((await typed(`policies show ${policy_id}`)).stdout).to.match(/enabled +false/);
    const ended = await typed(`policies update ${policy_id} --enabled --end-date 2030-01-01`);
    expect(ended.stdout).to.match(/enabled +true, until 2030-01-01T00:00:00.000Z$/m);
    const endless = await typed(`policies update ${policy_id} --no-end-date`);
    expect(endless.stdout).to.match(/enabled +true$/m);
    expect((await typed(`policies update ${policy_id} --end-date someday`)).code).to.equal(2);
    expect((await typed(`policies delete ${policy_id}`)).code).to.equal(0);
    expect((await typed(`policies show ${policy_id}`)).code).to.equal(4);
  });

  it("extends, releases and settles allocations", async () => {
    const allocation_id = await idOf(`allocate create ${CALL} --tokens 100`);
    expect((await typed(`allocate extend ${allocation_id} --tokens 50`)).stdout).to.contain("150 allocated");
    expect((await typed(`allocate list --active --context c`)).stdout).to.contain(allocation_id);
    expect((await typed(`allocate release ${allocation_id}`)).stdout).to.contain("released");
    expect((await typed(`allocate list --active`)).stdout).to.equal("none\n");
    const response = {
      model: "gpt-4o-2024-08-06",
      usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
    };
    const files = { "-": JSON.stringify(response) };
    const late = await typed(`usage record --allocation ${allocation_id} --response - --final`, files);
    expect(late.stdout)
      .to.contain("openai/gpt-4o-2024-08-06")
      .and.to.contain("$0.00035")
      .and.to.contain("110 tokens");
    expect((await typed("usage summary")).stdout).to.match(/^cost +\$0.00035$/m);
    expect((await typed("usage list")).stdout).to.contain("100+10");
  });

  it("prints an id alone for scripts", async () => {
    const { stdout } = await typed(`allocate create ${CALL} --tokens 100 --id-only`);
    expect(normal(stdout)).to.equal(`${ID}\n`);
  });

  describe("ends with a code that says why", () => {
    const unknown = "01a208da-4f9e-72a6-90ef-9b4a2f49bdf2";
    const cases: readonly [string, number, RegExp][] = [
      ["nonsense", 2, /unknown command 'nonsense'/],
      ["prices recomend openai gpt-4o", 2, /unknown command 'recomend' of prices; there are list, current,/],
      ["budgets lst", 2, /unknown command 'lst' of budgets; there are list, /],
      ["set-limit --period daily", 2, /Give a limit: --tokens, --cost or both/],
      ["set-limit --period yearly --cost 1", 2, /Allowed choices are hourly, daily/],
      ["set-limit --period daily --cost one", 2, /Give dollars such as 0.50/],
      ["allocate create --component x", 2, /--context/],
      ["allocate create --context c --component x --tokens 1.5", 2, /Give a whole number/],
      [`allocate extend ${unknown}`, 2, /Give --tokens, --expires or both/],
      [`allocate show ${unknown}`, 4, /There is no allocation with the id/],
      ["budgets show nobody", 4, /There is no budget with the name nobody/],
      ["prices current openai nobody-knows", 4, /No price is known/],
      ["allocate show not-an-id", 1, /must be a UUID/],
      ["usage record --component x --input 1", 1, /context_id is needed/],
      ["usage record --response missing.json --allocation x", 1, /There is no file missing.json/],
    ];
    for (const [line, code, message] of cases) {
      it(`${code}: ${line}`, async () => {
        const ran = await typed(line);
        expect(ran.code, ran.stderr).to.equal(code);
        expect(ran.stderr).to.match(message);
        expect(ran.stdout).to.equal("");
      });
    }

    it("2: a response that is no JSON", async () => {
      const ran = await typed("usage record --response a.json --allocation x", { "a.json": "{" });
      expect(ran.code).to.equal(2);
      expect(ran.stderr).to.contain("a.json is not JSON");
    });

    it("3: a check that would be refused", async () => {
      await typed("set-limit --period daily --tokens 5");
      const ran = await typed(`allocate check ${CALL} --tokens 6`);
      expect(ran.code).to.equal(3);
      expect(ran.stdout).to.contain("It does not fit.").and.to.contain("5 tokens would fit now");
    });

    it("5: nobody answers there", async () => {
      await server.stop();
      const ran = await typed("status");
      server = await startTestServer();
      expect(ran.code).to.equal(5);
      expect(ran.stderr).to.contain("Start one with `npx -y pnpm@12 start`");
    });
  });

  it("shows its commands, its environment and its exit codes", async () => {
    const { code, stdout } = await typed("--help");
    expect(code).to.equal(0);
    for (const word of ["set-limit", "calc-cost", "BUDGET_URL", "Exit codes:"])
      expect(stdout).to.contain(word);
  });
});
