import { BudgetClient } from "@budget/client-js";
import type { Command } from "commander";
import { readLocalKey } from "./local-key.ts";

/** A terminal that somebody sits at. */
export interface Terminal {
  readonly columns: number;
  /** Asks a question, and answers the line that was typed. */
  readonly ask: (question: string) => Promise<string>;
}

/** The world of one run of the command line. */
export interface World {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a file; `-` is standard input. */
  readonly readFile: (path: string) => Promise<string>;
  /** Null where nobody sits there, as in a script. */
  readonly terminal: Terminal | null;
  /** Ends with another exit code than 0, although nothing was thrown. */
  readonly setExitCode: (code: number) => void;
}

export const DEFAULT_URL = "http://localhost:8013";

interface GlobalOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** What a command works with: a client of the server that was named, and a way to show what it found. */
export interface Session {
  readonly client: BudgetClient;
  readonly world: World;
  /** Prints the server's own JSON where that was asked for, else the text. */
  readonly show: (value: unknown, text: string) => void;
}

export const urlOf = (command: Command, environment: World["environment"]): string =>
  command.optsWithGlobals<GlobalOptions>().url ?? environment.BUDGET_URL ?? DEFAULT_URL;

/** Prints a value where JSON was asked for, else the text. */
export const printer =
  (world: World) =>
  (command: Command, value: unknown, text: string): void => {
    const { json = false } = command.optsWithGlobals<GlobalOptions>();
    world.stdout(`${json ? JSON.stringify(value, null, 2) : text}\n`);
  };

const THIS_MACHINE = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(\/|$)/i;

/** The key to ask with. One that was found on this machine is shown to a server of this machine only. */
async function keyFor(url: string, world: World): Promise<string | undefined> {
  const given = world.environment.BUDGET_API_KEY;
  if (given !== undefined && given !== "") return given;
  return THIS_MACHINE.test(url) ? readLocalKey(world) : undefined;
}

export async function openSession(command: Command, world: World): Promise<Session> {
  const base_url = urlOf(command, world.environment);
  const api_key = await keyFor(base_url, world);
  const print = printer(world);
  return {
    client: new BudgetClient({
      base_url,
      ...(api_key === undefined ? {} : { api_key }),
    }),
    world,
    show: (value, text) => print(command, value, text),
  };
}

/** Leaves out what was not given. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
