import type { DecidedPolicy, Decision } from "@budget/client-js";
import type { Command } from "commander";
import { toFields, usd } from "../output.ts";
import { openSession, type World } from "../session.ts";

const tokensOf = ({ tokens_wanted, min_tokens }: Decision): string =>
  min_tokens === tokens_wanted ? `${tokens_wanted} wanted` : `${min_tokens} to ${tokens_wanted} wanted`;

function showDecision(decision: Decision): string {
  const { granted, tokens_held, tokens_that_fit, estimated_cost, provider, model } = decision;
  const outcome = granted
    ? `granted: ${tokens_held} tokens, about ${usd(estimated_cost)}`
    : `refused: ${tokens_held} tokens, about ${usd(estimated_cost)}, did not fit; ${tokens_that_fit} would have`;
  const about = toFields({
    decision: outcome,
    asked: `${tokensOf(decision)} by ${decision.component} in ${decision.context_id}`,
    budget: decision.budget_id,
    model: model === null ? null : `${provider ?? "-"}/${model}`,
    kind: `${decision.tier}, task ${decision.task_type}, priority ${decision.priority}`,
    at: decision.decided_at,
  });
  const policies = decision.policies.map(showPolicy);
  return [about, ...(policies.length === 0 ? ["No policy counted it."] : policies)].join("\n\n");
}

/** What a policy said, and under it a line for each measure that it limits. */
function showPolicy(policy: DecidedPolicy): string {
  const { token_limit, tokens_used, tokens_held, cost_limit, cost_used, cost_held, resets_at } = policy;
  const resets = resets_at === null ? "never resets" : `resets at ${resets_at}`;
  const lines = [`policy ${policy.policy_id} (${policy.period} ${policy.type}): ${saidBy(policy)}`];
  if (token_limit !== null)
    lines.push(`  ${tokens_used} used, ${tokens_held} held of ${token_limit} tokens, ${resets}`);
  if (cost_limit !== null)
    lines.push(`  ${usd(cost_used)} used, ${usd(cost_held)} held of ${usd(cost_limit)}, ${resets}`);
  return lines.join("\n");
}

function saidBy({ enabled, codes }: DecidedPolicy): string {
  if (!enabled) return "disabled";
  return codes.length === 0 ? "fits" : codes.join(", ");
}

export function addExplainCommands(program: Command, world: World): void {
  const explain = program.command("explain").description("why something was decided as it was");
  explain
    .command("allocation <id>")
    .description("which policies counted a request, and what each had left; takes a refusal's id too")
    .action(async (decision_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const decision = await client.allocations.explain(decision_id);
      show(decision, showDecision(decision));
    });
}
