import type { ConfigurationReading } from "@budget/configuration";
import { UsageError } from "../exit-codes.ts";
import { readLocalConfiguration } from "../local-configuration.ts";
import type { Session } from "../session.ts";
import { checkBalances, checkLimits, checkPriceSources } from "./check-contents.ts";
import {
  checkClock,
  checkDisk,
  checkMigrations,
  checkTenants,
  describeDatabase,
  reachDatabase,
  type Reached,
} from "./check-database.ts";
import { checkLog, describeSettings } from "./check-settings.ts";
import { checkKeys } from "./check-keys.ts";
import { checkServer } from "./check-server.ts";
import { notChecked, ok, toDo, type Finding, type Found } from "./finding.ts";

/** In the order in which they are made: each needs those before it. */
const CHECKS = [
  "configuration",
  "log",
  "database",
  "disk",
  "migrations",
  "clock",
  "tenants",
  "server",
  "keys",
  "price sources",
  "limits",
  "balances",
] as const;
type Check = (typeof CHECKS)[number];

/**
 * Looks at all that a server started here works with, and changes nothing.
 * @param now milliseconds since 1970
 * @returns what each check found, in the order of the checks
 */
export async function examine(session: Session, url: string, now: () => number): Promise<readonly Finding[]> {
  const found = new Map<Check, Found>();
  const reason = await examineInto(found, { session, url, now });
  return CHECKS.map((check) => ({ check, ...(found.get(check) ?? notChecked(reason)) }));
}

interface Examination {
  readonly session: Session;
  /** Where the session's server is. */
  readonly url: string;
  readonly now: () => number;
}

/** @returns why the checks that are not in `found` were not made */
async function examineInto(found: Map<Check, Found>, examination: Examination): Promise<string> {
  let reading: ConfigurationReading;
  try {
    reading = await readLocalConfiguration(examination.session.world);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    found.set("configuration", toDo(error.message));
    return "the configuration is wrong";
  }
  found.set("configuration", describeSettings(reading));
  found.set("log", checkLog(reading));
  if (reading.configuration.database_url === "sqlite::memory:") {
    found.set("database", ok("in the memory of its server, where nobody else can look at it"));
    return "the database is in memory";
  }
  const reached = await reachDatabase(reading, examination.now);
  if ("status" in reached) {
    found.set("database", reached);
    return "the database cannot be reached";
  }
  try {
    return await examineDatabase(found, reached, reading, examination);
  } finally {
    await reached.database.close();
  }
}

async function examineDatabase(
  found: Map<Check, Found>,
  reached: Reached,
  reading: ConfigurationReading,
  { session, url, now }: Examination,
): Promise<string> {
  const { configuration } = reading;
  const { database } = reached;
  found.set("database", describeDatabase(reached));
  found.set("disk", await checkDisk(configuration.database_url));
  found.set("clock", checkClock(reached));
  found.set("tenants", checkTenants(reached));
  const migrations = await checkMigrations(reached);
  found.set("migrations", migrations);
  if (migrations.status !== "ok") return "the schema is not the one of this version";
  found.set("server", await checkServer(session.client, url, database));
  found.set("keys", await checkKeys(database, reading, now));
  found.set("price sources", await checkPriceSources(database, configuration));
  found.set("limits", await checkLimits(database, now));
  found.set("balances", await checkBalances(database, now));
  return "";
}
