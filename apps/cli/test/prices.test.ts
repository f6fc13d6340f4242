import type { RunningServer } from "@budget/server";
import { expect } from "chai";
import { startTestServer, type, type Ran } from "./support.ts";

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
});
