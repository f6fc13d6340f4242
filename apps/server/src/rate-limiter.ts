import { tenantRate, type FoundKey, type RequestRate } from "@budget/domain";
import { problem, type ProblemAnswer } from "./problems.ts";
import type { Counted, RequestCounter } from "./request-counter.ts";

/** What a request with a key is told of its limits, and its answer where it may not go on. */
export interface Verdict {
  /** Names and values of headers, in turns. */
  readonly headers: readonly string[];
  readonly refused: ProblemAnswer | null;
}

/** A rate, and how answers name it. */
class NamedRate {
  readonly name: "key" | "tenant";
  readonly rate: RequestRate;
  readonly policy: string;

  constructor(name: "key" | "tenant", rate: RequestRate) {
    this.name = name;
    this.rate = rate;
    this.policy = `"${name}";q=${rate.burst};w=${Math.ceil(rate.burst / rate.per_second)}`;
  }
}

const UNLIMITED: Verdict = { headers: [], refused: null };

/**
 * Holds requests to the limit of their key and to that of their tenant, and says so in the fields of
 * draft-ietf-httpapi-ratelimit-headers-10: `RateLimit-Policy` has the quota `q` in a window of `w` seconds, `RateLimit`
 * how much `r` of it remains and in how many seconds `t` it is whole again, or a request may be tried again.
 */
export class RateLimiter {
  /** Null where keys have no limit. */
  readonly #ofKey: NamedRate | null;
  readonly #counter: RequestCounter;

  /** @param key_rate what each key may do; `per_second` is 0 for no limit */
  constructor(key_rate: RequestRate, counter: RequestCounter) {
    this.#ofKey = key_rate.per_second === 0 ? null : new NamedRate("key", key_rate);
    this.#counter = counter;
  }

  /** Counts a request. The answer is there at once unless the database has to be asked. */
  count({ tenant_id, key_id, tenant_requests_per_second }: FoundKey): Verdict | Promise<Verdict> {
    const ofKey = this.#ofKey === null ? UNLIMITED : this.#count(this.#ofKey, tenant_id, key_id);
    if (tenant_requests_per_second === null) return ofKey;
    const ofTenant = new NamedRate("tenant", tenantRate(tenant_requests_per_second));
    return this.#countBoth(ofKey, () => this.#count(ofTenant, tenant_id, tenant_id));
  }

  #count(named: NamedRate, tenant_id: string, limit_id: string): Verdict | Promise<Verdict> {
    const counted = this.#counter.count({ tenant_id, limit_id, rate: named.rate });
    if (counted instanceof Promise) return counted.then((late) => verdictOf(named, late));
    return verdictOf(named, counted);
  }

  /** The key first, so that one key takes no more of its tenant's requests than it may make itself. */
  async #countBoth(
    ofKey: Verdict | Promise<Verdict>,
    countTenant: () => Verdict | Promise<Verdict>,
  ): Promise<Verdict> {
    const first = await ofKey;
    if (first.refused !== null) return first;
    const second = await countTenant();
    return { headers: [...first.headers, ...second.headers], refused: second.refused };
  }
}

function verdictOf(named: NamedRate, { left, wait_ms }: Counted): Verdict {
  const { name, policy } = named;
  const { per_second, burst } = named.rate;
  const told = (until_s: number): readonly string[] => [
    "RateLimit-Policy",
    policy,
    "RateLimit",
    `"${name}";r=${left};t=${until_s}`,
  ];
  if (wait_ms === 0) return { headers: told(Math.ceil((burst - left) / per_second)), refused: null };
  const wait_s = Math.max(1, Math.ceil(wait_ms / 1000));
  return { headers: told(wait_s), refused: refusal(named, wait_s) };
}

function refusal({ name, rate: { per_second, burst } }: NamedRate, wait_s: number): ProblemAnswer {
  const detail = `This ${name} may make ${per_second} requests a second, and ${burst} at once after a rest.`;
  return { ...problem({ code: "rate_limited", detail }), headers: { "Retry-After": String(wait_s) } };
}
