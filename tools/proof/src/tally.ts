/**
 * What the clients were answered. The limits are steered by it, and the number of grants and refusals is compared with
 * the history: an answer that the database knows nothing of would be a lie. Nothing else is checked by it.
 */
export class Tally {
  granted = 0;
  extended = 0;
  refused = 0;
  /** Answers that the load gives no reason for. */
  readonly unexpected: string[] = [];
  readonly #used = new Map<string, Used>();

  addUsed(budget_id: string, tokens: number, cost_usd: number): void {
    const { tokens: tokens_before, cost_usd: cost_before } = this.used(budget_id);
    this.#used.set(budget_id, { tokens: tokens_before + tokens, cost_usd: cost_before + cost_usd });
  }

  used(budget_id: string): Used {
    return this.#used.get(budget_id) ?? { tokens: 0, cost_usd: 0 };
  }
}

/** A rough sum, good enough to choose the next limits by; the check knows exact amounts only. */
export interface Used {
  readonly tokens: number;
  readonly cost_usd: number;
}
