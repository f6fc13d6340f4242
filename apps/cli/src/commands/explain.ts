import type { DecidedPolicy, Decision } from "@budget/client-js";
import type { Command } from "commander";
import { toFields, toTable, usd } from "../output.ts";
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
  const rows = decision.policies.flatMap(policyRows);
  return `${about}\n\n${toTable(["policy", "limit", "used", "held", "said"], rows)}`;
}

/** A line for each measure that a policy limits. */
function policyRows(policy: DecidedPolicy): (string | number | null)[][] {
  const name = `${policy.policy_id} ${policy.period}`;
  const said = saidBy(policy);
  const rows: (string | number | null)[][] = [];
  if (policy.token_limit !== null)
    rows.push([name, `${policy.token_limit} tokens`, policy.tokens_used, policy.tokens_held, said]);
  if (policy.cost_limit !== null)
    rows.push([name, usd(policy.cost_limit), usd(policy.cost_used), usd(policy.cost_held), said]);
  return rows;
}

function saidBy({ enabled, type, codes }: DecidedPolicy): string {
  if (!enabled) return "disabled";
  return codes.length === 0 ? `${type}: fits` : `${type}: ${codes.join(", ")}`;
}

export function addExplainCommands(program: Command, world: World): void {
  const explain = program.command("explain").description("why something was decided as it was");
  explain
    .command("allocation <id>")
    .description("which policies counted a request, and what each had left; takes a refusal's id too")
    .action(async (decision_id: string, _options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const decision = await client.allocations.explain(decision_id);
      show(decision, showDecision(decision));
    });
}
