import type { Clock } from "@budget/domain";
import {
  OutputSketchRepository,
  type Database,
  type OutputSketchKey,
  type StoredOutputSketch,
} from "@budget/repositories";
import { OutputSketch } from "./output-sketch.ts";

/** A quantile of fewer samples than this says too little to hold by. */
export const MIN_SAMPLES = 30;
/** As many kinds of calls are kept in memory. */
export const MAX_KEYS = 10_000;
const DAY_MS = 24 * 3_600_000;
/** What has learned nothing for so long is forgotten. */
const FORGOTTEN_AFTER_MS = 90 * DAY_MS;

export interface OutputEstimatesOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
}

/** What calls of one kind were seen to make. */
export interface OutputEstimate {
  readonly output_tokens: number;
  /** How many calls it was learned from. */
  readonly samples: number;
}

interface Entry {
  readonly key: OutputSketchKey;
  /** What is answered from: what was stored when it was last read, and what this server has learned since. */
  sketch: OutputSketch;
  /** What this server has learned and not stored yet. */
  learned: OutputSketch | null;
  /** Whether anybody has asked for it or added to it since the last flush. */
  used: boolean;
}

/**
 * How many output tokens the calls of each provider, model, component and task type make, learned from the calls that
 * were booked. Learning and asking happen in memory; `flush` shares what was learned with the other servers of the
 * database, and brings what they have learned. What a server has learned since its last flush is lost when it is
 * killed: an estimate is no promise, and a little less of it does no harm.
 *
 * At most {@link MAX_KEYS} kinds are kept, the longest unused one giving way to a new one; a kind takes about 8 KB where
 * its outputs are spread widely, so all of them 80 MB.
 */
export class OutputEstimates {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #repository: OutputSketchRepository;
  /** The longest unused first. */
  readonly #entries = new Map<string, Entry>();
  #lastFlush: Promise<void> = Promise.resolve();
  #forgot_at_ms = Number.NEGATIVE_INFINITY;

  constructor({ database, clock }: OutputEstimatesOptions) {
    this.#database = database;
    this.#clock = clock;
    this.#repository = new OutputSketchRepository(database);
  }

  /**
   * Learns from one call that is over.
   * @param output_tokens all that the call has made, a whole number from 0
   */
  observe(key: OutputSketchKey, output_tokens: number): void {
    const entry = this.#use(key);
    entry.learned ??= new OutputSketch();
    entry.learned.add(output_tokens);
    entry.sketch.add(output_tokens);
  }

  /**
   * The output tokens that this share of the latest calls stayed within: at most 2.1 % above the exact number, rounded
   * up, and never more than the most that one of these calls made.
   * @param share above 0, up to 1
   * @returns null where fewer than {@link MIN_SAMPLES} calls are known; what other servers know of a kind that this one
   *   has not met is there after the next flush
   */
  quantile(key: OutputSketchKey, share: number): OutputEstimate | null {
    const { sketch } = this.#use(key);
    const { samples } = sketch;
    return samples < MIN_SAMPLES ? null : { output_tokens: sketch.quantile(share), samples };
  }

