import { accepted, rejected, type Budget, type Outcome } from "@budget/domain";
import { BudgetRepository } from "@budget/repositories";
import { BudgetChanges } from "../budget-changes.ts";
import { invalid } from "../requests.ts";
import { whyTooMany } from "../tenant-limits.ts";
import { textProblem } from "./draft-problems.ts";
import type { PreparedBudget, WantedBudget } from "./history-importer.ts";
import { treeOf, type Scene } from "./scene.ts";

/** Finds the budget that history goes into, or makes it. One that is there stays as it is. */
export async function prepareBudget(
  scene: Scene,
  { name, below_default, make_default }: WantedBudget,
): Promise<Outcome<PreparedBudget>> {
  const { database, session, context, clock, ids, source } = scene;
  const { default_budget_id, size } = await treeOf(scene);
  if (name === null) {
    const budget = await budgetOf(scene, default_budget_id ?? "");
    if (budget === null) return invalid("/name", "There is no default budget, so a budget must be named.");
    return accepted({ budget, made: false });
  }
  const problem = textProblem("The name of the budget", name);
  if (problem !== null) return invalid("/name", `${problem}.`);
  const [found, another] = await new BudgetRepository(database).named(
    session.transaction,
    session.tenant_id,
    name,
  );
  if (another !== undefined)
    return invalid("/name", `Several budgets are called ${name}; rename all but one of them.`);
  if (found !== undefined) return accepted({ budget: found, made: false });

  const tooMany = await whyTooMany(database, session, "max_budgets", () => size);
  if (tooMany !== null) return rejected(tooMany);

  const now_ms = clock.now();
  const budget: Budget = {
    tenant_id: session.tenant_id,
    budget_id: ids.next(now_ms),
    parent_budget_id: below_default ? default_budget_id : null,
    name,
    description: `Charged with what ${source.system} kept.`,
    owner: "",
    is_active: true,
    metadata: {},
    creation_time_ms: now_ms,
    updated_at_ms: now_ms,
    version: 1,
  };
  const changes = new BudgetChanges(database);
  await changes.save(session, context, null, budget);
  if (make_default) await changes.makeDefault(session, context, default_budget_id, budget.budget_id, now_ms);
  return accepted({ budget, made: true });
}

const budgetOf = ({ database, session }: Scene, budget_id: string): Promise<Budget | null> =>
  new BudgetRepository(database).getById(session.tenant_id, budget_id, session.transaction);
