import { hash } from "node:crypto";

const FIRST_CAPACITY = 1 << 14;
/** Above it a search takes long. */
const FULLEST = 0.75;

/**
 * A set of millions of ids in a few megabytes: 64 bits of each one's hash are kept. That two of ten million are taken for
 * one happens in three of a million such sets.
 */
export class SeenIds {
  /** Pairs of 32 bits; two zeros are an empty place. */
  #places = new Uint32Array(2 * FIRST_CAPACITY);
  #count = 0;

  /** @returns whether it was not in the set before */
  add(id: string): boolean {
    const digest = hash("sha256", id, "buffer");
    // A place is never two zeros.
    const isNew = this.#put(digest.readUInt32LE(0), digest.readUInt32LE(4) | 1);
    if (isNew && ++this.#count > (FULLEST * this.#places.length) / 2) this.#grow();
    return isNew;
  }

  #put(low: number, signed: number): boolean {
    const high = signed >>> 0;
    const places = this.#places;
    const last = places.length / 2 - 1;
    for (let at = low & last; ; at = (at + 1) & last) {
      const found = places[2 * at + 1];
      if (found === high && places[2 * at] === low) return false;
      if (found === 0) {
        places[2 * at] = low;
        places[2 * at + 1] = high;
        return true;
      }
    }
  }

  #grow(): void {
    const before = this.#places;
    this.#places = new Uint32Array(2 * before.length);
    for (let at = 0; at < before.length; at += 2) {
      const high = before[at + 1] ?? 0;
      if (high !== 0) this.#put(before[at] ?? 0, high);
    }
  }
}
