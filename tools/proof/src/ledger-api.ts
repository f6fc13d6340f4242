import type { Answer, Http } from "./http.ts";
import type { Tally } from "./tally.ts";

/** What a request for tokens was answered. */
export type AllocationAnswer =
  | { readonly granted: true; readonly allocation_id: string }
  | { readonly granted: false; readonly tokens_that_fit: number };

/** Requests of one client: they are counted, and anything that is answered otherwise than it should be is kept. */
export class LedgerApi {
  readonly #http: Http;
  readonly #tally: Tally;
  readonly #context_id: string;

  constructor(http: Http, tally: Tally, context_id: string) {
    this.#http = http;
    this.#tally = tally;
    this.#context_id = context_id;
  }

  /** Asks for tokens. @param hold_ms how long they are held; an hour if left out */
  async allocate(budget_id: string, tokens: number, hold_ms?: number): Promise<AllocationAnswer | null> {
    const answer = await this.#post<{ allocation_id: string; tokens_that_fit: number }>("/api/allocations", {
      context_id: this.#context_id,
      component: "proof",
      provider: "openai",
      model: "gpt-4o-mini",
      budget_id,
      tokens_allocated: tokens,
      ...(hold_ms === undefined ? {} : { expiration_time: soon(hold_ms) }),
    });
    if (answer?.status === 201) {
      this.#tally.granted += 1;
      return { granted: true, allocation_id: answer.body.allocation_id };
    }
    if (answer?.status === 402) {
      this.#tally.refused += 1;
      return { granted: false, tokens_that_fit: answer.body.tokens_that_fit };
    }
    return this.#unexpected("allocate", answer);
  }

  /** Books usage. @param final whether it settles the allocation */
  async use(
    budget_id: string,
    allocation_id: string,
    input_tokens: number,
    output_tokens: number,
    final: boolean,
  ): Promise<void> {
    const body = { allocation_id, input_tokens, output_tokens, final };
    const answer = await this.#post<{ total_cost: number }>("/api/usage/record", body);
    if (answer?.status !== 201) return void this.#unexpected("use", answer);
    this.#tally.addUsed(budget_id, input_tokens + output_tokens, answer.body.total_cost);
  }

  /** Asks for more tokens, for more time, or both. An allocation that has just expired cannot be extended. */
  async extend(
    allocation_id: string,
    more: { readonly additional_tokens?: number; readonly hold_ms?: number },
  ): Promise<"extended" | "refused" | "closed"> {
    const { additional_tokens, hold_ms } = more;
    const answer = await this.#post(`/api/allocations/${allocation_id}/extend`, {
      ...(additional_tokens === undefined ? {} : { additional_tokens }),
      ...(hold_ms === undefined ? {} : { expiration_time: soon(hold_ms) }),
    });
    switch (answer?.status) {
      case 200:
        this.#tally.extended += 1;
        return "extended";
      case 402:
        this.#tally.refused += 1;
        return "refused";
      case 409:
        return "closed";
      default:
        this.#unexpected("extend", answer);
        return "closed";
    }
  }

  async release(allocation_id: string): Promise<void> {
    const answer = await this.#post(`/api/allocations/${allocation_id}/release`);
    if (answer?.status !== 200) this.#unexpected("release", answer);
  }

  async #post<T>(path: string, body?: unknown): Promise<Answer<T> | null> {
    try {
      return await this.#http.send<T>("POST", path, body);
    } catch (error) {
      this.#tally.unexpected.push(`POST ${path}: ${String(error)}`);
      return null;
    }
  }

  #unexpected(what: string, answer: Answer<unknown> | null): null {
    if (answer !== null) {
      this.#tally.unexpected.push(`${what}: ${answer.status} ${JSON.stringify(answer.body)}`);
    }
    return null;
  }
}

const soon = (hold_ms: number): string => new Date(Date.now() + hold_ms).toISOString();
