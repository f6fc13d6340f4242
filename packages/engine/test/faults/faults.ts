/** A mistake that the proofs must find: one place of the source, and what stands there instead. */
export interface Fault {
  readonly name: string;
  /** From the folder of the packages. */
  readonly file: string;
  readonly right: string;
  readonly wrong: string;
  /** The proof that must fail. */
  readonly found_by: "histories on sqlite" | "histories on postgres" | "several servers";
}

export const FAULTS: readonly Fault[] = [
  {
    name: "balances are read before they are locked",
    file: "repositories/src/dialect-postgres.ts",
    right: "FOR UPDATE OF t",
    wrong: "",
    found_by: "several servers",
  },
  {
    name: "a hold is not released when its allocation settles",
    file: "engine/src/batch.ts",
    right: "this.#hold(targetOf(this.catalog, after), holdChange(before, after));",
    wrong:
      'if (event_type !== "allocation.settled") this.#hold(targetOf(this.catalog, after), holdChange(before, after));',
    found_by: "histories on sqlite",
  },
  {
    name: "a window is off by an hour when the clocks change",
    file: "domain/src/windows.ts",
    right: "if (offsetAt(local_ms + DAY_MS) === offset_ms) return local_ms - offset_ms;",
    wrong: "return local_ms - offset_ms;",
    found_by: "histories on sqlite",
  },
  {
    name: "a retry books twice",
    file: "engine/src/ledger-runner.ts",
    right: 'outcome.ok || outcome.rejection.code === "insufficient_budget";',
    wrong: "outcome === null;",
    found_by: "histories on sqlite",
  },
  {
    name: "policies are cached for good",
    file: "engine/src/catalog.ts",
    right: "if (outdated.length === 0) return false;",
    wrong: "if (outdated.length === 0 || this.#versions.size > 0) return false;",
    found_by: "histories on postgres",
  },
];
