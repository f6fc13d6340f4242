import {
  STANDARD_TERMS,
  accepted,
  costOf,
  rejected,
  validateUsage,
  type Outcome,
  type PriceMatch,
  type PriceQuery,
  type ProviderPricing,
} from "@budget/domain";
import { PriceRepository } from "@budget/repositories";
import type { CommandContext, Page, PriceManager, PricedUsage } from "./engine.ts";
import { estimatedBy, termsOf } from "./hold-cost.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import { coverageOf } from "./price-coverage.ts";
import { recommend } from "./recommendations.ts";
import { reprice } from "./reprice.ts";
import { invalid } from "./requests.ts";

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

    async current(context, wanted): Promise<Outcome<PriceMatch>> {
      const { provider, model } = wanted;
      const match = (await book(context.tenant_id)).find(
        { provider, model, ...termsOf(wanted) },
        clock.now(),
      );
      return match === undefined ? unknownPrice(provider, model) : accepted(match);
    },

    async cost(context, wanted, usage, at_ms): Promise<Outcome<PricedUsage>> {
      const { provider, model } = wanted;
      const terms = termsOf(wanted);
      const match = (await book(context.tenant_id)).find({ provider, model, ...terms }, at_ms ?? clock.now());
      if (match === undefined) return unknownPrice(provider, model);
      const [problem] = validateUsage(usage);
      if (problem !== undefined) return invalid(`/usage/${problem.field}`, problem.detail);
      const cost = costOf(usage, match.price);
      if (cost.ok) return accepted({ match, cost: estimatedBy(match, cost) });
      return rejected({
        code: "price_unit_unknown",
        field: "/usage",
        detail: `The price of ${provider}/${model} does not know ${cost.units.join(", ")}.`,
      });
    },

    async recommendations(context, request) {
      const { tenant_id } = context;
      const { provider, model } = request;
      const known = await book(tenant_id);
      const now_ms = clock.now();
      const match = known.find({ ...STANDARD_TERMS, provider, model }, now_ms);
      if (match === undefined) return unknownPrice(provider, model);
      return recommend(database, tenant_id, request, match, known.generalPrices(now_ms), now_ms);
    },

    async coverage({ tenant_id }, { days }) {
      return coverageOf(database, tenant_id, await book(tenant_id), clock.now(), days);
    },

    async reprice(context, request) {
      if (Date.parse(request.end_time) <= Date.parse(request.start_time))
        return invalid("/end_time", "It must be later than start_time.");
      return accepted(await reprice(runner, context, request));
    },

    async history(context, provider, model): Promise<Outcome<readonly ProviderPricing[]>> {
      const history = (await book(context.tenant_id)).history(provider, model);
      return history.length === 0 ? unknownPrice(provider, model) : accepted(history);
    },
  };
}

const unknownPrice = (provider: string, model: string): Outcome<never> =>
  rejected({ code: "price_not_found", detail: `No price is known for the model ${model} of ${provider}.` });
