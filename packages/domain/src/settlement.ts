import type { AllocationStatus } from "./enums.ts";
import type { Balance, BudgetAllocation } from "./entities.ts";
import type { NanoUsd } from "./money.ts";
import type { Window } from "./windows.ts";

/** Tokens and cost, as an allocation holds them or a policy counts them. */
export interface Amount {
  readonly tokens: number;
  readonly cost_nano_usd: NanoUsd;
}

export const NOTHING: Amount = { tokens: 0, cost_nano_usd: 0n };

const atLeastZero = (value: bigint): bigint => (value < 0n ? 0n : value);

/** What an allocation keeps from its policies: allocated less used, never below 0, and nothing once it is closed. */
export function holdOf(allocation: BudgetAllocation): Amount {
  if (allocation.status !== "active") return NOTHING;
  return {
    tokens: Math.max(0, allocation.tokens_allocated - allocation.tokens_used),
    cost_nano_usd: atLeastZero(allocation.cost_allocated_nano_usd - allocation.cost_used_nano_usd),
  };
}

/** The change from one hold to another; negative where it shrinks. */
export function holdChange(before: BudgetAllocation | null, after: BudgetAllocation): Amount {
  const was = before === null ? NOTHING : holdOf(before);
  const is = holdOf(after);
  return { tokens: is.tokens - was.tokens, cost_nano_usd: is.cost_nano_usd - was.cost_nano_usd };
}

/** An allocation that stops holding. One that is closed already stays as it is. */
export function closeAllocation(
  allocation: BudgetAllocation,
  status: Exclude<AllocationStatus, "active">,
  at_ms: number,
): BudgetAllocation {
  if (allocation.status !== "active") return allocation;
  return { ...allocation, status, closed_at_ms: at_ms };
}

/**
 * Books usage against an allocation, whatever its status: usage that comes late is booked all the same.
 * @param final whether this settles the allocation
 */
export function bookOnAllocation(
  allocation: BudgetAllocation,
  usage: Amount,
  final: boolean,
  at_ms: number,
): BudgetAllocation {
  const booked = {
    ...allocation,
    tokens_used: allocation.tokens_used + usage.tokens,
    cost_used_nano_usd: allocation.cost_used_nano_usd + usage.cost_nano_usd,
  };
  return final ? closeAllocation(booked, "settled", at_ms) : booked;
}

/** What of a usage was not held for it. */
export function overageOf(usage: Amount, held: Amount): Amount {
  return {
    tokens: Math.max(0, usage.tokens - held.tokens),
    cost_nano_usd: atLeastZero(usage.cost_nano_usd - held.cost_nano_usd),
  };
}

/** The balance in a window: `used` starts at 0 when the window turns, what is held stays. */
export function balanceInWindow(balance: Balance, window: Window): Balance {
  if (balance.window_start_ms >= window.start_ms) return balance;
  return {
    ...balance,
    window_start_ms: window.start_ms,
    used_tokens: 0,
    used_cost_nano_usd: 0n,
    alerts_raised: 0,
  };
}

export function addHeld(balance: Balance, change: Amount): Balance {
  return {
    ...balance,
    held_tokens: balance.held_tokens + change.tokens,
    held_cost_nano_usd: balance.held_cost_nano_usd + change.cost_nano_usd,
  };
}

export function addUsed(balance: Balance, usage: Amount): Balance {
  return {
    ...balance,
    used_tokens: balance.used_tokens + usage.tokens,
    used_cost_nano_usd: balance.used_cost_nano_usd + usage.cost_nano_usd,
  };
}
