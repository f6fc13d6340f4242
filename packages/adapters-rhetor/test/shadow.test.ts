import { expect } from "chai";
import {
  createRhetorShadow,
  type CheckAnswer,
  type Disagreement,
  type OldAnswer,
  type RhetorCalls,
} from "../src/index.ts";

const CALL = { provider: "openai", model: "gpt-4o", input_text: "A secret.", component: "hermes" };
const ROUTE = { input_text: "A secret.", default_provider: "openai", default_model: "gpt-4o" };

const unexpected = () => Promise.reject(new Error("Nobody should ask this."));

/** Calls of which some answer, and all write down that they were made. */
function calls(asked: unknown[][], answers: Partial<Record<keyof RhetorCalls, unknown>>): RhetorCalls {
  return new Proxy({} as RhetorCalls, {
    get: (_target, name) =>
      name in answers
        ? (...given: unknown[]) => {
            asked.push([name, ...given]);
            const answer = answers[name as keyof RhetorCalls];
            return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
          }
        : unexpected,
  });
}

const old = (answer: OldAnswer) => answer;
const ALLOWED = old({ allowed: true, info: { warnings: [] } });
const REFUSED = old({ allowed: false, info: { reason: "Daily budget limit exceeded" } });
const budgetSays = (info: Partial<CheckAnswer["info"]> & { logged?: string[]; warnings?: string[] }) => ({
  allowed: info.allowed,
  info: { warnings: [], logged: [], ...info },
});

function shadowOf(oldAnswers: object, budgetAnswers: object) {
  const asked = { old: [] as unknown[][], budget: [] as unknown[][] };
  const disagreements: Disagreement[] = [];
  const failures: unknown[] = [];
  const shadow = createRhetorShadow({
    old: calls(asked.old, oldAnswers),
    budget: calls(asked.budget, budgetAnswers),
    onDisagreement: (one) => disagreements.push(one),
    onFailure: (error) => failures.push(error),
  });
  return { shadow, asked, disagreements, failures };
}

