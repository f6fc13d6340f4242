import { isIP, isIPv6 } from "node:net";
import {
  draw,
  fullBucket,
  refill,
  waitForRequest,
  type RequestBucket,
  type RequestRate,
} from "@budget/domain";

/** Requests without a right key that one client may make. */
export const WRONG_KEY_RATE: RequestRate = { per_second: 1, burst: 60 };
/** Clients that are remembered; of more, those are forgotten that tried longest ago. */
const MOST_CLIENTS = 10_000;

const ONE = { now: 1, ahead: 0 };

/** Counts the requests of each client that came with a key which opens nothing, or with none. */
export class WrongKeys {
  readonly #now: () => number;
  /** By client, the one that tried longest ago first. */
  readonly #buckets = new Map<string, RequestBucket>();

  /** @param now in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** In how many milliseconds a client may try again; 0 where it may now. */
  waitOf(address: string): number {
    const bucket = this.#buckets.get(clientOf(address));
    return bucket === undefined
      ? 0
      : waitForRequest(refill(bucket, WRONG_KEY_RATE, this.#now()), WRONG_KEY_RATE);
  }

  /** Counts a try. @returns 0 where it was one that the client had left, else in how many milliseconds it has one */
  count(address: string): number {
    const client = clientOf(address);
    const now_ms = this.#now();
    const known = this.#buckets.get(client) ?? fullBucket(WRONG_KEY_RATE, now_ms);
    const { bucket, now } = draw(refill(known, WRONG_KEY_RATE, now_ms), ONE);
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > MOST_CLIENTS && oldest !== undefined) this.#buckets.delete(oldest);
    return now === 1 ? 0 : waitForRequest(bucket, WRONG_KEY_RATE);
  }
}

const GROUPS_OF_A_NETWORK = 4;

/**
 * Who is meant by an address: for IPv6 its network of 64 bits, all of which one client usually has. What is no address
 * comes from proxies that pass anything on, and is one client together.
 */
export function clientOf(address: string): string {
  if (isIP(address) === 0) return "";
  if (!isIPv6(address)) return address;
  const mapped = /^::ffff:([\d.]+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const [head = "", tail] = address.toLowerCase().split("%", 1).join("").split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  // An IPv4 address at the end stands for two groups.
  const length = groups.length + after.length + (address.includes(".") ? 1 : 0);
  const zeros = Array.from({ length: Math.max(0, 8 - length) }, () => "0");
  return [...groups, ...zeros, ...after]
    .slice(0, GROUPS_OF_A_NETWORK)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(":");
}
