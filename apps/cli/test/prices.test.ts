import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunningServer } from "@budget/server";
import { expect } from "chai";
import { startTestServer, type, type Ran } from "./support.ts";

const widestOf = (text: string): number => Math.max(...text.split("\n").map((line) => line.length));

const BY = "--by ada --why contract";

describe("the command line, of prices", () => {
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
  const typed = (line: string): Promise<Ran> => type(line.split(" "), environment);

  describe("takes times", () => {
    it("as days, which are their starts in UTC", async () => {
      await typed(`prices set openai gpt-4o --input 2 --output 8 --from 2026-01-01 --until 2099-01-01 ${BY}`);
      const { observations } = JSON.parse((await typed("--json prices why openai gpt-4o")).stdout) as {
        observations: { effective_date: string; end_date: string }[];
      };
      expect(observations).to.have.length(1);
      expect(observations[0]).to.include({
        effective_date: "2026-01-01T00:00:00.000Z",
        end_date: "2099-01-01T00:00:00.000Z",
      });
      expect((await typed("calc-cost openai gpt-4o --input 1 --at 2026-01-01")).code).to.equal(0);
      for (const command of ["prices reprice --dry-run", "usage list", "usage summary"])
        expect((await typed(`${command} --from 2026-01-01 --to 2026-12-01`)).stderr, command).to.equal("");
    });

    const WRONG = ["today", "2026-02-30", "2026-11-01T09:30", "2026-11-01T25:00:00Z"];
    for (const time of WRONG) {
      it(`and says which option is wrong: ${time}`, async () => {
        const from = await typed(`prices reprice --from ${time} --to 2026-11-08 --dry-run`);
        expect([from.code, from.stderr]).to.deep.equal([
          2,
          `error: option '--from <time>' argument '${time}' is invalid. Give a day such as 2026-11-01, which is its ` +
            "start in UTC, or an instant such as 2026-11-01T09:30:00Z.\n",
        ]);
      });
    }

    it("and names the options where a span ends before it begins", async () => {
      const commands = [
        ["prices reprice --dry-run", "--to"],
        ["usage list", "--to"],
        [`prices set openai gpt-4o --input 1 ${BY}`, "--until"],
      ] as const;
      for (const [command, until] of commands) {
        const { code, stderr } = await typed(`${command} --from 2026-11-08 ${until} 2026-11-01`);
        expect([code, stderr], command).to.deep.equal([2, `${until} must be later than --from.\n`]);
      }
    });
  });

  it("sets what a source is asked with, from standard input or a file, and shows its value nowhere", async () => {
    const words = ["prices", "sources", "credential", "set", "litellm"];
    const files = { "-": "Bearer sk-0123456789\n", key: "sk-0123456789" };
    const set = await type(words, environment, files);
    expect([set.code, set.stderr]).to.deep.equal([0, ""]);
    expect(set.stdout).to.match(
      /^source +litellm\nheader +Authorization\nencrypted with +test\nset +2\d{3}-/,
    );
    const named = await type(
      [...words, "--header", "X-Api-Key", "--value-file", "key", "--json"],
      environment,
      files,
    );
    expect(JSON.parse(named.stdout)).to.deep.include({ source: "litellm" });
    const { stdout: table } = await typed("prices sources");
    expect(table)
      .to.match(/CREDENTIAL/)
      .and.match(/\nlitellm .* X-Api-Key/);
    for (const { stdout } of [set, named, await typed("--json prices sources"), await typed("audit list")])
      expect(stdout).to.not.contain("0123456789");
    const empty = await type(words, environment, { "-": "\n" });
    expect([empty.code, empty.stderr.startsWith("There is nothing in ")]).to.deep.equal([2, true]);
    expect((await type([...words, "sk-0123456789"], environment, files)).code).to.equal(2);
    const removed = await typed("prices sources credential remove litellm");
    expect(removed.stdout).to.equal("litellm is asked without a credential from now on.\n");
    expect((await typed("prices sources credential remove litellm")).code).to.equal(4);
    expect((await typed("prices sources")).stdout).to.not.contain("CREDENTIAL");
  });

  it("asks who reprices and why, both at once, but not for a dry run", async () => {
    const span = "--from 2026-11-01 --to 2026-11-08";
    expect((await typed(`prices reprice ${span} --dry-run`)).stdout).to.match(/would be set right +0\n/);
    for (const half of ["", " --by ada", " --why contract"]) {
      const { code, stderr } = await typed(`prices reprice ${span}${half}`);
      expect([code, stderr]).to.deep.equal([
        2,
        "Say --by NAME and --why REASON, for the record; --dry-run needs neither.\n",
      ]);
    }
    expect((await typed(`prices reprice ${span} ${BY}`)).code).to.equal(0);
  });

  it("says what a price that is set changes besides, and how to take it back", async () => {
    const set = await typed(`prices set openai gpt-4.1 --input 2 --output 8 --unit web_searches=0.01 ${BY}`);
    expect(set.stdout).to.contain("\nno longer priced: cache_read_tokens, storage_searches\n");
    expect(set.stdout).to.contain(
      "\ngpt-4.1-2025-04-14 has a price of its own, which this does not change\n",
    );
    const current = await typed("prices current openai gpt-4.1");
    expect(current.stdout)
      .to.match(/\nweb_searches +\$0\.01 /)
      .and.match(/\ninput_tokens +\S+ +\$2\b/);
    const [, back = ""] = /Take it back with:\n\.\/budget (.*)\n$/.exec(set.stdout) ?? [];
    const words = back.match(/'[^']*'|\S+/g)?.map((word) => word.replaceAll("'", "")) ?? [];
    const { code, stderr } = await type(words, environment);
    expect([code, stderr]).to.deep.equal([0, ""]);
  });

  it("reads what is no token or character as dollars for one", async () => {
    await typed(`prices set acme x --unit requests=0.5 input_characters=3 seconds=0.0001 ${BY}`);
    const { stdout } = await typed("prices current acme x");
    expect(stdout)
      .to.match(/\nrequests +\$0\.5 /)
      .and.match(/\ninput_characters +\$0\.000003 /)
      .and.match(/\nseconds +\$0\.0001 /);
    const much = await typed(`prices set acme x --unit requests=much ${BY}`);
    expect(much.stderr).to.equal("--unit requests must be USD for one, such as 0.01; it was much.\n");
  });

  it("tells the units where one is not known", async () => {
    const set = await typed(`prices set acme x --unit tokens=1 ${BY}`);
    expect(set.code).to.equal(2);
    expect(set.stderr).to.match(
      /^--unit tokens=1: tokens is no unit of usage; units are input_tokens, .*code_executions\n$/,
    );
  });

  it("marks options that are required", async () => {
    const { stdout } = await typed("prices set --help");
    expect(stdout).to.match(/--by <name> +who sets it \(required\)\n/);
    expect(stdout).to.match(/--input <usd> +for a million input tokens\n/);
  });

  it("finds a model by the names that calls find it by, and says so", async () => {
    for (const command of ["why", "history"]) {
      const { stdout } = await typed(`prices ${command} openai gpt-4o-2099-01-01`);
      expect(stdout, command).to.match(
        /^openai\/gpt-4o-2099-01-01 has no price of its own; it is found by its undated name: openai\/gpt-4o\n\n.*\$10\b/s,
      );
      expect((await typed(`prices ${command} openai nobody-knows`)).code, command).to.equal(4);
    }
  });

  it("tells prices of one model apart, in columns that are left out where they are empty", async () => {
    await typed(`prices set openai gpt-4o --input 1 --output 5 --service-tier batch --scope eu ${BY}`);
    const list = await typed("prices list --provider deepseek --model deepseek-chat");
    expect(list.stdout).to.match(/^PROVIDER +MODEL +HOURS \(UTC\) +INPUT/);
    expect(list.stdout).to.match(/\ndeepseek +deepseek-chat +00:30-16:30 +\$/);
    const history = await typed("prices history openai gpt-4o");
    expect(history.stdout).to.match(/^IN FORCE +SCOPE +TIER +INPUT/);
    expect(history.stdout).to.match(/ to now +eu +batch +\$1 +\$5 +by_hand\n/);
    expect((await typed("prices history openai gpt-4")).stdout).to.match(
      /^IN FORCE +INPUT +OUTPUT +SOURCE\n/,
    );
  });

  it("names the price of a cost, and marks a total that is estimated", async () => {
    const { stdout } = await typed("calc-cost openai gpt-4o-2099-01-01 --input 4 --service-tier flex");
    expect(stdout).to.match(/^price of openai\/gpt-4o, found by its undated name\n/);
    expect(stdout).to.match(/\ntotal \$0\.00001 \(estimated\)\n$/);
  });

  it("lists within 80 columns", async () => {
    const call =
      "--context c --component agent --provider openai --model gpt-4o-audio-preview-2024-12-17-and-more";
    await typed(`usage record ${call} --input 1000000 --output 123456`);
    await typed("prices update genai_prices");
    const lines = [
      "prices update genai_prices",
      "prices recommend openai gpt-4o --limit 50 --any-provider",
      "prices coverage",
      "usage list",
      "alerts",
      "prices runs",
      "prices sources",
      "prices list --provider bedrock --limit 100",
    ];
    for (const line of lines) {
      const { stdout } = await typed(line);
      const table = stdout.split("\n").filter((one) => !one.startsWith("No usage with a price"));
      expect(widestOf(table.join("\n")), `${line}\n${stdout}`).to.be.at.most(80);
    }
    expect((await typed("usage list")).stdout).to.match(
      /[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12} /,
    );
  });

  it("prints what alerts say", async () => {
    await typed("prices update genai_prices");
    const { stdout } = await typed("alerts");
    expect(stdout.replaceAll(/\s+/g, "")).to.match(/warningprice_review:.*llama-guard-3-8b/);
  });

  it("says that what is not known of a model is not", async () => {
    const { stdout } = await typed("prices recommend openai gpt-4o");
    expect(stdout)
      .to.match(/ \? +\? +provisional\n/)
      .and.match(/\n\? is what no source says\.\n$/);
  });

  it("says where usage is filed under a dated name of a model", async () => {
    const call = "--context c --component x --provider openai --model gpt-4o-2024-08-06";
    await typed(`usage record ${call} --input 9 --output 9`);
    const { stdout } = await typed("prices recommend openai gpt-4o");
    expect(stdout).to.contain("\nUsage is filed under gpt-4o-2024-08-06: ask for that name.\n");
    expect((await typed("prices recommend openai gpt-4o-2024-08-06")).stdout).to.contain(
      "The latest 1 calls",
    );
  });

  it("counts prices set by hand apart from those that are verified", async () => {
    await typed(
      "usage record --context c --component x --provider openai --model gpt-4o --input 9 --output 9",
    );
    await typed(`prices set openai gpt-4o --input 2 --output 8 ${BY}`);
    expect((await typed("prices coverage")).stdout).to.match(
      /\nwith a verified price +0\nwith a manual price +1\n/,
    );
  });

  it("ends quietly where nobody reads on", async () => {
    const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
    const child = spawn(process.execPath, ["--conditions=budget-source", main, "--help"]);
    child.stdout.destroy();
    let said = "";
    child.stderr.on("data", (text: Buffer) => (said += text.toString()));
    const [code] = (await once(child, "close")) as [number];
    expect([code, said]).to.deep.equal([0, ""]);
  });

  it("says who set a price, and why", async () => {
    await typed(`prices set openai gpt-4o --input 2 --output 8 ${BY}`);
    expect((await typed("prices why openai gpt-4o")).stdout).to.match(
      /\ndecided by +by_hand, ada: contract\n/,
    );
  });
});

