import { readFileSync } from "node:fs";

/**
 * Stops a process and its children in their tracks, as a paused machine does: their connections stay open, and nobody
 * answers. The process first, so that it makes no more children.
 */
export function freeze(pid: number): void {
  process.kill(pid, "SIGSTOP");
  for (const child of childrenOf(pid)) process.kill(child, "SIGSTOP");
}

/** Lets them go on where they were. */
export function resume(pid: number): void {
  for (const child of childrenOf(pid)) process.kill(child, "SIGCONT");
  process.kill(pid, "SIGCONT");
}

const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
