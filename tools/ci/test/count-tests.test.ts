import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { complaintAbout, countTests } from "../src/count-tests.ts";

const RUN = `
@budget/domain:test: $ mocha
@budget/domain:test:   money
@budget/domain:test:     ✔ rounds half to even
@budget/domain:test:     ✔ is silent when 3 passing (2ms) cars go by
@budget/domain:test:   120 passing (1s)
@budget/engine:test:   12 passing (34ms)
@budget/engine:test:   2 failing
@budget/engine:test:   1) allocation
@budget/cli:test:   3 passing (2m)
 Tasks:    3 successful, 4 total
`;

describe("count of tests", () => {
  it("adds up the summaries of all packages", () => {
    expect(countTests(RUN)).to.deep.equal({ passed: 135, failed: 2, pending: 0 });
  });

  it("reads output without prefixes, with colours and with carriage returns", () => {
    const output =
      "\u001b[92m \u001b[0m\u001b[32m 7 passing\u001b[0m\u001b[90m (8ms)\u001b[0m\r\n  1 pending\r\n";
    expect(countTests(output)).to.deep.equal({ passed: 7, failed: 0, pending: 1 });
  });

  const verdicts: [string, RegExp | undefined][] = [
    ["  7 passing (8ms)\n", undefined],
    ["", /no test ran/],
    ["  0 passing (1ms)\n", /no test ran/],
    ["  7 passing (8ms)\n  1 failing\n", /1 tests failed/],
    ["  7 passing (8ms)\n  2 pending\n", /2 tests are switched off/],
  ];
  for (const [output, expected] of verdicts) {
    it(`${expected === undefined ? "is content with" : "complains about"} ${JSON.stringify(output)}`, () => {
      const complaint = complaintAbout(countTests(output));
      if (expected === undefined) expect(complaint).to.equal(undefined);
      else expect(complaint).to.match(expected);
    });
  }

  it("prints one line, counts mocha's real summary, and fails with it", () => {
    const folder = mkdtempSync(join(tmpdir(), "budget-count-"));
    try {
      writeFileSync(
        join(folder, "a.test.mjs"),
        `it("passes", () => {}); it("fails", () => { throw new Error("as it should"); });`,
      );
      const mocha = join(import.meta.dirname, "../../../node_modules/mocha/bin/mocha.js");
      const run = spawnSync(process.execPath, [mocha, "--no-config", "--color", "a.test.mjs"], {
        cwd: folder,
        encoding: "utf8",
      });
      writeFileSync(join(folder, "log"), run.stdout);
      const main = join(import.meta.dirname, "../src/main.ts");
      const counted = spawnSync(process.execPath, [main, join(folder, "log")], { encoding: "utf8" });
      expect(counted.stdout).to.equal("1 passed, 1 failed\n");
      expect(counted.status).to.equal(1);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
