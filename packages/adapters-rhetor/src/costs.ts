import { PortError, type BudgetPort } from "@budget/adapter-port";
import { plain } from "./amounts.ts";
import { estimatedTokens, type TokenCounter } from "./token-counter.ts";

/** What a call costs, in USD. Costs are null where no price is known, which is not the same as free. */
export interface CostEstimate {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_cost: number | null;
  readonly output_cost: number | null;
  readonly total_cost: number | null;
}

export interface EstimateRequest {
  readonly provider: string;
  readonly model: string;
  readonly input_text: string;
  /** Characters of the answer; 500 if left out. */
  readonly estimated_output_length?: number;
}

export interface CalculateRequest {
  readonly provider: string;
  readonly model: string;
  readonly input_text: string;
  readonly output_text: string;
}

const DEFAULT_OUTPUT_CHARS = 500;

export interface Costs {
  estimateCost(request: EstimateRequest): Promise<CostEstimate>;
  calculateCost(request: CalculateRequest): Promise<CostEstimate>;
}

export function createCosts(port: BudgetPort, tokens: TokenCounter): Costs {
  async function priced(
    provider: string,
    model: string,
    counts: Pick<CostEstimate, "input_tokens" | "output_tokens">,
  ): Promise<CostEstimate> {
    try {
      const cost = await port.prices.cost({ provider, model, usage: { ...counts } });
      return {
        ...counts,
        input_cost: plain(cost.input_cost),
        output_cost: plain(cost.output_cost),
        total_cost: plain(cost.total_cost),
      };
    } catch (error) {
      if (!isUnpriced(error)) throw error;
      return { ...counts, input_cost: null, output_cost: null, total_cost: null };
    }
  }

  return {
    async estimateCost({ provider, model, input_text, estimated_output_length = DEFAULT_OUTPUT_CHARS }) {
      const { tokens: input_tokens } = await tokens.count(provider, model, input_text);
      const output_tokens = estimatedTokens(estimated_output_length);
      return priced(provider, model, { input_tokens, output_tokens });
    },

    async calculateCost({ provider, model, input_text, output_text }) {
      const { tokens: input_tokens } = await tokens.count(provider, model, input_text);
      const { tokens: output_tokens } = await tokens.count(provider, model, output_text);
      return priced(provider, model, { input_tokens, output_tokens });
    },
  };
}

const UNPRICED: ReadonlySet<string> = new Set(["price_not_found", "price_unit_unknown"]);

const isUnpriced = (error: unknown): boolean => error instanceof PortError && UNPRICED.has(error.code);
