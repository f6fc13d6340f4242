import type { Clock, IdSource, ImportSource } from "@budget/domain";
import { ImportedRecordRepository, Ledger, type Database } from "@budget/repositories";
import type { CommandContext } from "../engine.ts";
import { textProblem } from "./draft-problems.ts";
import type { HistoryImport, HistoryImporter } from "./history-importer.ts";
import { endShadow, importPolicies } from "./import-policies.ts";
import { importUsage } from "./import-usage.ts";
import { prepareBudget } from "./prepare-budget.ts";
import type { Scene } from "./scene.ts";

export interface HistoryImporterOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** Takes a transaction back whose result is wanted all the same. */
class TakenBack<T> extends Error {
  readonly result: T;

  constructor(result: T) {
    super("This was a dry run.");
    this.result = result;
  }
}

export function createHistoryImporter({ database, clock, ids }: HistoryImporterOptions): HistoryImporter {
  const ledger = new Ledger(database);
  const imported = new ImportedRecordRepository();

  /** Runs `work` while nothing of the tenant is decided, for as long as it takes. */
  function alone<T>(
    context: CommandContext,
    source: ImportSource,
    work: (scene: Scene) => Promise<T>,
  ): Promise<T> {
    const problem = textProblem("The name of the source", source.name);
    if (problem !== null) return Promise.reject(new RangeError(problem));
    return ledger.transaction(context.tenant_id, "exclusive", async (session) => {
      await session.transaction.takeTime({ between_statements: true });
      return work({ database, clock, ids, session, context, source });
    });
  }

  return {
    async import(context, source, { dry_run }, work) {
      const run = async (scene: Scene) => {
        const result = await work(historyImport(scene));
        if (dry_run) throw new TakenBack(result);
        return result;
      };
      try {
        return await alone(context, source, run);
      } catch (error) {
        if (error instanceof TakenBack) return (error as TakenBack<Awaited<ReturnType<typeof run>>>).result;
        throw error;
      }
    },

    totals: ({ tenant_id }, source) =>
      database.snapshot(tenant_id, async (transaction) => {
        await transaction.takeTime();
        return imported.totals(transaction, tenant_id, source);
      }),

    enforce: (context, source) => alone(context, source, endShadow),
  };
}

const historyImport = (scene: Scene): HistoryImport => ({
  prepareBudget: (wanted) => prepareBudget(scene, wanted),
  importPolicies: (budget_id, drafts, { shadow }) => importPolicies(scene, budget_id, drafts, shadow),
  importUsage: (budget_id, rows, onProgress = () => undefined) =>
    importUsage(scene, budget_id, rows, onProgress),
  totals: () =>
    new ImportedRecordRepository().totals(scene.session.transaction, scene.session.tenant_id, scene.source),
});
