import { BudgetClient, ConnectionError, ServerError, TimeoutError } from "@budget/client-js";
import { ADMIN_KEY } from "./server-process.ts";

/**
 * One request of the load. Its name is unique and is written into the row that it makes, so that rows can be counted by
 * request; it is the idempotency key as well, except where `has_key` says otherwise.
 */
export type Operation =
  | {
      readonly kind: "allocate";
      readonly name: string;
      readonly budget_id: string;
      readonly context_id: string;
      readonly tokens: number;
    }
  | {
      readonly kind: "use";
      readonly name: string;
      /** What it is booked against: an allocation, or the budget of a context. */
      readonly on: { readonly allocation_id: string } | ChargedBudget;
      readonly input_tokens: number;
      readonly output_tokens: number;
      readonly final: boolean;
      /** Without a key nobody sends it twice; the server must not book it twice by itself either. */
      readonly has_key: boolean;
    }
  | {
      readonly kind: "extend";
      readonly name: string;
      readonly allocation_id: string;
      readonly additional_tokens: number;
    }
  | { readonly kind: "release"; readonly name: string; readonly allocation_id: string };

/** Who pays for a usage that nobody asked for before. */
export interface ChargedBudget {
  readonly budget_id: string;
  readonly context_id: string;
}

/** The allocation that a usage is booked against; null where there is none. */
export const allocationOf = ({ on }: Operation & { readonly kind: "use" }): string | null =>
  "allocation_id" in on ? on.allocation_id : null;

/** What became of one attempt. */
export type Outcome =
  | { readonly status: "acknowledged"; readonly id: string; readonly cost_nano_usd: bigint }
  /** No answer, or one that leaves open whether it was done. */
  | { readonly status: "unresolved"; readonly reason: string; readonly timed_out: boolean }
  | { readonly status: "rejected"; readonly reason: string };

export const hasKey = (operation: Operation): boolean => operation.kind !== "use" || operation.has_key;

/** Where the requests go, and how long one of them may take. */
export interface Target {
  readonly base_url: string;
  readonly timeout_ms: number;
}

/** Sends requests, each once: whoever calls decides whether to send it again. */
export class Sender {
  readonly #target: Target;
  readonly #client: BudgetClient;

  constructor(target: Target) {
    this.#target = target;
    this.#client = new BudgetClient({ ...target, api_key: ADMIN_KEY, max_retries: 0 });
  }

  async send(operation: Operation): Promise<Outcome> {
    try {
      return await this.#dispatch(operation);
    } catch (error) {
      const reason = reasonOf(error);
      const timed_out = error instanceof TimeoutError;
      return timed_out || error instanceof ConnectionError || error instanceof ServerError
        ? { status: "unresolved", reason, timed_out }
        : { status: "rejected", reason };
    }
  }

  async #dispatch(operation: Operation): Promise<Outcome> {
    const options = { idempotency_key: operation.name };
    switch (operation.kind) {
      case "allocate": {
        const { budget_id, context_id, tokens, name } = operation;
        const body = { ...MODEL, budget_id, context_id, tokens_allocated: tokens, metadata: { name } };
        const { allocation_id } = await this.#client.allocations.create(body, options);
        return acknowledged(allocation_id);
      }
      case "use": {
        if (!operation.has_key) return this.#useWithoutKey(operation);
        const { record_id, total_cost } = await this.#client.usage.record(usageOf(operation), options);
        return acknowledged(record_id, total_cost);
      }
      case "extend": {
        const { allocation_id, additional_tokens } = operation;
        await this.#client.allocations.extend(allocation_id, { additional_tokens }, options);
        return acknowledged(allocation_id);
      }
      case "release":
        await this.#client.allocations.release(operation.allocation_id, options);
        return acknowledged(operation.allocation_id);
    }
  }

  /** The client always sends a key, so this goes by hand. */
  async #useWithoutKey(operation: Operation & { readonly kind: "use" }): Promise<Outcome> {
    const { base_url, timeout_ms } = this.#target;
    let response: Response;
    let body: string;
    try {
      response = await fetch(`${base_url}/api/usage/record`, {
        method: "POST",
        headers: { "content-type": "application/json", "x-api-key": ADMIN_KEY },
        body: JSON.stringify(usageOf(operation)),
        signal: AbortSignal.timeout(timeout_ms),
      });
      body = await response.text();
    } catch (error) {
      const timed_out = error instanceof Error && error.name === "TimeoutError";
      return { status: "unresolved", reason: reasonOf(error), timed_out };
    }
    if (!response.ok) {
      const reason = `${response.status} ${body}`;
      return response.status >= 500
        ? { status: "unresolved", reason, timed_out: false }
        : { status: "rejected", reason };
    }
    const { record_id, total_cost } = JSON.parse(body) as { record_id: string; total_cost: number };
    return acknowledged(record_id, total_cost);
  }
}

const MODEL = { component: "chaos", provider: "openai", model: "gpt-4o-mini" };

const usageOf = ({ name, on, input_tokens, output_tokens, final }: Operation & { kind: "use" }) => ({
  ...("allocation_id" in on ? on : { ...on, ...MODEL }),
  input_tokens,
  output_tokens,
  final,
  operation_id: name,
});

const acknowledged = (id: string, cost_usd = 0): Outcome => ({
  status: "acknowledged",
  id,
  cost_nano_usd: nanoUsd(cost_usd),
});

/** The costs here are so small that a number holds each nano-USD of them. */
const nanoUsd = (cost_usd: number): bigint => BigInt(Math.round(cost_usd * 1e9));

const reasonOf = (error: unknown): string =>
  error instanceof Error ? `${error.name}: ${error.message}` : String(error);
