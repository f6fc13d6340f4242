import type { LedgerApi } from "./ledger-api.ts";
import type { Node } from "./scenarios.ts";

/** More than any limit of a run leaves. */
const EVERYTHING = 1_000_000_000;
const MOST_TRIES = 50;

/**
 * Fills budgets to the brim: asks for far too much, then for as much as the refusal says would fit, until nothing does.
 * The requests go to the servers in turn. What is held at the end stays held, so the last refusals of all budgets are
 * true together.
 */
export async function fill(apis: readonly LedgerApi[], leaves: readonly Node[]): Promise<void> {
  let turn = 0;
  const next = (): LedgerApi => apis[(turn += 1) % apis.length]!;
  for (const { budget_id } of leaves) {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const answer = await next().allocate(budget_id, EVERYTHING);
      if (answer === null || answer.granted) continue;
      if (answer.tokens_that_fit === 0) break;
      await next().allocate(budget_id, answer.tokens_that_fit);
    }
  }
}
