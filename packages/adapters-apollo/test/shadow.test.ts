import { expect } from "chai";
import {
  createApolloShadow,
  type ApolloCalls,
  type Disagreement,
  type PolicyReason,
  type TokenAllocation,
  type TokenRefusal,
} from "../src/index.ts";
import { MOST_REMEMBERED } from "../src/shadow-memory.ts";

const REQUEST = {
  context_id: "chat-1",
  component: "ergon",
  provider: "openai",
  model: "gpt-4o",
  amount: 100,
};

const granted = (allocation_id: string, warnings: PolicyReason[] = []): TokenAllocation => ({
  success: true,
  allocation_id,
  context_id: "chat-1",
  amount: 100,
  remaining: 100,
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt-4o",
  warnings,
});

const refused = (message: string): TokenRefusal => ({
  success: false,
  code: "insufficient_budget",
  error: message,
  context_id: "chat-1",
  amount: 0,
  remaining: 0,
  tier: "remote_heavyweight",
  reasons: [{ code: "token_limit", policy_id: "p", type: "hard_limit", measure: "tokens", message }],
  tokens_that_fit: 0,
  resets_at: null,
});

const passed = (reason: Partial<PolicyReason> = {}): PolicyReason => ({
  code: "limit_passed",
  policy_id: "p",
  type: "ignore",
  measure: "tokens",
  message: "daily log policy p: 100 tokens held of 150",
  ...reason,
});

interface Asked {
  readonly call: string;
  readonly with: unknown;
}

/** Calls that keep what they were asked. What a test does not say they answer is a failure of theirs. */
function system(answers: Partial<ApolloCalls>): ApolloCalls & { readonly asked: Asked[] } {
  const asked: Asked[] = [];
  const call =
    (name: keyof ApolloCalls) =>
    (request?: unknown): never => {
      asked.push({ call: name, with: request });
      const answer = answers[name] as ((request: unknown) => unknown) | undefined;
      return (answer === undefined ? Promise.reject(new Error(`no ${name}`)) : answer(request)) as never;
    };
  return {
    asked,
    allocateTokens: call("allocateTokens"),
    releaseAllocation: call("releaseAllocation"),
    recordTokenUsage: call("recordTokenUsage"),
    getBudgetStatus: call("getBudgetStatus"),
    getAllocationStatus: call("getAllocationStatus"),
    setBudgetLimit: call("setBudgetLimit"),
    provideModelGuidance: call("provideModelGuidance"),
    getTokenUsageAnalytics: call("getTokenUsageAnalytics"),
  };
}

const released = (allocation_id: string) => Promise.resolve({ success: true as const, allocation_id });
const recorded = () =>
  Promise.resolve({
    success: true as const,
    allocation_id: null,
    context_id: "chat-1",
    recorded_tokens: 40,
    remaining: 60,
  });

/** A shadow over answers to `allocateTokens`; the other calls succeed. */
function shadowOver(old: Partial<ApolloCalls>, budget: Partial<ApolloCalls>) {
  const others = { releaseAllocation: released, recordTokenUsage: recorded };
  const theirs = system({ ...others, ...old });
  const ours = system({ ...others, ...budget });
  const told: Disagreement[] = [];
  const shadow = createApolloShadow({
    old: theirs,
    budget: ours,
    onDisagreement: (one) => void told.push(one),
  });
  return { shadow, theirs, ours, told };
}

const says = (answer: TokenAllocation | TokenRefusal): Partial<ApolloCalls> => ({
  allocateTokens: () => Promise.resolve(answer),
});

