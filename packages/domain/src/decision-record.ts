import type { CountedPolicy, Decision, HoldEstimate, HoldRequest } from "./decide-allocation.ts";
import type { RequestDimensions } from "./entities.ts";
import type { Period, PolicyType } from "./enums.ts";
import { isInForce } from "./matching.ts";
import type { NanoUsd } from "./money.ts";
import type { LearnedOutput, PolicyWarning, Violation } from "./outcome.ts";

/** What one policy that counted a request looked like at the decision. */
export interface DecidedPolicy {
  readonly policy_id: string;
  readonly budget_id: string;
  readonly type: PolicyType;
  readonly period: Period;
  readonly time_zone: string;
  /** Whether it was in force; one that was switched off, or at its end, refused nothing. */
  readonly enabled: boolean;
  readonly window_start_ms: number;
  readonly window_end_ms: number | null;
  readonly token_limit: number | null;
  readonly used_tokens: number;
  readonly held_tokens: number;
  readonly cost_limit_nano_usd: NanoUsd | null;
  readonly used_cost_nano_usd: NanoUsd;
  readonly held_cost_nano_usd: NanoUsd;
  /** Why it refused, or what it warned of; empty where it had nothing to say. */
  readonly codes: readonly (Violation["code"] | PolicyWarning["code"])[];
}

/** Everything that a decision looked at, kept so that it can be explained later. */
export interface DecisionRecord {
  readonly granted: boolean;
  readonly tokens_wanted: number;
  readonly min_tokens: number;
  /** The most that fit, up to what was wanted. */
  readonly tokens_that_fit: number;
  /** What was granted, or what the fewest tokens of use would have held. */
  readonly hold: HoldEstimate;
  readonly priority: number;
  readonly learned: LearnedOutput | null;
  /** In id order, those of the budget and of the budgets above it that match the request. */
  readonly policies: readonly DecidedPolicy[];
}

/** A request that was refused, kept for a while. Nothing of it counts anywhere. */
export interface StoredRefusal extends RequestDimensions {
  readonly tenant_id: string;
  readonly refusal_id: string;
  /** The allocation that was to be extended; null for a new one. */
  readonly allocation_id: string | null;
  readonly budget_id: string;
  readonly context_id: string;
  readonly decision: DecisionRecord;
  readonly created_at_ms: number;
}

/** A decision as it is answered: what it was about, and what it looked at. */
export interface ExplainedDecision {
  /** Id of the allocation, or of the refusal. */
  readonly decision_id: string;
  /** The allocation that was granted, or was to be extended; null for a refused new one. */
  readonly allocation_id: string | null;
  readonly budget_id: string;
  readonly context_id: string;
  readonly dimensions: RequestDimensions;
  readonly decided_at_ms: number;
  readonly decision: DecisionRecord;
}

/** What is kept of a decision. */
export function decisionRecord(
  request: HoldRequest,
  counted: readonly CountedPolicy[],
  decision: Decision,
  learned: LearnedOutput | null,
): DecisionRecord {
  const { granted } = decision;
  return {
    granted,
    tokens_wanted: request.tokens,
    min_tokens: request.min_tokens,
    tokens_that_fit: granted ? decision.tokens : decision.refusal.tokens_that_fit,
    hold: granted ? decision.hold : request.holdFor(request.min_tokens),
    priority: request.priority,
    learned,
    policies: decidedPolicies(
      request.now_ms,
      counted,
      granted ? decision.warnings : decision.refusal.violations,
    ),
  };
}

/** @param said the violations of a refusal, or the warnings of a grant */
function decidedPolicies(
  now_ms: number,
  counted: readonly CountedPolicy[],
  said: readonly (Violation | PolicyWarning)[],
): readonly DecidedPolicy[] {
  return counted.map(({ policy, balance, window }) => ({
    policy_id: policy.policy_id,
    budget_id: policy.budget_id,
    type: policy.type,
    period: policy.period,
    time_zone: policy.time_zone,
    enabled: isInForce(policy, now_ms),
    window_start_ms: window.start_ms,
    window_end_ms: window.end_ms,
    token_limit: policy.token_limit,
    used_tokens: balance.used_tokens,
    held_tokens: balance.held_tokens,
    cost_limit_nano_usd: policy.cost_limit_nano_usd,
    used_cost_nano_usd: balance.used_cost_nano_usd,
    held_cost_nano_usd: balance.held_cost_nano_usd,
    codes:
      said.length === 0
        ? []
        : said.flatMap(({ policy: { policy_id }, code }) => (policy_id === policy.policy_id ? code : [])),
  }));
}

const text = (amount: NanoUsd | null): string | null => (amount === null ? null : String(amount));
const amount = (stored: string | null): NanoUsd | null => (stored === null ? null : BigInt(stored));

/** A policy without the names of its members: every grant keeps a few of these. */
const packPolicy = (policy: DecidedPolicy) =>
  [
    policy.policy_id,
    policy.budget_id,
    policy.type,
    policy.period,
    policy.time_zone,
    policy.enabled,
    policy.window_start_ms,
    policy.window_end_ms,
    policy.token_limit,
    policy.used_tokens,
    policy.held_tokens,
    text(policy.cost_limit_nano_usd),
    String(policy.used_cost_nano_usd),
    String(policy.held_cost_nano_usd),
    policy.codes,
  ] as const;

const unpackPolicy = (packed: ReturnType<typeof packPolicy>): DecidedPolicy => ({
  policy_id: packed[0],
  budget_id: packed[1],
  type: packed[2],
  period: packed[3],
  time_zone: packed[4],
  enabled: packed[5],
  window_start_ms: packed[6],
  window_end_ms: packed[7],
  token_limit: packed[8],
  used_tokens: packed[9],
  held_tokens: packed[10],
  cost_limit_nano_usd: amount(packed[11]),
  used_cost_nano_usd: BigInt(packed[12]),
  held_cost_nano_usd: BigInt(packed[13]),
  codes: packed[14],
});

const pack = ({ hold, policies, ...decision }: DecisionRecord) =>
  [
    decision.granted,
    decision.tokens_wanted,
    decision.min_tokens,
    decision.tokens_that_fit,
    hold.tokens,
    text(hold.cost_nano_usd),
    decision.priority,
    decision.learned,
    policies.map(packPolicy),
  ] as const;

const unpack = (packed: ReturnType<typeof pack>): DecisionRecord => ({
  granted: packed[0],
  tokens_wanted: packed[1],
  min_tokens: packed[2],
  tokens_that_fit: packed[3],
  hold: { tokens: packed[4], cost_nano_usd: amount(packed[5]) },
  priority: packed[6],
  learned: packed[7],
  policies: packed[8].map(unpackPolicy),
});

/**
 * A decision as text, for storage: its members in a fixed order, without their names. Money, which JSON has no exact
 * number for, is kept as decimal text.
 */
export const encodeDecision = (decision: DecisionRecord): string => JSON.stringify(pack(decision));

export const decodeDecision = (encoded: string): DecisionRecord =>
  unpack(JSON.parse(encoded) as ReturnType<typeof pack>);
