/** How many tests a run had, over all its packages. */
export interface TestCount {
  readonly passed: number;
  readonly failed: number;
  /** Tests without a body or switched off. */
  readonly pending: number;
}

// Colours are escape sequences.
const COLOUR = /\u001b\[[0-9;]*m/g;
// Mocha's summary, behind turbo's "package:task: "; a title of a test never fills a whole line like this.
const SUMMARY = /^(?:\S+:test: )?\s+(\d+) (passing|failing|pending)(?: \(\d+(?:ms|s|m|h|d)\))?$/;

/**
 * Adds up the summaries of all mocha runs in the output of `pnpm test`.
 *
 * @param output text of the run, with or without colours and turbo's prefixes
 */
export function countTests(output: string): TestCount {
  const sums = { passing: 0, failing: 0, pending: 0 };
  for (const line of output.replace(COLOUR, "").split(/\r?\n/)) {
    const [, count, kind] = SUMMARY.exec(line.trimEnd()) ?? [];
    if (kind === "passing" || kind === "failing" || kind === "pending") sums[kind] += Number(count);
  }
  return { passed: sums.passing, failed: sums.failing, pending: sums.pending };
}

/**
 * Tells what is wrong with a run by its count alone.
 *
 * @returns undefined when nothing is
 */
export function complaintAbout(count: TestCount): string | undefined {
  if (count.failed > 0) return `${count.failed} tests failed`;
  if (count.passed === 0) return "no test ran";
  if (count.pending > 0) return `${count.pending} tests are switched off; mend them or delete them`;
  return undefined;
}