describe("createApolloShadow", () => {
  it("answers what the old system says, and counts what both decide alike", async () => {
    const { shadow, told } = shadowOver(says(granted("old-1")), says(granted("new-1")));
    expect(await shadow.allocateTokens(REQUEST)).to.deep.equal(granted("old-1"));
    await shadow.settled();
    expect(shadow.counts()).to.deep.equal({ agreed: 1, disagreed: 0, failed: 0, left_out: 0 });
    expect(told).to.deep.equal([]);
  });

  it("agrees where both refuse", async () => {
    const { shadow, told } = shadowOver(says(refused("full")), says(refused("spent")));
    expect(await shadow.allocateTokens(REQUEST)).to.deep.equal(refused("full"));
    await shadow.settled();
    expect([shadow.counts().agreed, told]).to.deep.equal([1, []]);
  });

  it("reports with both reasons that Budget would have refused", async () => {
    const { shadow, told } = shadowOver(says(granted("old-1")), says(granted("new-1", [passed()])));
    await shadow.allocateTokens(REQUEST);
    await shadow.settled();
    expect(told).to.deep.equal([
      {
        kind: "decision",
        request: REQUEST,
        old: { granted: true, reasons: [] },
        budget: { granted: false, reasons: ["daily log policy p: 100 tokens held of 150"] },
        counts: { agreed: 0, disagreed: 1, failed: 0, left_out: 0 },
      },
    ]);
  });

  const NO_REFUSALS: readonly [string, PolicyReason, object][] = [
    ["a policy that warns", passed({ type: "warn" }), {}],
    ["a threshold of a policy that logs", passed({ code: "warning_threshold" }), {}],
    ["a token limit that priority 10 passes", passed(), { priority: 10 }],
  ];
  for (const [what, warning, fields] of NO_REFUSALS) {
    it(`takes ${what} for no refusal`, async () => {
      const { shadow } = shadowOver(says(granted("old-1")), says(granted("new-1", [warning])));
      await shadow.allocateTokens({ ...REQUEST, ...fields });
      await shadow.settled();
      expect(shadow.counts()).to.include({ agreed: 1, disagreed: 0 });
    });
  }

  it("takes a cost limit for one that priority 10 does not pass", async () => {
    const warning = passed({ measure: "cost" });
    const { shadow } = shadowOver(says(granted("old-1")), says(granted("new-1", [warning])));
    await shadow.allocateTokens({ ...REQUEST, priority: 10 });
    await shadow.settled();
    expect(shadow.counts()).to.include({ disagreed: 1 });
  });

  it("frees what Budget granted where the old system refused", async () => {
    const { shadow, ours, told } = shadowOver(says(refused("full")), says(granted("new-1")));
    await shadow.allocateTokens(REQUEST);
    await shadow.settled();
    expect(ours.asked.map(({ call, with: request }) => [call, request])).to.deep.equal([
      ["allocateTokens", REQUEST],
      ["releaseAllocation", "new-1"],
    ]);
    expect(told[0]).to.deep.include({
      old: { granted: false, reasons: ["full"] },
      budget: { granted: true, reasons: [] },
    });
  });

  it("books and frees under Budget's id what the caller knows by the old one", async () => {
    const { shadow, theirs, ours } = shadowOver(says(granted("old-1")), says(granted("new-1")));
    await shadow.allocateTokens(REQUEST);
    await shadow.recordTokenUsage({ allocation_id: "old-1", tokens: 40, usage_type: "input" });
    await shadow.releaseAllocation("old-1");
    await shadow.settled();
    const idsAskedOf = ({ asked }: { asked: Asked[] }) =>
      asked
        .slice(1)
        .map(({ with: request }) =>
          typeof request === "string" ? request : (request as { allocation_id: string }).allocation_id,
        );
    expect([idsAskedOf(theirs), idsAskedOf(ours)]).to.deep.equal([
      ["old-1", "old-1"],
      ["new-1", "new-1"],
    ]);
    await shadow.releaseAllocation("old-1");
    expect(shadow.counts().left_out).to.equal(1);
  });

  it("books usage before it frees what held it, however slow Budget is", async () => {
    const done: string[] = [];
    let book: () => void = () => {};
    const { shadow } = shadowOver(says(granted("old-1")), {
      ...says(granted("new-1")),
      recordTokenUsage: async () => {
        await new Promise<void>((resolve) => (book = resolve));
        done.push("recordTokenUsage");
        return recorded();
      },
      releaseAllocation: (allocation_id) => {
        done.push("releaseAllocation");
        return released(allocation_id);
      },
    });
    await shadow.allocateTokens(REQUEST);
    await shadow.recordTokenUsage({ allocation_id: "old-1", tokens: 40 });
    await shadow.releaseAllocation("old-1");
    await new Promise(setImmediate);
    expect(done).to.deep.equal([]);
    book();
    await shadow.settled();
    expect(done).to.deep.equal(["recordTokenUsage", "releaseAllocation"]);
  });

  for (const [what, budget] of [
    ["refused", says(refused("spent"))],
    ["failed", { allocateTokens: () => Promise.reject(new Error("Budget is away")) }],
  ] as const) {
    it(`books usage without an allocation where Budget ${what}`, async () => {
      const { shadow, ours } = shadowOver(says(granted("old-1")), budget);
      await shadow.allocateTokens(REQUEST);
      await shadow.recordTokenUsage({ allocation_id: "old-1", tokens: 40 });
      await shadow.releaseAllocation("old-1");
      await shadow.settled();
      expect(ours.asked.map(({ call }) => call)).to.deep.equal(["allocateTokens", "recordTokenUsage"]);
      expect(ours.asked[1]?.with).to.include({
        allocation_id: null,
        context_id: "chat-1",
        component: "ergon",
        tokens: 40,
      });
    });
  }

  it("lets the old system's failure be the caller's, and asks Budget nothing then", async () => {
    const failure = new Error("Apollo is away");
    const { shadow, ours } = shadowOver(
      { allocateTokens: () => Promise.reject(failure) },
      says(granted("new-1")),
    );
    expect(await shadow.allocateTokens(REQUEST).catch((error: unknown) => error)).to.equal(failure);
    expect(ours.asked).to.deep.equal([]);
  });

  it("reports Budget's failure and keeps it, and its slowness, from the caller", async () => {
    const failure = new Error("Budget is away");
    let fail: (error: Error) => void = () => {};
    const never = new Promise<never>((_resolve, reject) => (fail = reject));
    const { shadow, told } = shadowOver(says(granted("old-1")), { allocateTokens: () => never });
    expect(await shadow.allocateTokens(REQUEST)).to.deep.equal(granted("old-1"));
    fail(failure);
    await shadow.settled();
    expect(told).to.deep.equal([
      {
        kind: "failure",
        call: "allocateTokens",
        error: failure,
        counts: { agreed: 0, disagreed: 0, failed: 1, left_out: 0 },
      },
    ]);
  });

  it("does not let a listener that throws harm anybody", async () => {
    const shadow = createApolloShadow({
      old: system(says(refused("full"))),
      budget: system({ ...says(granted("new-1")), releaseAllocation: released }),
      onDisagreement() {
        throw new Error("a bug of the listener");
      },
    });
    expect(await shadow.allocateTokens(REQUEST)).to.deep.equal(refused("full"));
    await shadow.settled();
    expect(shadow.counts()).to.include({ disagreed: 1, failed: 0 });
  });

  it("sets limits on both, and asks Budget nothing that changes nothing", async () => {
    const limit = {
      success: true as const,
      tier: "local_midweight" as const,
      period: "daily" as const,
      limit: 5,
      policy_id: "p",
    };
    const status = { success: true as const, period: "daily" as const, summaries: [] };
    const { shadow, ours } = shadowOver(
      {
        setBudgetLimit: () => Promise.resolve(limit),
        getBudgetStatus: () => Promise.resolve(status),
      },
      { setBudgetLimit: () => Promise.resolve(limit) },
    );
    await shadow.setBudgetLimit({ tier: "midweight", period: "daily", limit: 5 });
    expect(await shadow.getBudgetStatus()).to.equal(status);
    await shadow.settled();
    expect(ours.asked).to.deep.equal([
      { call: "setBudgetLimit", with: { tier: "midweight", period: "daily", limit: 5 } },
    ]);
  });

  it("forgets the oldest allocations, and says so in its counts", async () => {
    let made = 0;
    const { shadow, ours } = shadowOver(
      { allocateTokens: () => Promise.resolve(granted(`old-${(made += 1)}`)) },
      { allocateTokens: () => Promise.resolve(granted(`new-${made}`)) },
    );
    for (let index = 0; index < MOST_REMEMBERED + 1; index += 1) {
      await shadow.allocateTokens(REQUEST);
      await shadow.settled();
    }
    await shadow.releaseAllocation("old-1");
    await shadow.releaseAllocation("old-2");
    await shadow.settled();
    expect(shadow.counts()).to.include({ left_out: 1, agreed: MOST_REMEMBERED + 1 });
    expect(ours.asked.at(-1)).to.deep.equal({ call: "releaseAllocation", with: "new-2" });
  });

  it("leaves calls out where too many wait for a Budget that hangs", async () => {
    const { shadow, ours } = shadowOver(says(granted("old-1")), {
      allocateTokens: () => new Promise<never>(() => {}),
    });
    for (let index = 0; index < 1001; index += 1) await shadow.allocateTokens(REQUEST);
    expect(ours.asked).to.have.length(1000);
    expect(shadow.counts().left_out).to.equal(1);
  });
});
