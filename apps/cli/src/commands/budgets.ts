import { AccessError, NotFoundError, type Budget, type BudgetClient } from "@budget/client-js";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { wholeNumber } from "../options.ts";
import { percent, toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World } from "../session.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The budget of an id or of an exact name. */
export async function findBudget(client: BudgetClient, id_or_name: string): Promise<Budget> {
  if (UUID.test(id_or_name)) return client.budgets.get(id_or_name);
  const { items } = await client.budgets.list({ name: id_or_name }).catch((error: unknown) => {
    if (!(error instanceof AccessError) || error.status !== 403) throw error;
    const detail = `This key may not look a budget up by its name: give the id of ${id_or_name}.`;
    throw new AccessError(detail, error.code, error.problem, { cause: error, request_id: error.request_id });
  });
  const [found, another] = items;
  if (found === undefined)
    throw new NotFoundError(`There is no budget with the name ${id_or_name}.`, "budget_not_found");
  if (another !== undefined) throw new UsageError(`Several budgets have the name ${id_or_name}: give an id.`);
  return found;
}

const showBudget = (budget: Budget): string =>
  toFields({
    id: budget.budget_id,
    name: budget.name,
    description: budget.description === "" ? null : budget.description,
    owner: budget.owner === "" ? null : budget.owner,
    parent: budget.parent_budget_id,
    active: budget.is_active,
    made: budget.creation_time,
  });

interface ListOptions {
  readonly page?: number;
  readonly limit?: number;
  readonly owner?: string;
}

interface ChangeOptions {
  readonly name?: string;
  readonly description?: string;
  readonly owner?: string;
  readonly parent?: string;
  readonly active?: boolean;
}

async function readChange(client: BudgetClient, { parent, active, ...rest }: ChangeOptions) {
  const parent_budget_id = parent === undefined ? undefined : (await findBudget(client, parent)).budget_id;
  return given({ ...rest, parent_budget_id, is_active: active });
}

export function addBudgetCommands(program: Command, world: World): void {
  const budgets = program.command("budgets").description("containers of limits, in a tree");

  budgets
    .command("list", { isDefault: true })
    .description("list budgets")
    .option("--owner <name>", "only those of this owner")
    .option("--page <n>", "page, from 1", wholeNumber)
    .option("--limit <n>", "budgets on a page", wholeNumber)
    .action(async (options: ListOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const list = await client.budgets.list(given(options));
      const rows = list.items.map(({ budget_id, name, owner, is_active }) => [
        budget_id,
        name,
        owner,
        is_active,
      ]);
      show(list, toTable(["id", "name", "owner", "active"], rows));
    });

  budgets
    .command("create <name>")
    .description("make a budget")
    .option("--description <text>", "what it is for")
    .option("--owner <name>", "who answers for it")
    .option("--parent <budget>", "id or name of the budget that it is part of")
    .action(async (name: string, options: ChangeOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const budget = await client.budgets.create({ ...(await readChange(client, options)), name });
      show(budget, showBudget(budget));
    });

  budgets
    .command("show <budget>")
    .description("show a budget, by id or name, and what its policies count")
    .action(async (id_or_name: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const budget = await findBudget(client, id_or_name);
      const { items: summary } = await client.budgets.summary(budget.budget_id, { limit: 1000 });
      const rows = summary.map((row) => [
        `${row.period} ${row.type}`,
        row.token_limit === null ? "-" : `${row.total_tokens_used} of ${row.token_limit}`,
        row.cost_limit === null ? usd(row.total_cost) : `${usd(row.total_cost)} of ${usd(row.cost_limit)}`,
        row.cost_limit === null ? `${row.tokens_held}` : usd(row.cost_held),
        percent(row.cost_usage_percentage ?? row.token_usage_percentage),
      ]);
      const table = toTable(["policy", "tokens", "cost", "held", "used"], rows);
      show({ ...budget, summary }, `${showBudget(budget)}\n\n${table}`);
    });

  budgets
    .command("update <budget>")
    .description("change a budget")
    .option("--name <name>", "another name")
    .option("--description <text>", "what it is for")
    .option("--owner <name>", "who answers for it")
    .option("--parent <budget>", "id or name of the budget that it is part of")
    .option("--active", "let it grant again")
    .option("--no-active", "let it grant nothing")
    .action(async (id_or_name: string, options: ChangeOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { budget_id } = await findBudget(client, id_or_name);
      const budget = await client.budgets.update(budget_id, await readChange(client, options));
      show(budget, showBudget(budget));
    });

  budgets
    .command("delete <budget>")
    .description("delete a budget and its policies; its usage stays")
    .action(async (id_or_name: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { budget_id } = await findBudget(client, id_or_name);
      const answer = await client.budgets.delete(budget_id);
      show(answer, answer.message);
    });
}
