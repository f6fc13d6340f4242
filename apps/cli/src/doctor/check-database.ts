import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import type { ConfigurationReading } from "@budget/configuration";
import {
  DatabaseError,
  describeConnectionFailure,
  migrationState,
  openDatabase,
  readServerState,
  type Database,
  type ServerState,
} from "@budget/repositories";
import { ok, toDo, type Found } from "./finding.ts";

/** What is left of a database that answered. */
export interface Reached {
  readonly database: Database;
  readonly state: ServerState;
  /** How long it took to answer, and by how much its clock is ahead at least, both in milliseconds. */
  readonly answer_ms: number;
  readonly ahead_ms: number;
}

/** Opens the database that the configuration names, and asks it for a sign of life. The caller closes it. */
export async function reachDatabase(
  { configuration, settings }: ConfigurationReading,
  now: () => number,
): Promise<Reached | Found> {
  let database: Database | undefined;
  try {
    const { database_url: url, database_key: key } = configuration;
    database = openDatabase({ url, key, must_exist: true });
    // The first answer includes the way to the connection.
    await readServerState(database);
    const asked_ms = now();
    const state = await readServerState(database);
    const answered_ms = now();
    const { time_ms } = state;
    return {
      database,
      state,
      answer_ms: answered_ms - asked_ms,
      ahead_ms: time_ms === null ? 0 : distance(time_ms, asked_ms, answered_ms),
    };
  } catch (error) {
    await database?.close();
    if (error instanceof DatabaseError) {
      const remedy = error.code === "not_found" ? " A server or budget db migrate makes it." : "";
      return toDo(`${error.message}${remedy}`);
    }
    const failure = describeConnectionFailure(error);
    if (failure === null) throw error;
    const origin = settings.find(({ path }) => path === "database.url")?.origin ?? "";
    return toDo(`${failure.reason} (database.url of ${origin}). ${failure.remedy}`);
  }
}

/** How far a moment lies outside a span. */
const distance = (at_ms: number, from_ms: number, to_ms: number): number =>
  at_ms < from_ms ? at_ms - from_ms : Math.max(0, at_ms - to_ms);

const SLOW_ANSWER_MS = 250;

export const describeDatabase = ({ state, answer_ms }: Reached): Found =>
  answer_ms <= SLOW_ANSWER_MS
    ? ok(`${state.product}, answers within ${Math.max(answer_ms, 1)} ms`)
    : toDo(
        `${state.product} takes ${answer_ms} ms to answer; look for what keeps it busy, and put it near its servers`,
      );

export async function checkMigrations({ database }: Reached): Promise<Found> {
  const { missing, unknown } = await migrationState(database);
  if (unknown.length > 0)
    return toDo(`${unknown.join(", ")} came with a later version of Budget; update this one`);
  if (missing.length === 0) return ok("all are applied");
  return toDo(`${missing.join(", ")} not applied; run budget db migrate, or start the server`);
}

/** The second lock between tenants, for a query that has forgotten the first. */
export function checkTenants({ state }: Reached): Found {
  if (state.locks_rows === null) return ok("every query names its tenant; this database has no second lock");
  if (state.locks_rows) return ok("every query names its tenant, and row-level security holds it to that");
  return toDo(
    "row-level security does not hold for this role, which is a superuser or has BYPASSRLS; connect as one that is " +
      "neither, as docs/security.md shows",
  );
}

/** Windows and expiries would otherwise begin and end at other moments on other machines. */
const MOST_AHEAD_MS = 1000;

export function checkClock({ state, ahead_ms }: Reached): Found {
  if (state.time_ms === null) return ok("the database has the clock of this machine");
  if (Math.abs(ahead_ms) <= MOST_AHEAD_MS) return ok("this machine and the database agree");
  const direction = ahead_ms > 0 ? "ahead of" : "behind";
  return toDo(
    `the database is ${Math.abs(ahead_ms)} ms ${direction} this machine; set both by a time server (NTP)`,
  );
}

const GIB = 1024 ** 3;
const LEAST_FREE_BYTES = GIB;

export async function checkDisk(database_url: string): Promise<Found> {
  const path = /^sqlite:(.+)$/.exec(database_url)?.[1];
  if (path === undefined) return ok("the database has its own");
  const { bavail, bsize } = await statfs(dirname(path));
  const free = `${((bavail * bsize) / GIB).toFixed(1)} GiB free in ${dirname(path)}`;
  return bavail * bsize >= LEAST_FREE_BYTES ? ok(free) : toDo(`${free}; make room`);
}
