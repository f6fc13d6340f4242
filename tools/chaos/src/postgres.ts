import { setTimeout as pause } from "node:timers/promises";
import { startPostgres, type PostgresServer, type PostgresServerOptions } from "@budget/repositories/testing";
import pg from "pg";
import type { Cleanup } from "./cleanup.ts";
import { resumeTree } from "./processes.ts";

/** A PostgreSQL server of one station's own; its commits wait for the disk, as in production. */
export interface Postgres {
  readonly server: PostgresServer;
  readonly stop: () => Promise<void>;
}

export async function newPostgres(
  cleanup: Cleanup,
  options: Omit<PostgresServerOptions, "durable"> = {},
): Promise<Postgres> {
  const server = await startPostgres({ durable: true, ...options });
  return {
    server,
    stop: cleanup.add(async () => {
      // What is frozen cannot end.
      resumeTree(server.pid);
      await server.stop();
    }),
  };
}

const ANSWER_POLL_MS = 20;
const ANSWER_TIMEOUT_MS = 60_000;

/**
 * Waits until the server takes connections, as after a recovery.
 * @param mayComeBack whether there is any hope
 * @returns whether it does
 * @throws the last error where it takes too long
 */
export async function waitUntilItAnswers(
  url: string,
  mayComeBack: () => boolean = () => true,
): Promise<boolean> {
  const deadline_ms = performance.now() + ANSWER_TIMEOUT_MS;
  for (;;) {
    const client = new pg.Client({ connectionString: url });
    // A connection that breaks while it is idle says so here, and only here.
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("SELECT 1");
      return true;
    } catch (error) {
      if (!mayComeBack()) return false;
      if (performance.now() > deadline_ms) throw error;
      await pause(ANSWER_POLL_MS);
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
