import { setTimeout as pause } from "node:timers/promises";

/** What a run of one scenario gave. */
export interface Measurement {
  readonly per_second: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

/** With how long each answer took that was counted, in rising order. */
export interface DetailedMeasurement extends Measurement {
  readonly latencies_ms: readonly number[];
}

/** The value that a share of the sorted ones are not above. */
export const quantileOf = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN;

const WARM_UP_SHARE = 0.2;

/**
 * Runs `work` from so many callers at once, for about `duration_ms`; the first fifth of the time warms up and is not
 * counted.
 * @param pause_ms how long a caller waits after an answer before it starts anew
 */
export async function measure(
  callers: number,
  duration_ms: number,
  work: () => Promise<void>,
  pause_ms = 0,
): Promise<DetailedMeasurement> {
  const start_ms = performance.now();
  const counted_from_ms = start_ms + duration_ms * WARM_UP_SHARE;
  const end_ms = start_ms + duration_ms;
  const latencies_ms: number[] = [];
  const call = async (): Promise<void> => {
    for (;;) {
      const before_ms = performance.now();
      if (before_ms >= end_ms) return;
      await work();
      const after_ms = performance.now();
      if (before_ms >= counted_from_ms) latencies_ms.push(after_ms - before_ms);
      if (pause_ms > 0) await pause(pause_ms);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
  const elapsed_s = (performance.now() - counted_from_ms) / 1000;
  latencies_ms.sort((left, right) => left - right);
  return {
    per_second: latencies_ms.length / elapsed_s,
    p50_ms: quantileOf(latencies_ms, 0.5),
    p99_ms: quantileOf(latencies_ms, 0.99),
    latencies_ms,
  };
}

/** The middle of several runs by their rate: one run of a noisy machine says little. */
export async function medianOf(runs: number, run: () => Promise<Measurement>): Promise<Measurement> {
  const measurements: Measurement[] = [];
  for (let index = 0; index < runs; index += 1) measurements.push(await run());
  measurements.sort((left, right) => left.per_second - right.per_second);
  return measurements[Math.floor(measurements.length / 2)]!;
}