describe("the command line, of sources and reviews", () => {
  let folder: string;
  let source: Server;
  let server: RunningServer;
  let cost: Record<string, number>;
  const typed = (line: string): Promise<Ran> =>
    type(line.split(" "), { BUDGET_URL: `http://127.0.0.1:${server.port}` });

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "budget-cli-"));
    source = createServer((_request, response) => {
      response.end(JSON.stringify({ acme: { models: { one: { id: "one", cost } } } }));
    });
    source.listen(0, "127.0.0.1");
    await once(source, "listening");
    const settings = {
      source: "models_dev",
      address: `http://127.0.0.1:${(source.address() as AddressInfo).port}/api.json`,
      allow_http: true,
      allow_private_addresses: true,
    };
    const prices_file = join(folder, "prices.json");
    const file = {
      markups: [{ provider: "acme", percent: 5 }],
      sources: [
        settings,
        { source: "litellm", enabled: false },
        { source: "llm_prices", address: "http://10.0.0.1/some/folder/that/is/long/prices.json" },
      ],
    };
    writeFileSync(prices_file, JSON.stringify(file));
    server = await startTestServer("sqlite::memory:", "", { price_update_interval_min: 60, prices_file });
  });

  afterEach(async () => {
    await server.stop();
    source.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Lets the source change its price too much at once, and answers the review that this opens. */
  async function openReview(): Promise<string> {
    cost = { input: 1, output: 5, cache_read: 0.5 };
    await typed("prices update models_dev");
    cost = { input: 20, output: 100, cache_read: 10 };
    await typed("prices update models_dev");
    const { stdout } = await typed("--json prices reviews");
    return (JSON.parse(stdout) as { items: { review_id: string }[] }).items[0]?.review_id ?? "";
  }

  it("say which sources are off, and why", async () => {
    const { stdout } = await typed("prices sources");
    const words = stdout.replaceAll(/\s+/g, " ");
    expect(words).to.contain("litellm 0.700 0 of 0 never off: It is turned off in the prices file.");
    expect(words).to.contain(
      "portkey 0.600 0 of 0 never off: It is read only where the prices file turns it on.",
    );
    expect(words).to.contain("models_dev 0.800 0 of 0 never - ");
    const { code, stderr } = await typed("prices update litellm");
    expect([code, stderr]).to.deep.equal([
      4,
      "The price source litellm is off. It is turned off in the prices file.\n",
    ]);
  });

  it("name the settings that a source needs, within 80 columns and without cutting its address off", async () => {
    const run = await typed("prices update llm_prices");
    const told =
      "http://10.0.0.1/some/folder/that/is/long/prices.json is not https; allow_http in the prices file lets it be read.";
    expect(run.stdout).to.contain(`llm_prices gave nothing: HTTP: ${told}`);
    const { stdout } = await typed("prices sources");
    expect(stdout.replaceAll(/\s+/g, "")).to.contain(
      "HTTP:http://10.0.0.1/some/folder/that/is/long/prices.json",
    );
    expect(widestOf(stdout), stdout).to.be.at.most(80);
  });

  it("say what a markup is added to", async () => {
    cost = { input: 1, output: 5 };
    await typed("prices update models_dev");
    const { stdout } = await typed("prices why acme one");
    expect(stdout).to.contain(
      "charged     $1.05 in, $5.25 out, by the million\nmarkup      5 %: the sources say $1 / $5\n",
    );
  });

  it("say why people are asked, what is charged meanwhile, and how to decide", async () => {
    const id = await openReview();
    const { stdout } = await typed("prices reviews");
    expect(stdout).to.match(/\nreason +it changed too much at once\n/);
    expect(stdout).to.match(/\ncharged now +\$1\.05 in, \$5\.25 out, by the million\n/);
    expect(stdout).to.contain(
      `Decide with:\n./budget prices decide ${id} \\\n  --accept models_dev --by NAME --why REASON\n`,
    );
  });

  it("take both prices where the model has both, and say what a decision leaves out", async () => {
    const id = await openReview();
    const half = await typed(`prices decide ${id} --input 1 ${BY}`);
    expect([half.code, half.stderr]).to.deep.equal([
      2,
      "Say both --input and --output: the model has a price for each.\n",
    ]);
    const decided = await typed(`prices decide ${id} --input 2 --output 9 --unit web_searches=0.01 ${BY}`);
    expect(decided.stdout).to.contain("\nno longer priced: cache_read_tokens\n");
    expect(decided.stdout).to.contain(
      "\nA decision is what is paid: the markup of 5 % is no part of it any more.\n",
    );
    expect((await typed("prices current acme one")).stdout).to.match(/\nweb_searches +\$0\.01 /);
    expect((await typed("prices why acme one")).stdout).to.match(
      /\nReview entered on \S+ by ada: contract\n/,
    );
  });

  it("leave the markup where a review is rejected", async () => {
    const { stdout } = await typed(`prices decide ${await openReview()} --reject ${BY}`);
    expect(stdout).to.contain("rejected").and.not.to.contain("markup");
  });
});
