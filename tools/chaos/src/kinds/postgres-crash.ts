import { setTimeout as pause } from "node:timers/promises";
import type { PostgresServer } from "@budget/repositories/testing";
import { USUAL_CREW, type Kind } from "../kind.ts";
import { newPostgres, waitUntilItAnswers } from "../postgres.ts";
import { forksOf, commandOf, signal, waitForEnd } from "../processes.ts";
import type { Random } from "../random.ts";
import { openStation, type Struck } from "../station.ts";

/** PostgreSQL ends without being asked to finish, and recovers; the server lives on. */
export const postgresCrash: Kind = {
  name: "postgres-crash",
  variants: ["postgres"],
  default_lanes: 2,
  rounds_per_station: 100,
  crew: () => USUAL_CREW,
  request_timeout_ms: 10_000,
  async open(variant, cleanup) {
    const { server: database, stop } = await newPostgres(cleanup);
    return openStation(cleanup, {
      variant,
      database_url: database.url,
      faultOf: () => (random) => random.pick([shutDown, killPostmaster, killBackend])(database, random),
      close: stop,
    });
  },
};

/** How long the children of a postmaster may take to find out that it is gone. */
const ORPHANS_PATIENCE_MS = 5000;

const shutDown = (database: PostgresServer, random: Random): Promise<Struck> =>
  crash(database, "SIGQUIT", random);
const killPostmaster = (database: PostgresServer, random: Random): Promise<Struck> =>
  crash(database, "SIGKILL", random);

/** Ends the whole server, and starts it again after a while. SIGQUIT is its immediate shutdown. */
async function crash(database: PostgresServer, name: "SIGQUIT" | "SIGKILL", random: Random): Promise<Struck> {
  const { pid } = database;
  const pids = [pid, ...forksOf(pid)];
  signal(pid, name);
  // A new postmaster refuses to start beside what the old one has left running.
  await waitForEnd(pids, ORPHANS_PATIENCE_MS);
  const down_ms = random.between(0, 300);
  await pause(down_ms);
  await database.restart();
  return { what: `${name} of the postmaster, ${down_ms} ms down` };
}

/** Kills one connection's process: the postmaster then ends all others, and recovers by itself. */
async function killBackend(database: PostgresServer, random: Random): Promise<Struck> {
  const backends = forksOf(database.pid).filter((pid) => commandOf(pid).includes("127.0.0.1("));
  const victim = backends.length === 0 ? null : random.pick(backends);
  if (victim !== null) {
    signal(victim, "SIGKILL");
    await waitForEnd(backends, ORPHANS_PATIENCE_MS);
  }
  await waitUntilItAnswers(database.url);
  return { what: victim === null ? "nothing, for there was no backend" : "SIGKILL of a backend" };
}
