import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const POLL_MS = 5;

interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly isZombie: boolean;
}

/** Every process of this machine, as `/proc` tells them. */
function processes(): readonly Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const found = processOf(Number(name));
    return found === null ? [] : [found];
  });
}

function processOf(pid: number): Process | null {
  try {
    // The name of a process may hold blanks and brackets, but ends with the last bracket.
    const [state, parent] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    return { pid, parent: Number(parent), isZombie: state === "Z" };
  } catch {
    return null;
  }
}

/** The processes that a server has made of itself: not those of another program, such as the one that guards its folder. */
export function forksOf(pid: number): readonly number[] {
  const program = programOf(pid);
  return processes().flatMap((one) =>
    one.parent === pid && !one.isZombie && programOf(one.pid) === program ? [one.pid] : [],
  );
}

function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

/** How a process names itself, with its arguments; empty where it is gone. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
  } catch {
    return "";
  }
}

/** Sends a signal to a process that may be gone. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

export const isAlive = (pid: number): boolean => processOf(pid)?.isZombie === false;

/** Waits until all of them are gone; what is still there after `patience_ms` is killed. */
export async function waitForEnd(pids: readonly number[], patience_ms: number): Promise<void> {
  const deadline_ms = performance.now() + patience_ms;
  let left = pids;
  while (left.length > 0) {
    if (performance.now() > deadline_ms) for (const pid of left) signal(pid, "SIGKILL");
    await pause(POLL_MS);
    left = left.filter(isAlive);
  }
}

/** Stops a process and its children in their tracks; the process first, so that it makes no more of them. */
export function freezeTree(pid: number): void {
  signal(pid, "SIGSTOP");
  for (const child of forksOf(pid)) signal(child, "SIGSTOP");
}

export function resumeTree(pid: number): void {
  for (const child of forksOf(pid)) signal(child, "SIGCONT");
  signal(pid, "SIGCONT");
}
