import type { BudgetPolicy } from "@budget/domain";
import { ImportedRecordRepository } from "@budget/repositories";
import type { BudgetTree } from "../budget-tree.ts";
import { PolicyChanges } from "../policy-changes.ts";
import { judgePolicyFields } from "../policy-fields.ts";
import type { EndedShadow, PolicyDraft, PolicyImport } from "./history-importer.ts";
import { hashOfContent, idOfRow } from "./imported-ids.ts";
import { OTHER_CONTENT } from "./import-usage.ts";
import { policyDraftProblem, policyFieldsOf } from "./policy-from-draft.ts";
import { treeOf, treeWith, type Scene } from "./scene.ts";

/**
 * Makes policies of the limits of an older system, each of which counts at once what is there.
 * @param shadow whether they are made as `log` policies, until {@link endShadow}
 */
export async function importPolicies(
  scene: Scene,
  budget_id: string,
  drafts: readonly PolicyDraft[],
  shadow: boolean,
): Promise<readonly PolicyImport[]> {
  const tree = await treeWith(scene, budget_id);
  const results: PolicyImport[] = [];
  for (const draft of drafts) results.push(await importPolicy(scene, tree, budget_id, draft, shadow));
  return results;
}

async function importPolicy(
  scene: Scene,
  tree: BudgetTree,
  budget_id: string,
  draft: PolicyDraft,
  shadow: boolean,
): Promise<PolicyImport> {
  const { session, source, clock, context } = scene;
  const { transaction, tenant_id } = session;
  const { source_id, content } = draft;
  const now_ms = clock.now();
  const problem = policyDraftProblem(draft, now_ms);
  if (problem !== null) return { source_id, result: "rejected", reason: problem, policy_id: null };

  const imported = new ImportedRecordRepository();
  const content_sha256 = hashOfContent(content);
  const found = await imported.find(transaction, tenant_id, source, "policy", [source_id]);
  const before = found.get(source_id);
  if (before !== undefined) {
    const { record_id: policy_id } = before;
    return before.content_sha256 === content_sha256
      ? { source_id, result: "unchanged", reason: "", policy_id }
      : { source_id, result: "conflict", reason: OTHER_CONTENT, policy_id };
  }

  const isShadowed = shadow && draft.type !== "log";
  const policy_id = idOfRow(source, "policy", source_id, draft.created_at_ms);
  const policy: BudgetPolicy = {
    ...policyFieldsOf(draft),
    type: isShadowed ? "log" : draft.type,
    tenant_id,
    policy_id,
    budget_id,
    created_at_ms: draft.created_at_ms,
    updated_at_ms: now_ms,
    version: 1,
  };
  await new PolicyChanges(scene.database).save(session, context, tree, null, policy);
  await imported.create(transaction, tenant_id, source, [
    {
      kind: "policy",
      source_id,
      record_id: policy_id,
      content_sha256,
      booked_cost: false,
      original: content,
      shadowed_type: isShadowed ? draft.type : null,
    },
  ]);
  return { source_id, result: "imported", reason: "", policy_id };
}

/** Gives the policies of a source that are in shadow their types, where they may have them. */
export async function endShadow(scene: Scene): Promise<EndedShadow> {
  const { database, session, source, clock, context } = scene;
  const { transaction, tenant_id } = session;
  const imported = new ImportedRecordRepository();
  const changes = new PolicyChanges(database);
  const tree = await treeOf(scene);
  const ended: string[] = [];
  const left: { policy_id: string; reason: string }[] = [];
  let changed = 0;
  for (const { policy_id, type } of await imported.shadowed(transaction, tenant_id, source)) {
    const policy = tree.policy(policy_id);
    // Of others somebody has deleted it, or decided about its type.
    if (policy?.type === "log") {
      const enforced = { ...policy, type, updated_at_ms: clock.now(), version: policy.version + 1 };
      const judged = judgePolicyFields(enforced);
      if (!judged.ok) {
        left.push({ policy_id, reason: judged.rejection.detail });
        continue;
      }
      await changes.save(session, context, tree, policy, enforced);
      changed += 1;
    }
    ended.push(policy_id);
  }
  await imported.endShadow(transaction, tenant_id, source, ended);
  return { changed, left };
}
