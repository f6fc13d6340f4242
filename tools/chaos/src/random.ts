/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** From 0 to below 1. */
  fraction(): number;
  /** A whole number from `least` to `most`, both included. */
  between(least: number, most: number): number;
  pick<T>(from: readonly T[]): T;
}

/**
 * The generator `mulberry32`, of 32 bits: enough to choose sizes and moments, and not for secrets. Each purpose has a
 * generator of its own, so that a round chooses the same whichever rounds ran before it and beside it.
 * @param purpose what the numbers are for, such as the seed, the kind and the round
 */
export function createRandom(...purpose: readonly (string | number)[]): Random {
  let state = hashOf(purpose.join("/"));
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number =>
    least + Math.floor(fraction() * (most - least + 1));
  return { fraction, between, pick: (from) => from[between(0, from.length - 1)]! };
}

/** FNV-1a, 32 bits. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