  /** Reads what was stored, the kinds that learned last; called once, when the server starts. */
  async load(): Promise<void> {
    const stored = await this.#repository.getLatest(MAX_KEYS);
    for (const one of stored.toReversed()) refresh(this.#entry(keyOf(one)), OutputSketch.decode(one));
  }

  /**
   * Stores what this server has learned, added to what others have stored, and reads again what was used since the last
   * flush. Where it fails nothing is lost, and the next one stores it.
   */
  flush(): Promise<void> {
    // One after the other: a flush must not read what the one before it is about to write.
    this.#lastFlush = this.#lastFlush.catch(() => undefined).then(() => this.#flushUsed());
    return this.#lastFlush;
  }

  async #flushUsed(): Promise<void> {
    const used = [...this.#entries.values()].filter((entry) => entry.used).sort(byKey);
    for (const entry of used) entry.used = false;
    try {
      await this.#store(used.filter(({ learned }) => learned !== null));
      await this.#readAgain(used.filter(({ learned }) => learned === null));
    } catch (error) {
      for (const entry of used) entry.used = true;
      throw error;
    }
    await this.#forget();
  }

  async #store(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const now_ms = this.#clock.now();
    // From here on calls add to a new sketch, so that each sample is stored once.
    const storing = new Map<string, OutputSketch>();
    for (const entry of entries) {
      if (entry.learned !== null) storing.set(nameOf(entry.key), entry.learned);
      entry.learned = null;
    }
    try {
      const keys = entries.map(({ key }) => key);
      const merged = await this.#database.transaction(tenantsOf(keys), async (transaction) => {
        const sums = new Map<string, OutputSketch>();
        const stored: StoredOutputSketch[] = [];
        for (const row of await this.#repository.lockMany(transaction, keys, now_ms)) {
          const sum = OutputSketch.decode(row);
          const learned = storing.get(nameOf(row));
          if (learned !== undefined) sum.absorb(learned);
          sums.set(nameOf(row), sum);
          stored.push({ ...keyOf(row), ...sum.encode(), updated_at_ms: now_ms });
        }
        await this.#repository.updateMany(transaction, stored);
        return sums;
      });
      for (const entry of entries) refresh(entry, merged.get(nameOf(entry.key)));
    } catch (error) {
      for (const entry of entries) {
        const learned = storing.get(nameOf(entry.key));
        if (learned !== undefined && entry.learned !== null) learned.absorb(entry.learned);
        entry.learned = learned ?? entry.learned;
      }
      throw error;
    }
  }

  async #readAgain(entries: readonly Entry[]): Promise<void> {
    if (entries.length === 0) return;
    const keys = entries.map(({ key }) => key);
    const rows = await this.#database.snapshot(tenantsOf(keys), (transaction) =>
      this.#repository.findMany(transaction, keys),
    );
    const found = new Map(rows.map((row) => [nameOf(row), row]));
    for (const entry of entries) {
      const row = found.get(nameOf(entry.key));
      refresh(entry, row === undefined ? undefined : OutputSketch.decode(row));
    }
  }

  /** Deletes what nobody has used for long, once a day. */
  async #forget(): Promise<void> {
    const now_ms = this.#clock.now();
    if (now_ms - this.#forgot_at_ms < DAY_MS) return;
    await this.#repository.deleteUnusedSince(now_ms - FORGOTTEN_AFTER_MS);
    this.#forgot_at_ms = now_ms;
  }

  #use(key: OutputSketchKey): Entry {
    const entry = this.#entry(key);
    entry.used = true;
    return entry;
  }

  /** The entry of a key, as the one used last. */
  #entry(key: OutputSketchKey): Entry {
    const name = nameOf(key);
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { key: keyOf(key), sketch: new OutputSketch(), learned: null, used: false };
      this.#dropBeyond(MAX_KEYS - 1);
    } else {
      this.#entries.delete(name);
    }
    this.#entries.set(name, entry);
    return entry;
  }

  #dropBeyond(count: number): void {
    for (const name of this.#entries.keys()) {
      if (this.#entries.size <= count) return;
      this.#entries.delete(name);
    }
  }
}

/** Answers from now on from what is stored, and what this server has learned beyond that. */
function refresh(entry: Entry, stored: OutputSketch = new OutputSketch()): void {
  if (entry.learned !== null) stored.absorb(entry.learned);
  entry.sketch = stored;
}

const keyOf = ({ tenant_id, provider, model, component, task_type }: OutputSketchKey): OutputSketchKey => ({
  tenant_id,
  provider,
  model,
  component,
  task_type,
});

const tenantsOf = (keys: readonly OutputSketchKey[]): readonly string[] => [
  ...new Set(keys.map(({ tenant_id }) => tenant_id)),
];

const nameOf = ({ tenant_id, provider, model, component, task_type }: OutputSketchKey): string =>
  JSON.stringify([tenant_id, provider, model, component, task_type]);

/** By code units, which every server orders alike, whatever its language and its database's. */
const byKey = (left: Entry, right: Entry): number => (nameOf(left.key) < nameOf(right.key) ? -1 : 1);
