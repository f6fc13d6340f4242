type Undo = () => Promise<void> | void;

/**
 * What is to be ended or removed, however the run ends. Each thing says how to undo it when it is made; what ends earlier
 * takes itself off.
 */
export class Cleanup {
  readonly #undos = new Set<Undo>();

  /** @returns undoes it now, once */
  add(undo: Undo): () => Promise<void> {
    this.#undos.add(undo);
    return async () => {
      if (this.#undos.delete(undo)) await undo();
    };
  }

  /** Undoes everything, the last first; a failure is told and keeps nothing else from being undone. */
  async run(): Promise<void> {
    const undos = [...this.#undos].reverse();
    this.#undos.clear();
    for (const undo of undos) {
      try {
        await undo();
      } catch (error) {
        console.error(`Cleaning up failed: ${String(error)}`);
      }
    }
  }
}
