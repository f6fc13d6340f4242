import {
  accepted,
  rejected,
  type Outcome,
  type PriceMatch,
  type PriceQuery,
  type ProviderPricing,
} from "@budget/domain";
import { PriceRepository } from "@budget/repositories";
import type { CommandContext, Page, PriceManager } from "./engine.ts";
import type { LedgerRunner } from "./ledger-runner.ts";

export function createPriceManager(runner: LedgerRunner): PriceManager {
  const { database, clock } = runner;
  const prices = new PriceRepository(database);

  /** The tenant's prices and the shared ones, as the database has them now. */
  async function book(tenant_id: string) {
    await runner.freeExpired(tenant_id);
    return runner.catalog(tenant_id).prices;
  }

  return {
    list(context: CommandContext, query: PriceQuery): Promise<Page<ProviderPricing>> {
      return prices.list(context.tenant_id, query);
    },

    async current(context, provider, model): Promise<Outcome<PriceMatch>> {
      const match = (await book(context.tenant_id)).find(provider, model, clock.now());
      return match === undefined ? unknownPrice(provider, model) : accepted(match);
    },

    async history(context, provider, model): Promise<Outcome<readonly ProviderPricing[]>> {
      const history = (await book(context.tenant_id)).history(provider, model);
      return history.length === 0 ? unknownPrice(provider, model) : accepted(history);
    },
  };
}

const unknownPrice = (provider: string, model: string): Outcome<never> =>
  rejected({ code: "price_not_found", detail: `No price is known for the model ${model} of ${provider}.` });
