import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, rmdirSync } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Cleanup } from "./cleanup.ts";

const CHUNKS_BYTES = [1024 * 1024, 4096];
const TOP_UP_PAUSE_MS = 10;

/** A file system of its own in memory, which can be filled to the last page. */
export class SmallDisk {
  readonly folder: string;
  readonly #ballast: string;
  readonly #unmount: () => Promise<void>;

  private constructor(folder: string, unmount: () => Promise<void>) {
    this.folder = folder;
    this.#ballast = join(folder, "ballast");
    this.#unmount = unmount;
  }

  /** @throws Error where this user may not mount */
  static mount(cleanup: Cleanup, size_mib: number): SmallDisk {
    const folder = mkdtempSync(join(tmpdir(), "budget-chaos-disk-"));
    const options = `size=${size_mib}m,mode=1777`;
    const { status, stderr } = spawnSync("mount", ["-t", "tmpfs", "-o", options, "budget-chaos", folder], {
      encoding: "utf8",
    });
    if (status !== 0) {
      rmdirSync(folder);
      throw new Error(`A full disk needs a tmpfs, and this user may not mount one: ${stderr.trim()}`);
    }
    const unmount = cleanup.add(() => {
      // Where something still runs on it, it goes when that ends.
      if (spawnSync("umount", [folder]).status !== 0) spawnSync("umount", ["--lazy", folder]);
      rmSync(folder, { recursive: true, force: true });
    });
    return new SmallDisk(folder, unmount);
  }

  /** Fills it, and keeps it full of what others free, until `isEnough` says so; then it gives the space back. */
  async fillUntil(isEnough: () => boolean): Promise<void> {
    const ballast = await open(this.#ballast, "a");
    try {
      do {
        for (const size_bytes of CHUNKS_BYTES) await writeUntilFull(ballast, Buffer.alloc(size_bytes, 1));
        await pause(TOP_UP_PAUSE_MS);
      } while (!isEnough());
    } finally {
      await ballast.close();
      await rm(this.#ballast);
    }
  }

  async unmount(): Promise<void> {
    await this.#unmount();
  }
}

async function writeUntilFull(file: FileHandle, chunk: Buffer): Promise<void> {
  for (;;) {
    try {
      // The last chunk that finds place may find it for a part of itself only.
      const { bytesWritten } = await file.write(chunk);
      if (bytesWritten < chunk.length) return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return;
      throw error;
    }
  }
}
