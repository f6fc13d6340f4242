import {
  nanoToUsdText,
  thresholdCode,
  type Alert,
  type AlertSeverity,
  type Balance,
  type BudgetPolicy,
  type LimitAlertKind,
  type UsageRecord,
} from "@budget/domain";

/** The bit of each kind in a balance's `alerts_raised`; a threshold of cost has another than the same one of tokens. */
const BITS: Readonly<Record<LimitAlertKind, number>> = {
  warning_threshold: 1,
  action_threshold: 2,
  limit_exceeded: 4,
  overage: 8,
  price_unknown: 16,
  priority_override: 32,
};
const COST_FACTOR = 64;

/** Why an alert is raised on a policy, and what it says. */
export interface AlertReason {
  readonly kind: LimitAlertKind;
  readonly bit: number;
  readonly severity: AlertSeverity;
  readonly message: string;
}

const reason = (kind: LimitAlertKind, severity: AlertSeverity, message: string): AlertReason => ({
  kind,
  bit: BITS[kind],
  severity,
  message,
});

/**
 * What usage that was just booked makes known about a policy in force.
 * @param balance counts the usage already
 * @param unpriced what was booked without its price, in words; null where all of it has one
 */
export function alertsAfterUsage(
  policy: BudgetPolicy,
  balance: Balance,
  record: UsageRecord,
  unpriced: string | null,
): readonly AlertReason[] {
  const reasons = [...thresholdAlerts(policy, balance)];
  if (policy.cost_limit_nano_usd !== null && unpriced !== null) {
    reasons.push(
      reason(
        "price_unknown",
        "error",
        `Usage of ${record.provider}/${record.model} was booked ${unpriced}: no price is known.`,
      ),
    );
  }
  const isOverage = record.overage_tokens > 0 || record.overage_cost_nano_usd > 0n;
  if (policy.type === "enforce" && isOverage) {
    const what =
      record.allocation_id === null ? "without an allocation" : `beyond allocation ${record.allocation_id}`;
    const amounts = `${record.overage_tokens} tokens and $${nanoToUsdText(record.overage_cost_nano_usd)}`;
    reasons.push(reason("overage", "warning", `${amounts} were used ${what}.`));
  }
  return reasons;
}

/** What the usage that a policy counts makes known about its limits. */
export function thresholdAlerts(policy: BudgetPolicy, balance: Balance): readonly AlertReason[] {
  const reasons: AlertReason[] = [];
  if (policy.token_limit !== null) {
    const used = BigInt(balance.used_tokens);
    addThreshold(reasons, policy, used, BigInt(policy.token_limit), 1, (amount) => `${amount} tokens`);
  }
  if (policy.cost_limit_nano_usd !== null) {
    const asUsd = (amount: bigint) => `$${nanoToUsdText(amount)}`;
    const used = balance.used_cost_nano_usd;
    addThreshold(reasons, policy, used, policy.cost_limit_nano_usd, COST_FACTOR, asUsd);
  }
  return reasons;
}

function addThreshold(
  reasons: AlertReason[],
  policy: BudgetPolicy,
  used: bigint,
  limit: bigint,
  bit_factor: number,
  inWords: (amount: bigint) => string,
): void {
  const add = (kind: LimitAlertKind, severity: AlertSeverity) => {
    const of_tokens = reason(kind, severity, amounts);
    reasons.push({ ...of_tokens, bit: of_tokens.bit * bit_factor });
  };
  const amounts = `${inWords(used)} of ${inWords(limit)} are used in the ${policy.period} limit of policy ${policy.policy_id}.`;
  if (used > limit) {
    add("limit_exceeded", policy.type === "log" ? "info" : "error");
    return;
  }
  const code = used === 0n ? null : thresholdCode(policy, used, limit);
  if (code !== null) add(code, policy.type === "log" ? "info" : "warning");
}

/** The notice that priority 10 passed a limit. */
export const overrideReason = (policy: BudgetPolicy, context_id: string): AlertReason =>
  reason(
    "priority_override",
    "warning",
    `A request of critical priority in context ${context_id} passed the ${policy.period} limit of policy ${policy.policy_id}.`,
  );

export function newAlert(
  alert_id: string,
  policy: BudgetPolicy,
  balance: Balance,
  { kind, severity, message }: AlertReason,
  resets_at_ms: number | null,
  now_ms: number,
): Alert {
  return {
    tenant_id: policy.tenant_id,
    alert_id,
    budget_id: policy.budget_id,
    policy_id: policy.policy_id,
    kind,
    severity,
    message,
    details: {
      context_id: balance.scope === "" ? null : balance.scope,
      window_start_ms: balance.window_start_ms,
      resets_at_ms,
    },
    acknowledged: false,
    acknowledged_at_ms: null,
    created_at_ms: now_ms,
  };
}
