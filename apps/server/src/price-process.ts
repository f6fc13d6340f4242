import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger, PriceRun } from "@budget/domain";
import type { PerformRun } from "@budget/services";
import type { PriceSettings } from "./price-settings.ts";

/** The database of the server. Its key goes to the process as a message, where other users cannot see it. */
export interface PriceDatabase {
  readonly database_url: string;
  readonly database_key: string;
}

/** What the process is asked to do. */
export interface PriceTask extends PriceDatabase {
  readonly settings: PriceSettings;
  readonly run: PriceRun;
  readonly source_names: readonly string[];
}

/** What the process answers: lines for the log, and in the end the run that it did, or why it could not. */
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
 * Performs runs in a process of their own, with its own connection to the database: megabytes are parsed, and thousands
 * of prices are voted on, without that a request waits for it. The process starts with the first run and stays for those
 * that follow, because to start one halts the server for longer than an allocation takes.
 */
export class PriceProcess {
  readonly #database: PriceDatabase;
  readonly #settings: PriceSettings;
  readonly #logger: Logger;
  #child: ChildProcess | undefined;

  constructor(database: PriceDatabase, settings: PriceSettings, logger: Logger) {
    this.#database = database;
    this.#settings = settings;
    this.#logger = logger;
  }

  /** One at a time, as the monitor begins them. */
  readonly perform: PerformRun = async (run, source_names) => {
    const child = this.#child ?? (await this.#start());
    const task: PriceTask = {
      ...this.#database,
      settings: this.#settings,
      run,
      source_names,
    };
    return runOf(child, task, this.#logger);
  };

  /** Breaks off what goes on: what a run has written so far stays, and the next one does the rest. */
  stop(): void {
    this.#child?.kill();
  }

  async #start(): Promise<ChildProcess> {
    const child = await start();
    child.once("exit", () => (this.#child = undefined));
    this.#child = child;
    return child;
  }
}

/** Starts a process that waits for tasks; with the priority that everybody may have where there is no other. */
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
  });
  return new Promise((resolve) => {
    child.once("spawn", () => resolve(child));
    child.once("error", () => resolve(undefined));
  });
}

/** Gives the process a task, and waits until it is done. */
function runOf(child: ChildProcess, task: PriceTask, logger: Logger): Promise<PriceRun> {
  return new Promise((resolve, reject) => {
    const answer = (message: PriceProcessMessage): void => {
      if (message.kind === "log") {
        logger[message.level](...message.line);
        return;
      }
      child.off("message", answer);
      child.off("exit", end);
      if (message.kind === "done") resolve(message.run);
      else reject(Object.assign(new Error(message.message), message.code && { code: message.code }));
    };
    const end = (): void => reject(new Error("The process of a run over the prices was ended."));
    child.on("message", answer);
    child.once("exit", end);
    // Whether it could be sent or not, a process that is gone says so by its exit.
    child.send(task, () => undefined);
  });
}
