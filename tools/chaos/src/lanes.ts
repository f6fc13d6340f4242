import type { Cleanup } from "./cleanup.ts";
import type { Kind, KindOptions } from "./kind.ts";
import { NOTHING_DONE, runRound, type RoundOptions, type RoundResult } from "./round.ts";
import type { Station } from "./station.ts";
import { violationsOf } from "./tally.ts";

export interface LanesOptions extends KindOptions {
  readonly seed: number;
  /** Number of the first round. */
  readonly from: number;
  readonly rounds: number;
  readonly lanes: number;
}

export type OnResult = (round: number, variant: string, result: RoundResult) => void;

/**
 * Runs the rounds of one kind: those of one lane one after the other, the lanes beside each other.
 * @throws Error where a setup cannot be made; the other lanes end their rounds first
 */
export async function runLanes(
  kind: Kind,
  options: LanesOptions,
  cleanup: Cleanup,
  onResult: OnResult,
): Promise<void> {
  const failures: Error[] = [];
  const runLane = async (index: number): Promise<void> => {
    const lane = new Lane(kind, options, cleanup);
    try {
      for (let round = options.from; round < options.from + options.rounds; round += 1) {
        if (Math.floor(round / kind.variants.length) % options.lanes !== index) continue;
        if (failures.length > 0) return;
        const variant = kind.variants[round % kind.variants.length]!;
        onResult(round, variant, await lane.run(round, variant));
      }
    } catch (error) {
      failures.push(error instanceof Error ? error : new Error(String(error)));
    } finally {
      await lane.close();
    }
  };
  await Promise.all(Array.from({ length: options.lanes }, (_, index) => runLane(index)));
  const [failure] = failures;
  if (failure !== undefined) throw failure;
}

interface Running {
  readonly station: Station;
  rounds_left: number;
  rows: { readonly allocations: number; readonly usage_records: number };
}

/** A station of each variant, made when it is first needed and renewed from time to time. */
class Lane {
  readonly #kind: Kind;
  readonly #options: LanesOptions;
  readonly #cleanup: Cleanup;
  readonly #running = new Map<string, Running>();

  constructor(kind: Kind, options: LanesOptions, cleanup: Cleanup) {
    this.#kind = kind;
    this.#options = options;
    this.#cleanup = cleanup;
  }

  async run(round: number, variant: string): Promise<RoundResult> {
    const { name, request_timeout_ms } = this.#kind;
    const running = this.#running.get(variant) ?? (await this.#open(variant));
    const { station, rows } = running;
    const result = await runGuarded({
      seed: this.#options.seed,
      kind: name,
      round,
      crew: this.#kind.crew(variant),
      request_timeout_ms,
      station,
      before: rows,
    });
    running.rows = result.rows;
    running.rounds_left -= 1;
    // What one round broke must not be found again by the next.
    if (running.rounds_left === 0 || violationsOf(result).length > 0) {
      this.#running.delete(variant);
      await closeAnyhow(station);
    }
    return result;
  }

  async #open(variant: string): Promise<Running> {
    const running = {
      station: await this.#kind.open(variant, this.#cleanup, this.#options),
      rounds_left: this.#kind.rounds_per_station,
      rows: { allocations: 0, usage_records: 0 },
    };
    this.#running.set(variant, running);
    return running;
  }

  async close(): Promise<void> {
    for (const { station } of this.#running.values()) await closeAnyhow(station);
    this.#running.clear();
  }
}

/** A round that cannot be played to its end, because a server does not start again, is a violation like any other. */
async function runGuarded(options: RoundOptions): Promise<RoundResult> {
  try {
    return await runRound(options);
  } catch (error) {
    const broken = [
      `the round broke off: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    ];
    return { ...NOTHING_DONE, rows: options.before, broken };
  }
}

/** What does not end here is ended when everything is cleaned up. */
async function closeAnyhow(station: Station): Promise<void> {
  try {
    await station.close();
  } catch (error) {
    console.error(`A station did not close: ${String(error)}`);
  }
}
