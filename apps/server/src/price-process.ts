import { AsyncResource } from "node:async_hooks";
import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Logger, PriceRun, SecretKey, Timers } from "@budget/domain";
import type { PerformRun } from "@budget/services";
import type { PriceSettings } from "./price-settings.ts";

/** The database of the server. Keys go to the process as a message, where other users cannot see them. */
export interface PriceDatabase {
  readonly database_url: string;
  readonly database_key: string;
  readonly secret_keys: readonly SecretKey[];
}

/** What the process is asked to do. */
export interface PriceTask extends PriceDatabase {
  readonly settings: PriceSettings;
  readonly run: PriceRun;
  readonly source_names: readonly string[];
}

/** What the process says: first that it is ready for tasks, and then what it answers to each. */
export type PriceProcessMessage = { readonly kind: "ready" } | TaskAnswer;

/** Lines for the log, and in the end the run that was done, or why it could not be. */
type TaskAnswer =
  | { readonly kind: "log"; readonly level: keyof Logger; readonly line: Parameters<Logger["info"]> }
  | { readonly kind: "done"; readonly run: PriceRun }
  | { readonly kind: "failed"; readonly message: string; readonly code?: string };

const MAIN = fileURLToPath(import.meta.resolve("@budget/server/price-process-main"));

/**
 * Linux leaves the processor to such a process only while nobody else wants it. By a low priority alone it would still
 * keep it for some milliseconds whenever a request comes.
 */
const WHEN_IDLE = ["chrt", "--idle", "0"];

const MINUTE_MS = 60_000;
export interface PriceProcessOptions {
  readonly database: PriceDatabase;
  readonly settings: PriceSettings;
  readonly logger: Logger;
  readonly timers: Timers;
  /** A run that takes longer hangs, and is ended with its process. */
  readonly longest_run_ms: number;
}

/**
 * Performs runs in a process of their own, with its own connection to the database: megabytes are parsed, and thousands
 * of prices are voted on, without that a request waits for it. The process starts with the first run and stays for those
 * that follow, because to start one halts the server for longer than an allocation takes.
 */
export class PriceProcess {
  readonly #options: PriceProcessOptions;
  /** Some containers have the command and refuse what it asks for. */
  #mayWaitForIdle = process.platform === "linux";
  #child: ChildProcess | undefined;
  #isStopped = false;

  constructor(options: PriceProcessOptions) {
    this.#options = options;
  }

  /** One at a time, as the monitor begins them. */
  readonly perform: PerformRun = async (run, source_names) => {
    // Whoever asked a moment too late would start a process that nobody ends.
    if (this.#isStopped) throw new Error(ENDED);
    const { database, settings, logger, timers, longest_run_ms } = this.#options;
    const watched = { isOverdue: false };
    const stopWatching = timers.every(longest_run_ms, () => {
      watched.isOverdue = true;
      // A process that hangs may not hear anything milder.
      this.#child?.kill("SIGKILL");
    });
    try {
      const child = this.#child ?? (await this.#start());
      return await runOf(child, { ...database, settings, run, source_names }, logger);
    } catch (error) {
      if (!watched.isOverdue) throw error;
      const minutes = longest_run_ms / MINUTE_MS;
      throw new Error(`The run over the prices was ended because it took longer than ${minutes} minutes.`, {
        cause: error,
      });
    } finally {
      stopWatching();
    }
  };

  /** Breaks off what goes on, for good: what a run has written so far stays, and the next one does the rest. */
  stop(): void {
    this.#isStopped = true;
    this.#child?.kill();
  }

  /** Starts a process that waits for tasks; with the priority that everybody may have where there is no other. */
  async #start(): Promise<ChildProcess> {
    const command = [process.execPath, ...process.execArgv, MAIN];
    const idle = this.#mayWaitForIdle ? await this.#started([...WHEN_IDLE, ...command]) : undefined;
    if (idle !== undefined) return idle;
    const child = await this.#started(command);
    if (child === undefined) throw new Error("No process could be started for a run over the prices.");
    this.#mayWaitForIdle = false;
    return child;
  }

  /** Undefined where there is no such command, or where it ends by itself before the process is ready. */
  #started([command = "", ...args]: readonly string[]): Promise<ChildProcess | undefined> {
    const child = spawn(command, args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      // Amounts are bigints.
      serialization: "advanced",
    });
    this.#child = child;
    return new Promise((resolve, reject) => {
      child.once("message", () => resolve(child));
      child.once("error", () => {
        this.#child = undefined;
        resolve(undefined);
      });
      child.once("exit", (_code, signal) => {
        this.#child = undefined;
        if (signal === null) resolve(undefined);
        else reject(new Error(ENDED));
      });
    });
  }
}

const ENDED = "The process of a run over the prices was ended.";

/** Gives the process a task, and waits until it is done. */
function runOf(child: ChildProcess, task: PriceTask, logger: Logger): Promise<PriceRun> {
  return new Promise((resolve, reject) => {
    // The process was started on behalf of an earlier request.
    const answer = AsyncResource.bind((message: TaskAnswer): void => {
      if (message.kind === "log") {
        logger[message.level](...message.line);
        return;
      }
      child.off("message", answer);
      child.off("exit", end);
      if (message.kind === "done") resolve(message.run);
      else reject(Object.assign(new Error(message.message), message.code && { code: message.code }));
    });
    const end = (): void => reject(new Error(ENDED));
    child.on("message", answer);
    child.once("exit", end);
    // Whether it could be sent or not, a process that is gone says so by its exit.
    child.send(task, () => undefined);
  });
}
