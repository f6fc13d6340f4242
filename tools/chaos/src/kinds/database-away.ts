import { setTimeout as pause } from "node:timers/promises";
import type { PostgresServer } from "@budget/repositories/testing";
import { USUAL_CREW, type Kind } from "../kind.ts";
import { newPostgres } from "../postgres.ts";
import { forksOf, freezeTree, resumeTree, signal, waitForEnd } from "../processes.ts";
import { openStation } from "../station.ts";

/** How long PostgreSQL may take to end when it is asked to end at once but in order. */
const STOP_PATIENCE_MS = 20_000;
/** How long probes of orchestrators may take meanwhile. */
const PROBE_TIMEOUT_MS = 10_000;

/** PostgreSQL is not there for a while: ended in order, or standing still with its connections open. */
export const databaseAway: Kind = {
  name: "database-away",
  variants: ["postgres"],
  default_lanes: 10,
  crew: () => USUAL_CREW,
  rounds_per_station: 100,
  // More than the server takes to give up, so that a request which times out was really left without an answer.
  request_timeout_ms: 20_000,
  async open(variant, cleanup, { away_ms }) {
    const { server: database, stop } = await newPostgres(cleanup);
    return openStation(cleanup, {
      variant,
      database_url: database.url,
      faultOf: (server) => async (random) => {
        const manner = random.pick(["ended", "frozen"] as const);
        const comeBack = await (manner === "ended" ? end(database) : freeze(database));
        try {
          const [broken] = await Promise.all([probe(server.url, away_ms), pause(away_ms)]);
          return { what: `PostgreSQL ${manner} for ${away_ms} ms`, broken };
        } finally {
          await comeBack();
        }
      },
      close: stop,
    });
  },
};

/** SIGINT is a fast shutdown: transactions are broken off, and what is committed is written. */
async function end(database: PostgresServer): Promise<() => Promise<void>> {
  const { pid } = database;
  const pids = [pid, ...forksOf(pid)];
  signal(pid, "SIGINT");
  await waitForEnd(pids, STOP_PATIENCE_MS);
  return () => database.restart();
}

async function freeze(database: PostgresServer): Promise<() => Promise<void>> {
  freezeTree(database.pid);
  return async () => resumeTree(database.pid);
}

/** Half-way, the server must say that it lives, and that it cannot serve. */
async function probe(url: string, away_ms: number): Promise<readonly string[]> {
  await pause(away_ms / 2);
  const [health, ready] = await Promise.all([statusOf(`${url}/health`), statusOf(`${url}/ready`)]);
  return [
    ...(health === "200" ? [] : [`/health answered ${health} while the database was away`]),
    ...(ready === "503" ? [] : [`/ready answered ${ready} while the database was away`]),
  ];
}

async function statusOf(url: string): Promise<string> {
  try {
    return String((await fetch(url, { signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) })).status);
  } catch (error) {
    return String(error);
  }
}
