import { DDSketch } from "@datadog/sketches-js";

/** Half the width of a range of values that a sketch does not tell apart, as a share of its middle. */
const HALF_RANGE = 0.01;
/** How far above the exact one a quantile may be, as a share of it. */
export const RELATIVE_ERROR = (2 * HALF_RANGE) / (1 - HALF_RANGE);
/** As many samples make a generation full. */
export const GENERATION_SAMPLES = 5000;

/** A sketch as it is stored: both generations in base64. */
export interface EncodedOutputSketch {
  readonly current: string;
  readonly previous: string | null;
  readonly samples: number;
}

/**
 * How many output tokens calls of one kind made. A generation learns until it is full, and then answers beside the next
 * one until that is full too: so quantiles rest on the latest 5,000 to 10,000 calls, and follow a change of behaviour,
 * without the jump of a sketch that starts anew.
 *
 * Sketches are DDSketches, which keep a count for each range of values that differ by no more than the relative error;
 * adding two up gives what one would be that had seen all values.
 * @see https://arxiv.org/abs/1908.10693
 */
export class OutputSketch {
  #current: DDSketch = newSketch();
  /** Full, and never changed any more. */
  #previous: DDSketch | null = null;

  /** How many calls it was learned from. */
  get samples(): number {
    return this.#current.count + (this.#previous?.count ?? 0);
  }

  /**
   * Learns one call.
   * @param output_tokens a whole number, 0 or more
   */
  add(output_tokens: number): void {
    this.#current.accept(output_tokens);
    this.#turnIfFull();
  }

  /** Learns what another one has learned, all of it later than what this one has. */
  absorb(later: OutputSketch): void {
    for (const generation of later.#generations()) {
      this.#current.merge(generation);
      this.#turnIfFull();
    }
  }

  /**
   * The tokens that this share of calls stayed within. The library answers the middle of the range that the exact
   * number is in; this is the upper end, so that the share did stay within it: at most 2.1 % above the exact number,
   * rounded up, and never more than the most that one of the calls made.
   * @param share above 0, up to 1
   * @returns 0 where there are no samples
   */
  quantile(share: number): number {
    const all = newSketch();
    for (const generation of this.#generations()) all.merge(generation);
    if (all.count === 0) return 0;
    // The library answers the sample of the rank below; the half keeps the rank whole through its own division.
    const rank = Math.min(Math.ceil(share * all.count) - 0.5, all.count - 1);
    const value = all.getValueAtQuantile(all.count === 1 ? 1 : rank / (all.count - 1));
    return Math.min(Math.ceil(value / (1 - HALF_RANGE)), all.max);
  }

  /**
   * What {@link OutputSketch.decode} reads back. A full generation of log-normal outputs with 1 in 50 at the maximum is
   * about 460 bytes of base64; the format of the library (protobuf) would be 4,100, lose the maximum, and need another
   * package.
   */
  encode(): EncodedOutputSketch {
    return {
      current: encodeSketch(this.#current),
      previous: this.#previous === null ? null : encodeSketch(this.#previous),
      samples: this.samples,
    };
  }

  /** @throws Error where another version of Budget has written it in a format of its own */
  static decode(encoded: Omit<EncodedOutputSketch, "samples">): OutputSketch {
    const sketch = new OutputSketch();
    sketch.#current = decodeSketch(encoded.current);
    sketch.#previous = encoded.previous === null ? null : decodeSketch(encoded.previous);
    return sketch;
  }

  #generations(): readonly DDSketch[] {
    return this.#previous === null ? [this.#current] : [this.#previous, this.#current];
  }

  #turnIfFull(): void {
    if (this.#current.count < GENERATION_SAMPLES) return;
    this.#previous = this.#current;
    this.#current = newSketch();
  }
}

const newSketch = (): DDSketch => new DDSketch({ relativeAccuracy: HALF_RANGE });

const FORMAT = 1;

/**
 * The format; then the largest value, the number of zeros, and the key of the first bin; then the count of each bin from
 * there on, where a 0 is followed by how many more empty ones come: each a number of 7 bits a byte, the lowest first.
 */
function encodeSketch({ count, max, zeroCount, store }: DDSketch): string {
  if (count === 0) return "";
  const numbers = [FORMAT, max, zeroCount];
  if (store.count > 0) {
    numbers.push(store.minKey);
    let empty = 0;
    for (let key = store.minKey; key <= store.maxKey; key += 1) {
      const samples = store.bins[key - store.offset] ?? 0;
      if (samples === 0) {
        empty += 1;
        continue;
      }
      if (empty > 0) numbers.push(0, empty - 1);
      empty = 0;
      numbers.push(samples);
    }
  }
  return Buffer.from(numbers.flatMap(toBytes)).toString("base64");
}

function decodeSketch(text: string): DDSketch {
  const sketch = newSketch();
  if (text === "") return sketch;
  const [format, max = 0, zeros = 0, first_key = 0, ...bins] = fromBytes(Buffer.from(text, "base64"));
  if (format !== FORMAT) throw new Error(`A sketch of outputs has the format ${format}, not ${FORMAT}.`);
  if (zeros > 0) sketch.accept(0, zeros);
  let key = first_key;
  for (let index = 0; index < bins.length; index += 1) {
    const samples = bins[index] ?? 0;
    if (samples === 0) {
      index += 1;
      key += bins[index] ?? 0;
    } else {
      sketch.accept(sketch.mapping.value(key), samples);
    }
    key += 1;
  }
  sketch.max = max;
  return sketch;
}

function toBytes(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return bytes;
}

function fromBytes(bytes: Uint8Array): number[] {
  const values: number[] = [];
  let value = 0;
  let factor = 1;
  for (const byte of bytes) {
    value += (byte % 128) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    values.push(value);
    value = 0;
    factor = 1;
  }
  return values;
}
