import type { ApolloHistory } from "@budget/adapters-apollo";
import type { RhetorHistory, RhetorRate } from "@budget/adapters-rhetor";
import type { Budget, OldSystem } from "@budget/domain";
import {
  DEFAULT_TENANT_ID,
  createHistoryImporter,
  importHistoricPrices,
  type HistoricPriceImport,
  type WantedBudget,
} from "@budget/engine";
import { moveIn, type HistorySource, type Mapping, type MoveReport } from "@budget/migration";
import { BudgetRepository, TenantRepository, type Database } from "@budget/repositories";
import type { World } from "../session.ts";
import { readMapping, readRates } from "./operator-files.ts";
import { CONTEXT, clock, ids } from "./parts.ts";
import { createProgress } from "./progress.ts";
import { reportJson } from "./report-json.ts";
import { reportText } from "./report-text.ts";
import { withTargetDatabase } from "./target-database.ts";
import { timeZoneOf } from "./time-zone.ts";

export interface MigrateOptions {
  readonly timeZone?: string;
  readonly mapping?: string;
  readonly rates?: string;
  readonly source: string;
  readonly dryRun?: boolean;
  readonly shadow?: boolean;
}

/** All that a report tells. */
export interface Migration {
  readonly system: OldSystem;
  readonly place: string;
  readonly source_name: string;
  readonly time_zone: string;
  readonly dry_run: boolean;
  readonly shadow: boolean;
  readonly report: MoveReport;
  readonly remarks: readonly string[];
  /** What an export of Apollo's says of tokens that it holds. */
  readonly allocations: ApolloHistory["allocations"];
  readonly prices: readonly HistoricPriceImport[];
}

/** What is printed of a migration. */
export interface MigrationOutcome {
  readonly text: string;
  readonly json: object;
  readonly differs: boolean;
}

/**
 * Moves an old system in.
 * @throws UsageError where options or the operator's files are wrong, SourceError where the old system's cannot be read
 */
export async function runMigration(
  world: World,
  system: OldSystem,
  place: string,
  options: MigrateOptions,
): Promise<MigrationOutcome> {
  const mapping = await readMapping(world, options.mapping);
  const rates = await readRates(world, options.rates);
  const time_zone = await timeZoneOf(world, system, options.timeZone);
  const { dryRun: dry_run = false, shadow = false, source: source_name } = options;
  const source = await openHistory(system, place, time_zone, rates);
  const progress = createProgress(world, clock.now);
  try {
    return await withTargetDatabase(world, dry_run, async (database) => {
      const report = await moveIn({
        importer: createHistoryImporter({ database, clock, ids }),
        context: CONTEXT,
        source,
        source_name,
        target: await targetOf(database, system, mapping),
        mapping,
        shadow,
        dry_run,
        onProgress: progress.show,
      });
      progress.end();
      const prices = await movePrices(database, source, rates, dry_run);
      const migration: Migration = {
        system,
        place,
        source_name,
        time_zone,
        dry_run,
        shadow,
        report,
        remarks: source.remarks(),
        allocations: "allocations" in source ? source.allocations : [],
        prices,
      };
      const differs = report.reconciliation.differing.length > 0;
      return { text: reportText(migration), json: reportJson(migration), differs };
    });
  } finally {
    progress.end();
    source.close();
  }
}

/** The adapters are loaded only by the commands that need them. */
export async function openHistory(
  system: OldSystem,
  place: string,
  time_zone: string,
  rates: readonly RhetorRate[],
): Promise<ApolloHistory | RhetorHistory> {
  const where = { place, time_zone, now_ms: clock.now() };
  if (system === "apollo") return (await import("@budget/adapters-apollo")).openApolloHistory(where);
  return (await import("@budget/adapters-rhetor")).openRhetorHistory({ ...where, rates });
}

const APOLLO_BUDGET = "apollo";

/**
 * What a system's things go into. Apollo's budget is made below the default one and takes its place, so that a request
 * that names no budget is held to the limits of both systems; Rhetor's go into the one above it.
 */
async function targetOf(
  database: Database,
  system: OldSystem,
  { budgets }: Mapping,
): Promise<Budget | WantedBudget> {
  const apollo = budgets.get("apollo") ?? APOLLO_BUDGET;
  if (system === "apollo") return { name: apollo, below_default: true, make_default: true };
  const named = budgets.get("rhetor");
  if (named !== undefined) return { name: named, below_default: true, make_default: false };
  const usual = await defaultBudget(database);
  const { parent_budget_id } = usual;
  if (usual.name !== apollo || parent_budget_id === null) return usual;
  return budgetOf(database, parent_budget_id);
}

async function defaultBudget(database: Database): Promise<Budget> {
  const tenant = await new TenantRepository(database).getById(DEFAULT_TENANT_ID);
  return budgetOf(database, tenant?.default_budget_id ?? "");
}

async function budgetOf(database: Database, budget_id: string): Promise<Budget> {
  const budget = await new BudgetRepository(database).getById(DEFAULT_TENANT_ID, budget_id);
  if (budget === null) throw new Error("There is no default budget; name one for rhetor in a mapping file.");
  return budget;
}

/** Rhetor's own rates, for the time that its history covers. */
async function movePrices(
  database: Database,
  source: HistorySource | RhetorHistory,
  rates: readonly RhetorRate[],
  dry_run: boolean,
): Promise<readonly HistoricPriceImport[]> {
  const from_ms = "firstRow_ms" in source ? source.firstRow_ms() : null;
  if (from_ms === null) return [];
  const span = { from_ms, until_ms: clock.now() };
  return importHistoricPrices({ database, clock, ids }, CONTEXT, source.system, rates, span, { dry_run });
}
