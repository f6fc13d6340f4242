import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import type { World } from "./session.ts";

/** A client program of PostgreSQL that runs. */
export interface StartedProgram extends Pick<
  ChildProcessWithoutNullStreams,
  "stdin" | "stdout" | "kill" | "pid"
> {
  /** Why it ended otherwise than it should; null where it did as it was told. */
  readonly ended: Promise<{ readonly problem: string | null }>;
}

/**
 * Starts a client program of PostgreSQL.
 * @throws Error where it is not there, with what to do
 */
export async function startProgram(
  command: string,
  options: readonly string[],
  env: World["environment"],
): Promise<StartedProgram> {
  const child = spawn(command, options, { env, stdio: "pipe" });
  const said = text(child.stderr);
  const closed = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  // A program that is not there closes with an error, which is met below.
  closed.catch(() => undefined);
  try {
    await once(child, "spawn");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new Error(
      `PostgreSQL needs ${command} for this, which is not on the PATH. Install PostgreSQL's client programs, of the ` +
        "server's version or a later one.",
      { cause: error },
    );
  }
  const ended = closed.then(async ([code, signal]) => {
    if (code === 0) return { problem: null };
    const reason = (await said).trim();
    return { problem: `${command} failed: ${reason === "" ? (signal ?? `it ended with ${code}.`) : reason}` };
  });
  return Object.assign(child, { ended });
}

/**
 * Runs a client program of PostgreSQL to its end.
 * @returns what it wrote
 * @throws Error where it is not there, or with what it says
 */
export async function runProgram(
  command: string,
  options: readonly string[],
  env: World["environment"],
): Promise<string> {
  const program = await startProgram(command, options, env);
  program.stdin.end();
  const written = await text(program.stdout);
  const { problem } = await program.ended;
  if (problem !== null) throw new Error(problem);
  return written;
}
