import type { Clock, IdSource, ImportSource } from "@budget/domain";
import type { Database, LedgerSession } from "@budget/repositories";
import { BudgetTree } from "../budget-tree.ts";
import type { CommandContext } from "../engine.ts";

/** What an import works with, in one transaction that has the tenant for itself. */
export interface Scene {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly session: LedgerSession;
  readonly context: CommandContext;
  readonly source: ImportSource;
}

/** The tenant's budgets and policies, with what the transaction has changed. */
export const treeOf = ({ database, session }: Scene): Promise<BudgetTree> =>
  BudgetTree.read(database, session.transaction, session.tenant_id);

/**
 * The same, where a budget must be there.
 * @throws Error where it is not
 */
export async function treeWith(scene: Scene, budget_id: string): Promise<BudgetTree> {
  const tree = await treeOf(scene);
  if (tree.budget(budget_id) === undefined) throw new Error(`There is no budget with the id ${budget_id}.`);
  return tree;
}
