import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger, PriceRun } from "@budget/domain";
import type { PerformRun } from "@budget/services";
import type { PriceSettings } from "./price-settings.ts";

/** What a process is started for; its first message. */
export interface PriceTask {
  readonly database_url: string;
  readonly settings: PriceSettings;
  readonly run: PriceRun;
  readonly source_names: readonly string[];
}

/** What a process answers: lines for the log, and in the end the run that it did, or why it could not. */
export type PriceProcessMessage =
  | { readonly kind: "log"; readonly level: keyof Logger; readonly line: Parameters<Logger["info"]> }
  | { readonly kind: "done"; readonly run: PriceRun }
  | { readonly kind: "failed"; readonly message: string; readonly code?: string };

const MAIN = fileURLToPath(import.meta.resolve("@budget/server/price-process-main"));

/**
 * Linux leaves the processor to such a process only while nobody else wants it. By a low priority alone it would still
 * keep it for some milliseconds whenever a request comes.
 */
const WHEN_IDLE = ["chrt", "--idle", "0"];

/**
 * Performs each run in a process of its own, with its own connection to the database: megabytes are parsed, and thousands
 * of prices are voted on, without that a request waits for it.
 */
export class PriceProcesses {
  readonly #database_url: string;
  readonly #settings: PriceSettings;
  readonly #logger: Logger;
  readonly #running = new Set<ChildProcess>();

  constructor(database_url: string, settings: PriceSettings, logger: Logger) {
    this.#database_url = database_url;
    this.#settings = settings;
    this.#logger = logger;
  }

  readonly perform: PerformRun = async (run, source_names) => {
    const child = await start();
    this.#running.add(child);
    const task: PriceTask = {
      database_url: this.#database_url,
      settings: this.#settings,
      run,
      source_names,
    };
    try {
      return await runOf(child, task, this.#logger);
    } finally {
      this.#running.delete(child);
    }
  };

  /** Breaks off what goes on: what a run has written so far stays, and the next one does the rest. */
  stop(): void {
    for (const child of this.#running) child.kill();
  }
}

/** Starts a process that waits for its task; with the priority that everybody may have where there is no other. */
async function start(): Promise<ChildProcess> {
  const command = [process.execPath, ...process.execArgv, MAIN];
  const idle = process.platform === "linux" ? await started([...WHEN_IDLE, ...command]) : undefined;
  const child = idle ?? (await started(command));
  if (child === undefined) throw new Error("No process could be started for a run over the prices.");
  return child;
}

/** Undefined where there is no such command. */
function started([command = "", ...args]: readonly string[]): Promise<ChildProcess | undefined> {
  const child = spawn(command, args, {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // Amounts are bigints.
    serialization: "advanced",
    // Whoever presses Ctrl-C ends the server, which ends its processes.
    detached: true,
  });
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(child));
    child.once("error", () => resolve(undefined));
  });
}

/** Gives a process its task, and waits until it has ended. */
function runOf(child: ChildProcess, task: PriceTask, logger: Logger): Promise<PriceRun> {
  return new Promise((resolve, reject) => {
    let failure = new Error("The process of a run over the prices was ended.");
    let done: PriceRun | undefined;
    child.on("message", (message: PriceProcessMessage) => {
      if (message.kind === "log") logger[message.level](...message.line);
      else if (message.kind === "done") done = message.run;
      else failure = Object.assign(new Error(message.message), message.code && { code: message.code });
    });
    child.on("error", reject);
    child.on("exit", () => {
      if (done === undefined) reject(failure);
      else resolve(done);
    });
    child.send(task);
  });
}
