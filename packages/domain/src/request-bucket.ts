/**
 * How many requests a key or a tenant may make: a bucket that fills with time. Several servers draw from one bucket and
 * take some requests ahead of need, as a lease. What is leased keeps its place in the bucket until its server has said
 * what became of it, or until it can no longer be used: so over any span of `t` seconds, all servers together let
 * through no more than `burst + per_second * t`.
 */

export interface RequestRate {
  /** Requests a second on average, from 1. */
  readonly per_second: number;
  /** Requests at once after a rest, from 1. */
  readonly burst: number;
}

/** What is left at an instant. Counted in thousandths of a request: every millisecond adds a whole number of them. */
export interface RequestBucket {
  readonly left_milli: number;
  readonly at_ms: number;
  /** Requests leased in the period of `at_ms` that nobody has said more of. */
  readonly leased: number;
  /** The same for the period before it. */
  readonly leased_before: number;
}

/** Leases are told apart by the period that they were given in, and are forgotten at the end of the next one. */
export const LEASE_PERIOD_MS = 1000;
/** For how long a lease can be used: half a period, which leaves as long to give back what was not. */
export const LEASE_MS = LEASE_PERIOD_MS / 2;

const MILLI = 1000;

export const leasePeriodOf = (at_ms: number): number => Math.floor(at_ms / LEASE_PERIOD_MS);

/** A bucket that nobody has drawn from yet. */
export const fullBucket = ({ burst }: RequestRate, at_ms: number): RequestBucket => ({
  left_milli: burst * MILLI,
  at_ms,
  leased: 0,
  leased_before: 0,
});

/** How many requests can be drawn. */
export const wholeRequests = ({ left_milli }: RequestBucket): number =>
  Math.max(0, Math.floor(left_milli / MILLI));

/** In how many milliseconds a request can be drawn; 0 where one can be. */
export const waitForRequest = ({ left_milli }: RequestBucket, { per_second }: RequestRate): number =>
  Math.max(0, Math.ceil((MILLI - left_milli) / per_second));

/** The bucket at a later instant. A clock that was put back adds nothing, and goes on from there. */
export function refill(bucket: RequestBucket, rate: RequestRate, now_ms: number): RequestBucket {
  const { at_ms, leased, leased_before } = bucket;
  const turn_ms = (leasePeriodOf(at_ms) + 1) * LEASE_PERIOD_MS;
  if (leased + leased_before === 0 || now_ms < turn_ms) return fill(bucket, rate, now_ms);
  // At each turn of the period there is more room, so the time before it and the time after it are filled apart.
  const turned = { ...fill(bucket, rate, turn_ms), leased: 0, leased_before: leased };
  return refill(turned, rate, now_ms);
}

function fill(bucket: RequestBucket, { per_second, burst }: RequestRate, now_ms: number): RequestBucket {
  const { leased, leased_before } = bucket;
  const gained_milli = Math.max(0, now_ms - bucket.at_ms) * per_second;
  const left_milli = Math.min((burst - leased - leased_before) * MILLI, bucket.left_milli + gained_milli);
  return { left_milli, at_ms: now_ms, leased, leased_before };
}

/** What a server wants of a bucket. */
export interface RequestsWanted {
  /** Requests that wait for it. */
  readonly now: number;
  /** Requests that it expects. */
  readonly ahead: number;
}

export interface RequestsDrawn {
  readonly bucket: RequestBucket;
  readonly now: number;
  /** Given as a lease: at most half of what is left, so that other servers find something too. */
  readonly ahead: number;
}

/** Draws from a bucket that was refilled: as much as there is of what is wanted. */
export function draw(bucket: RequestBucket, wanted: RequestsWanted): RequestsDrawn {
  const whole = wholeRequests(bucket);
  const now = Math.min(wanted.now, whole);
  const ahead = Math.min(wanted.ahead, Math.floor((whole - now) / 2));
  const left_milli = bucket.left_milli - (now + ahead) * MILLI;
  const { at_ms, leased, leased_before } = bucket;
  return { bucket: { left_milli, at_ms, leased: leased + ahead, leased_before }, now, ahead };
}

/** What became of a lease, or of a part of it. */
export interface LeaseReport {
  /** The period that it was given in. */
  readonly period: number;
  readonly used: number;
  /** Requests that will not be used any more. */
  readonly unused: number;
}

/** Takes a report: what was used gives up its place, what was not is left again. One that comes too late says nothing. */
export function settleLease(bucket: RequestBucket, { period, used, unused }: LeaseReport): RequestBucket {
  const age = leasePeriodOf(bucket.at_ms) - period;
  if (age !== 0 && age !== 1) return bucket;
  const part = age === 0 ? "leased" : "leased_before";
  const settled = Math.min(bucket[part], used + unused);
  const left_milli = bucket.left_milli + Math.min(unused, settled) * MILLI;
  return { ...bucket, left_milli, [part]: bucket[part] - settled };
}
