import { expect } from "chai";
import type { PolicyDraft } from "../../src/index.ts";
import { CONTEXT, START_MS, code, onEveryDatabase, value } from "../support.ts";
import {
  APOLLO,
  defaultBudget,
  differences,
  dump,
  importerOn,
  policyDraft,
  usageDraft,
  usedBy,
} from "./drafts.ts";

const NOTHING_ENDED = { changed: 0, left: [] };

onEveryDatabase("limits of older systems", (open) => {
  type Test = Awaited<ReturnType<typeof open>>;
  const importPolicies = (test: Test, budget_id: string, drafts: readonly PolicyDraft[], shadow = false) =>
    importerOn(test).import(CONTEXT, APOLLO, { dry_run: false }, (history) =>
      history.importPolicies(budget_id, drafts, { shadow }),
    );

  it("become policies, which count what is there and bind at once", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ type: "log", period: "weekly" });
    value(await test.allocate(budget_id, 300));
    const drafts = [
      policyDraft("one", { component: " Rhetor " }),
      policyDraft("off", { enabled: false, token_limit: 1 }),
      policyDraft("over", { end_ms: START_MS - 1, token_limit: 1, priority_override: true }),
      policyDraft("no limit", { type: "log", token_limit: null, period: "per_session" }),
    ];
    const results = await importPolicies(test, budget_id, drafts);
    expect(results.map(({ result }) => result)).to.deep.equal(Array(4).fill("imported"));
    const policy = value(await test.engine.policies.get(CONTEXT, results[0]?.policy_id ?? ""));
    expect(policy).to.include({
      budget_id,
      type: "enforce",
      component: "rhetor",
      token_limit: 1000,
      created_at_ms: START_MS - 1000,
      updated_at_ms: START_MS,
      version: 1,
    });
    expect(value(await test.engine.policies.get(CONTEXT, results[2]?.policy_id ?? ""))).to.include({
      end_ms: START_MS - 1,
      priority_override: true,
    });
    expect(code(await test.allocate(budget_id, 701))).to.equal("insufficient_budget");
    expect(code(await test.allocate(budget_id, 700))).to.equal("ok");
    expect(await differences(test)).to.deep.equal([]);
  });

  it("are known again, and listed where they have changed", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const first = await importPolicies(test, budget_id, [policyDraft("one"), policyDraft("two")]);
    const before = await dump(test);
    const again = await importPolicies(test, budget_id, [
      policyDraft("one"),
      policyDraft("two", { token_limit: 2 }),
    ]);
    expect(again).to.deep.equal([
      { source_id: "one", result: "unchanged", reason: "", policy_id: first[0]?.policy_id },
      {
        source_id: "two",
        result: "conflict",
        reason: "it was imported before with other content, which stays",
        policy_id: first[1]?.policy_id,
      },
    ]);
    expect(await dump(test)).to.equal(before);
  });

  const wrong: readonly (readonly [string, Partial<PolicyDraft>, RegExp])[] = [
    ["without a limit", { token_limit: null }, /needs a token_limit/],
    ["with a negative limit", { token_limit: -1 }, /^token_limit is -1/],
    ["with a negative limit of cost", { cost_limit_nano_usd: -1n }, /^cost_limit is -1/],
    ["with a limit of cost beyond all money", { cost_limit_nano_usd: 10n ** 18n + 1n }, /^cost_limit is/],
    ["with a share above 1", { action_threshold: 1.5 }, /must be from 0 to 1/],
    ["with shares the wrong way round", { warning_threshold: 0.99 }, /must not be above/],
    ["in no time zone", { time_zone: "Mars/Olympus" }, /must be an IANA name/],
    ["made in the future", { created_at_ms: START_MS + 1 }, /^created_at is .* still to come/],
    ["that ends at no time", { end_ms: -5 }, /^end_date is -5/],
    ["with an empty dimension", { provider: "" }, /^provider is empty/],
  ];
  it("are listed with the reason where no policy can be made of them", async () => {
    const test = await open();
    const drafts = wrong.map(([name, fields]) => policyDraft(name, fields));
    const results = await importPolicies(test, await defaultBudget(test), [...drafts, policyDraft("good")]);
    for (const [index, [name, , reason]] of wrong.entries()) {
      expect(results[index], name).to.include({ result: "rejected", policy_id: null });
      expect(results[index]?.reason, name).to.match(reason);
    }
    expect(results.at(-1)?.result).to.equal("imported");
    expect((await test.engine.policies.list(CONTEXT, {})).total).to.equal(1);
  });

  it("only count while they are in shadow, and get their types when it ends", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const drafts = [
      policyDraft("enforced", { token_limit: 10 }),
      policyDraft("warning", { type: "warn", token_limit: 20 }),
      policyDraft("counting", { type: "log", token_limit: 30 }),
      policyDraft("decided about", { token_limit: 40 }),
      policyDraft("deleted", { token_limit: 50 }),
    ];
    const results = await importPolicies(test, budget_id, drafts, true);
    const policy_ids = results.map(({ policy_id }) => policy_id ?? "");
    const types = async () =>
      (await test.engine.policies.list(CONTEXT, {})).items
        .toSorted((a, b) => (a.token_limit ?? 0) - (b.token_limit ?? 0))
        .map(({ type }) => type);
    expect(await types()).to.deep.equal(Array(5).fill("log"));
    expect(code(await test.allocate(budget_id, 100))).to.equal("ok");
    value(await test.engine.policies.update(CONTEXT, policy_ids[3] ?? "", { type: "warn" }, null));
    value(await test.engine.policies.delete(CONTEXT, policy_ids[4] ?? "", null));

    expect(await importerOn(test).enforce(CONTEXT, { ...APOLLO, name: "other" })).to.deep.equal(
      NOTHING_ENDED,
    );
    expect(await importerOn(test).enforce(CONTEXT, APOLLO)).to.deep.equal({ changed: 2, left: [] });
    expect(await types()).to.deep.equal(["enforce", "warn", "log", "warn"]);
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    const before = await dump(test);
    expect(await importerOn(test).enforce(CONTEXT, APOLLO)).to.deep.equal(NOTHING_ENDED);
    expect(
      (await importPolicies(test, budget_id, drafts, true)).every(({ result }) => result === "unchanged"),
    ).to.be.true;
    expect(await dump(test)).to.equal(before);
    expect(await differences(test)).to.deep.equal([]);
  });

  describe("the budget that they go into", () => {
    const prepare = (
      test: Test,
      name: string | null,
      options: { below_default?: boolean; make_default?: boolean } = {},
    ) =>
      importerOn(test).import(CONTEXT, APOLLO, { dry_run: false }, (history) =>
        history.prepareBudget({ name, below_default: false, make_default: false, ...options }),
      );

    it("is made below the default one and takes its place, so that calls are held to both", async () => {
      const test = await open();
      const former = await defaultBudget(test);
      const options = { below_default: true, make_default: true };
      const { budget, made } = value(await prepare(test, "apollo", options));
      expect(made).to.equal(true);
      expect(budget).to.include({ name: "apollo", parent_budget_id: former, is_active: true });
      expect(await defaultBudget(test)).to.equal(budget.budget_id);
      await importerOn(test).import(CONTEXT, APOLLO, { dry_run: false }, async (history) => {
        await history.importPolicies(former, [policyDraft("parent", { token_limit: 500 })], {
          shadow: false,
        });
        await history.importUsage(budget.budget_id, [usageDraft("1")]);
      });
      expect(await usedBy(test, former)).to.deep.equal({ daily: 100 });
      const unnamed = { context_id: "c", component: "x", provider: "acme", model: "small" };
      const ask = (tokens_allocated: number) =>
        test.engine.allocations.allocate(CONTEXT, { ...unnamed, tokens_allocated });
      expect(code(await ask(401))).to.equal("insufficient_budget");
      expect(value(await ask(400)).allocation.budget_id).to.equal(budget.budget_id);
      const before = await dump(test);
      const again = value(await prepare(test, "apollo", options));
      expect([again.budget.budget_id, again.made]).to.deep.equal([budget.budget_id, false]);
      expect(await dump(test)).to.equal(before);
      expect((await test.engine.access.verifyAudit(CONTEXT)).intact).to.equal(true);
    });

    it("is taken as it is where it is there", async () => {
      const test = await open();
      const there = value(await test.engine.budgets.create(CONTEXT, { name: "apollo" }));
      const former = await defaultBudget(test);
      const { budget, made } = value(
        await prepare(test, "apollo", { below_default: true, make_default: true }),
      );
      expect([budget.budget_id, budget.version, made]).to.deep.equal([there.budget_id, 1, false]);
      expect(await defaultBudget(test)).to.equal(former);
      expect(value(await prepare(test, null)).budget.budget_id).to.equal(former);
    });

    it("is not made where the tenant may have no more budgets, or where its name is none", async () => {
      const test = await open();
      for (const name of ["", "a\0b", "a".repeat(201)])
        expect(code(await prepare(test, name)), JSON.stringify(name)).to.equal("invalid_value");
      const { tenant_id } = CONTEXT;
      const limits = { max_budgets: 1 };
      value(await test.engine.tenants.update(CONTEXT, tenant_id, { limits }, null));
      expect(code(await prepare(test, "apollo"))).to.equal("tenant_limit_reached");
      expect(value(await prepare(test, null)).made).to.equal(false);
    });

    it("is not guessed where several have the name", async () => {
      const test = await open();
      for (let count = 0; count < 2; count += 1)
        value(await test.engine.budgets.create(CONTEXT, { name: "apollo" }));
      expect(code(await prepare(test, "apollo"))).to.equal("invalid_value");
    });
  });

  it("stay in shadow where somebody has taken their limits away, until they have some again", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const results = await importPolicies(test, budget_id, [policyDraft("a"), policyDraft("b")], true);
    const [emptied = "", whole = ""] = results.map(({ policy_id }) => policy_id ?? "");
    const change = (token_limit: number | null) =>
      test.engine.policies.update(CONTEXT, emptied, { token_limit }, null);
    const typeOf = async (policy_id: string) =>
      value(await test.engine.policies.get(CONTEXT, policy_id)).type;
    value(await change(null));
    const { changed, left } = await importerOn(test).enforce(CONTEXT, APOLLO);
    expect([changed, left.map(({ policy_id }) => policy_id)]).to.deep.equal([1, [emptied]]);
    expect(left[0]?.reason).to.include("needs a token_limit");
    expect([await typeOf(emptied), await typeOf(whole)]).to.deep.equal(["log", "enforce"]);
    value(await change(5));
    expect(await importerOn(test).enforce(CONTEXT, APOLLO)).to.deep.equal({ changed: 1, left: [] });
    expect(await typeOf(emptied)).to.equal("enforce");
  });
});