describe("Budget in the shadow of the old Rhetor", () => {
  const verdicts: readonly (readonly [string, OldAnswer, object, agrees: boolean])[] = [
    ["both allow", ALLOWED, budgetSays({ allowed: true }), true],
    ["both refuse", REFUSED, budgetSays({ allowed: false, reason: "Weekly" }), true],
    [
      "only a limit that counts is passed, and both refuse",
      REFUSED,
      budgetSays({ allowed: true, logged: ["D"] }),
      true,
    ],
    ["the old one refuses alone", REFUSED, budgetSays({ allowed: true, warnings: ["near"] }), false],
    ["Budget refuses alone", ALLOWED, budgetSays({ allowed: false, reason: "Weekly" }), false],
    ["Budget would refuse alone", ALLOWED, budgetSays({ allowed: true, logged: ["Daily"] }), false],
  ];
  for (const [name, says, budget, agrees] of verdicts) {
    it(`answers what the old one says where ${name}`, async () => {
      const { shadow, disagreements } = shadowOf({ checkBudget: says }, { checkBudget: budget });
      expect(await shadow.checkBudget(CALL)).to.equal(says);
      await shadow.settled();
      expect(shadow.counts()).to.deep.equal({
        compared: 1,
        disagreed: agrees ? 0 : 1,
        failed: 0,
        left_out: 0,
      });
      expect(disagreements).to.have.length(agrees ? 0 : 1);
    });
  }

  it("reports a disagreement with the reasons of both and the counts so far, and never the text", async () => {
    const { shadow, disagreements } = shadowOf(
      { checkBudget: REFUSED },
      { checkBudget: budgetSays({ allowed: true, warnings: ["It is near."] }) },
    );
    await shadow.checkBudget(CALL);
    await shadow.checkBudget(CALL);
    await shadow.settled();
    expect(disagreements[1]).to.deep.equal({
      call: "checkBudget",
      provider: "openai",
      model: "gpt-4o",
      component: "hermes",
      task_type: null,
      old: { allowed: false, reasons: ["Daily budget limit exceeded"] },
      budget: { allowed: true, reasons: ["It is near."] },
      counts: { compared: 2, disagreed: 2, failed: 0, left_out: 0 },
    });
    expect(JSON.stringify(disagreements)).to.not.contain("secret");
  });

  it("compares whether the wanted model fits, where the old one routed elsewhere", async () => {
    const elsewhere = { provider: "ollama", model: "llama3", warnings: ["Downgraded"], refusal: null };
    const { shadow, asked, disagreements } = shadowOf(
      { routeWithBudgetAwareness: elsewhere },
      { checkBudget: budgetSays({ allowed: true }) },
    );
    expect(await shadow.routeWithBudgetAwareness(ROUTE)).to.equal(elsewhere);
    await shadow.settled();
    const { default_provider, default_model, ...rest } = ROUTE;
    const request = { ...rest, provider: default_provider, model: default_model };
    expect(asked.budget).to.deep.equal([["checkBudget", request]]);
    expect(disagreements[0]?.old).to.deep.equal({ allowed: false, reasons: ["Downgraded"] });
  });

  it("books in both, and sets limits in Budget that only count", async () => {
    const record = { record_id: "7" };
    const { shadow, asked } = shadowOf(
      { recordCompletion: record, setBudgetLimit: true, setEnforcementPolicy: true, getBudgetLimit: 5 },
      { recordCompletion: {}, setBudgetLimit: true },
    );
    const completion = { ...CALL, output_text: "Hm." };
    expect(await shadow.recordCompletion(completion)).to.equal(record);
    await shadow.setBudgetLimit({ period: "daily", limit: 5, enforcement: "enforce" });
    await shadow.setEnforcementPolicy({ period: "daily", policy: "enforce" });
    expect(await shadow.getBudgetLimit({ period: "daily" })).to.equal(5);
    await shadow.settled();
    expect(asked.budget).to.deep.equal([
      ["recordCompletion", completion],
      ["setBudgetLimit", { period: "daily", limit: 5, enforcement: "ignore" }],
    ]);
  });

  it("harms nobody where Budget fails or never answers, nor where a report fails", async () => {
    const { shadow, failures } = shadowOf(
      { checkBudget: ALLOWED, recordCompletion: { record_id: "7" } },
      { checkBudget: new Error("It is away."), recordCompletion: new Error("It is away.") },
    );
    expect(await shadow.checkBudget(CALL)).to.equal(ALLOWED);
    expect(await shadow.recordCompletion({ ...CALL, output_text: "" })).to.deep.equal({ record_id: "7" });
    await shadow.settled();
    expect(shadow.counts()).to.deep.equal({ compared: 0, disagreed: 0, failed: 2, left_out: 0 });
    expect(failures.map(String)).to.deep.equal(["Error: It is away.", "Error: It is away."]);
    const never = shadowOf({ checkBudget: ALLOWED }, { checkBudget: new Promise(() => undefined) });
    expect(await never.shadow.checkBudget(CALL)).to.equal(ALLOWED);
    const failing = createRhetorShadow({
      old: calls([], { checkBudget: REFUSED }),
      budget: calls([], { checkBudget: budgetSays({ allowed: true }) }),
      onDisagreement: () => {
        throw new Error("The log is full.");
      },
      onFailure: () => {
        throw new Error("The log is full.");
      },
    });
    expect(await failing.checkBudget(CALL)).to.equal(REFUSED);
    await failing.settled();
    expect(failing.counts().failed).to.equal(1);
  });

  it("leaves calls out where a thousand wait for Budget already", async () => {
    const { shadow, asked } = shadowOf(
      { checkBudget: ALLOWED },
      { checkBudget: new Promise(() => undefined) },
    );
    for (let count = 0; count < 1003; count += 1) await shadow.checkBudget(CALL);
    expect(asked.budget).to.have.length(1000);
    expect(shadow.counts()).to.include({ compared: 0, left_out: 3 });
  });

  it("fails as the old one fails", async () => {
    const { shadow, asked } = shadowOf({ checkBudget: new Error("no such table") }, {});
    const error: unknown = await shadow.checkBudget(CALL).catch((caught: unknown) => caught);
    expect(String(error)).to.equal("Error: no such table");
    expect(asked.budget).to.deep.equal([]);
  });
});
