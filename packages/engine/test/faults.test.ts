import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { FAULTS, type Fault } from "./faults/faults.ts";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));
const HISTORIES = "test/histories/nightly.ts";
const MOCHA = fileURLToPath(new URL("bin/mocha.js", import.meta.resolve("mocha")));

const CONCURRENCY = "test/concurrency.test.ts";
const SEVERAL = "several servers on one PostgreSQL";

/** More than any of these faults has ever needed. */
const COUNT = "300";

const PROOFS: Readonly<Record<Fault["found_by"], readonly string[]>> = {
  "histories on sqlite": [HISTORIES, "--count", COUNT, "--no-shrink"],
  "histories on postgres": [HISTORIES, "--count", COUNT, "--no-shrink", "--database", "postgres"],
  "several servers": [MOCHA, "--no-config", "--exit", "--timeout", "30000", CONCURRENCY, "--grep", SEVERAL],
};

/** Runs a proof in a process of its own, with a fault in the source. */
const prove = ({ name, found_by }: Fault): Promise<{ readonly failed: boolean; readonly output: string }> =>
  new Promise((resolve) => {
    const words = [
      "--conditions=budget-source",
      "--import",
      "./test/faults/with-fault.ts",
      ...PROOFS[found_by],
    ];
    const env = { ...process.env, BUDGET_FAULT: name };
    execFile(process.execPath, words, { cwd: PACKAGE, env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      resolve({ failed: error !== null, output: stdout + stderr });
    });
  });

/** What several servers do at one moment is chance, and a busy machine lets them miss each other: they get more tries. */
const TRIES: Readonly<Record<Fault["found_by"], number>> = {
  "histories on sqlite": 1,
  "histories on postgres": 1,
  "several servers": 40,
};

/** Runs a proof until it finds the fault, as often as chance plays a part in it. */
async function tryToProve(fault: Fault): ReturnType<typeof prove> {
  let proof = await prove(fault);
  for (let tries = 1; !proof.failed && tries < TRIES[fault.found_by]; tries += 1) proof = await prove(fault);
  return proof;
}

describe("a fault in the source", () => {
  for (const fault of FAULTS) {
    it(`is found by ${fault.found_by}: ${fault.name}`, async () => {
      const { failed, output } = await tryToProve(fault);
      expect(output).to.contain(`The fault is in: ${fault.name}.`);
      expect(failed, `The fault survives.\n${output.slice(-2000)}`).to.equal(true);
      // It failed by what it compares, not because it could not run.
      expect(output).to.match(/the reference says|verify finds|AssertionError/);
    }).timeout(300_000);
  }
});
