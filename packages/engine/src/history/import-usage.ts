import { changeBy } from "@budget/domain";
import { AuditRepository, ImportedRecordRepository, type ImportedRecord } from "@budget/repositories";
import { recountPolicies } from "../policy-balances.ts";
import { RollupSums } from "../rollup-sums.ts";
import type { UsageDraft, UsageImportReport } from "./history-importer.ts";
import { hashOfContent } from "./imported-ids.ts";
import { treeWith, type Scene } from "./scene.ts";
import { UnimportedList } from "./unimported-list.ts";
import { usageDraftProblem, usageFromDraft } from "./usage-from-draft.ts";

/** Rows that are written together: more cost memory, and gain little. */
const ROWS_AT_ONCE = 500;

/** Books rows of the past, a part at a time; limits count them at the end, by a recount. */
export async function importUsage(
  scene: Scene,
  budget_id: string,
  rows: AsyncIterable<UsageDraft> | Iterable<UsageDraft>,
  onProgress: (rows: number) => void,
): Promise<UsageImportReport> {
  const { session, clock } = scene;
  const tree = await treeWith(scene, budget_id);
  const work = new UsageImport(scene, budget_id);
  for await (const part of partsOf(rows)) {
    await work.take(part);
    onProgress(work.report().read);
  }
  const report = work.report();
  if (report.imported > 0) {
    await recountPolicies(session, tree, tree.policiesOver(budget_id), clock.now(), "kept");
    await announce(scene, budget_id, report);
  }
  return report;
}

async function* partsOf(
  rows: AsyncIterable<UsageDraft> | Iterable<UsageDraft>,
): AsyncGenerator<readonly UsageDraft[]> {
  let part: UsageDraft[] = [];
  for await (const row of rows) {
    part.push(row);
    if (part.length < ROWS_AT_ONCE) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}

/** Sorts out what is new, writes that, and counts everything. */
class UsageImport {
  readonly #scene: Scene;
  readonly #budget_id: string;
  readonly #imported = new ImportedRecordRepository();
  readonly #conflicts = new UnimportedList();
  readonly #rejected = new UnimportedList();
  readonly #counts = { read: 0, imported: 0, merged: 0 };

  constructor(scene: Scene, budget_id: string) {
    this.#scene = scene;
    this.#budget_id = budget_id;
  }

  report(): UsageImportReport {
    return { ...this.#counts, conflicts: this.#conflicts.rows(), rejected: this.#rejected.rows() };
  }

  async take(part: readonly UsageDraft[]): Promise<void> {
    this.#counts.read += part.length;
    const fresh = await this.#fresh(this.#valid(part));
    this.#counts.imported += fresh.length;
    await this.#write(fresh);
  }

  #valid(part: readonly UsageDraft[]): readonly UsageDraft[] {
    const now_ms = this.#scene.clock.now();
    return part.filter((draft) => {
      const problem = usageDraftProblem(draft, now_ms);
      if (problem !== null) this.#rejected.add(draft.source_id, problem);
      return problem === null;
    });
  }

  /** Those whose ids were not seen before, in this part or earlier. */
  async #fresh(drafts: readonly UsageDraft[]): Promise<readonly FreshRow[]> {
    const { session, source } = this.#scene;
    const ids = drafts.map(({ source_id }) => source_id);
    const found = await this.#imported.find(session.transaction, session.tenant_id, source, "usage", ids);
    const known = new Map([...found].map(([id, { content_sha256 }]) => [id, content_sha256]));
    return drafts.flatMap((draft) => {
      const content_sha256 = hashOfContent(draft.content);
      const before = known.get(draft.source_id);
      if (before === undefined) {
        known.set(draft.source_id, content_sha256);
        return { draft, content_sha256 };
      }
      if (before === content_sha256) this.#counts.merged += 1;
      else this.#conflicts.add(draft.source_id, OTHER_CONTENT);
      return [];
    });
  }

  async #write(fresh: readonly FreshRow[]): Promise<void> {
    const { session, source } = this.#scene;
    const { transaction, tenant_id } = session;
    const destination = { source, tenant_id, budget_id: this.#budget_id };
    const rollups = new RollupSums();
    const records = fresh.map(({ draft }) => usageFromDraft(draft, destination));
    for (const record of records) rollups.add(record);
    const origins = fresh.map(({ draft, content_sha256 }, index): ImportedRecord => ({
      kind: "usage",
      source_id: draft.source_id,
      record_id: records[index]?.record_id ?? "",
      content_sha256,
      booked_cost: draft.cost !== null,
      original: null,
      shadowed_type: null,
    }));
    await Promise.all([
      session.writeHistory(records, rollups.rows()),
      this.#imported.create(transaction, tenant_id, source, origins),
    ]);
  }
}

interface FreshRow {
  readonly draft: UsageDraft;
  readonly content_sha256: string;
}

/** Why a row that is known by its id is not merged. */
export const OTHER_CONTENT = "it was imported before with other content, which stays";

/** One event and one entry in the record for all rows together. */
async function announce(
  { database, session, context, source, clock }: Scene,
  budget_id: string,
  { read, imported, merged, conflicts, rejected }: UsageImportReport,
): Promise<void> {
  const at_ms = clock.now();
  const { transaction, tenant_id } = session;
  const what = {
    system: source.system,
    source_name: source.name,
    read,
    imported,
    merged,
    conflicts: conflicts.count,
    rejected: rejected.count,
  };
  await session.writeEvents([
    {
      tenant_id,
      event_type: "history.imported",
      budget_id,
      subject_id: budget_id,
      payload: what,
      created_at_ms: at_ms,
    },
  ]);
  const change = { action: "history.imported", subject_id: budget_id, before: null, after: what, at_ms };
  await new AuditRepository(database).append(transaction, tenant_id, [changeBy(context, change)]);
}
