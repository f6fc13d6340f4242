import { AllocationCreateSchema, PolicyCreateSchema } from "@budget/domain";
import { expect } from "chai";
import { PortError } from "../src/index.ts";
import { requestReader } from "../src/read-request.ts";

const readAllocation = requestReader<object>(AllocationCreateSchema);
const readPolicy = requestReader<object>(PolicyCreateSchema);

function detailOf(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    if (error instanceof PortError) return `${error.field}: ${error.detail}`;
    throw error;
  }
  throw new Error("It was read.");
}

describe("requestReader", () => {
  it("folds words in a copy, and leaves the request alone", () => {
    const request = { context_id: "C", component: " Ergon ", tier: "REMOTE_HEAVYWEIGHT" };
    expect(readAllocation(request)).to.deep.equal({
      context_id: "C",
      component: "ergon",
      tier: "remote_heavyweight",
    });
    expect(request.component).to.equal(" Ergon ");
  });

  const open = { context_id: "c", component: "x" };
  const WRONG: readonly [string, () => unknown][] = [
    ["/component: component is missing.", () => readAllocation({ context_id: "c" })],
    ["/amount: amount is not known here.", () => readAllocation({ ...open, amount: 5 })],
    ["/priority: priority must be <= 10.", () => readAllocation({ ...open, priority: 11 })],
    [
      "/tier: tier must be one of local_lightweight, local_midweight, remote_heavyweight.",
      () => readAllocation({ ...open, tier: "heavy" }),
    ],
    [
      '/expiration_time: expiration_time must match format "date-time".',
      () => readAllocation({ ...open, expiration_time: "2026-11-23T24:30:00+01" }),
    ],
    [
      "/type: type must be one of log, ignore, warn, soft_limit, enforce, hard_limit.",
      () => readPolicy({ type: "shout", period: "daily" }),
    ],
  ];
  for (const [expected, read] of WRONG) {
    it(`says ${expected}`, () => {
      expect(detailOf(read)).to.equal(expected);
    });
  }
});
