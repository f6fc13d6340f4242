import { AccessError, ConnectionError, TimeoutError, type BudgetClient } from "@budget/client-js";
import { VERSION } from "@budget/domain";
import { TenantRepository, type Database } from "@budget/repositories";
import { messageOf } from "../exit-codes.ts";
import { notChecked, ok, toDo, type Found } from "./finding.ts";

const TIMEOUT = { timeout_ms: 3000 };
const MOST_TENANTS = 1_000_000;

/** Whether the server that commands talk to is ready, and is one of this version on this database. */
export async function checkServer(client: BudgetClient, url: string, database: Database): Promise<Found> {
  try {
    const { version } = await client.health(TIMEOUT);
    if (version !== VERSION)
      return toDo(`${url} is Budget ${version}, and this is ${VERSION}; run both of one version`);
    await client.ready(TIMEOUT);
    const isHere = await hasBudgetOf(client, database);
    return isHere
      ? ok(`${url} is ready, version ${version}, on this database`)
      : toDo(`${url} has another database; correct BUDGET_URL, or database.url`);
  } catch (error) {
    if (error instanceof TimeoutError) return toDo(`${error.message} See its log, and start it again`);
    if (error instanceof ConnectionError) return notChecked(`no server answers at ${url}`);
    if (error instanceof AccessError)
      return ok(`${url} is ready; which database it has is not known without a key that may read`);
    return toDo(`${url}: ${messageOf(error, url)} See its log`);
  }
}

/** The ids of budgets are like no others, so two databases with one in common are the same. */
async function hasBudgetOf(client: BudgetClient, database: Database): Promise<boolean> {
  const { budget_id } = await client.budgets.getDefault(TIMEOUT);
  const tenants = await new TenantRepository(database).getAll(MOST_TENANTS, 0);
  return tenants.some(({ default_budget_id }) => default_budget_id === budget_id);
}
