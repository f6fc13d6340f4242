import { readFile, stat } from "node:fs/promises";
import type { ConfigurationReading } from "@budget/configuration";
import { isAlive, type ApiKey } from "@budget/domain";
import { DEFAULT_TENANT_ID, adminKeyState, type AdminKeyState } from "@budget/engine";
import { ApiKeyRepository, type Database } from "@budget/repositories";
import { adminKeyFile } from "../local-key.ts";
import { ok, toDo, type Found } from "./finding.ts";

const DAY_MS = 86_400_000;
/** Enough to hand another key to whoever has this one. */
const SOON_DAYS = 14;
const MOST_NAMED = 3;
const MOST_KEYS = 1_000_000;
const OF_OTHERS = 0o077;

/** Whether somebody can administer the server, and whose keys are about to open nothing. */
export async function checkKeys(
  database: Database,
  reading: ConfigurationReading,
  now: () => number,
): Promise<Found> {
  const { items } = await new ApiKeyRepository(database).list(DEFAULT_TENANT_ID, { limit: MOST_KEYS });
  const alive = items.filter((key) => isAlive(key, now()));
  const admins = alive.filter(({ role }) => role === "admin").length;
  const stateOf = (text: string): Promise<AdminKeyState> => adminKeyState({ database, clock: { now } }, text);
  const wrong = [
    ...wrongWithAdmins(admins, reading),
    ...(await wrongWithGivenKey(reading, stateOf)),
    ...(await wrongWithKeyFile(adminKeyFile(reading.configuration.database_url), stateOf)),
    ...wrongWithExpiry(alive, now()),
  ];
  if (wrong.length > 0) return toDo(wrong.join("; "));
  return ok(`${alive.length} open something, ${admins} of them as admin; none ends within ${SOON_DAYS} days`);
}

/** A server in development makes an admin key, and one that is given it takes it. */
function wrongWithAdmins(
  admins: number,
  { configuration: { admin_key, environment } }: ConfigurationReading,
): readonly string[] {
  if (admins > 0 || admin_key !== "" || environment === "development") return [];
  return ["there is no admin key; set BUDGET_ADMIN_KEY to one that budget keys generate prints"];
}

/** A server makes a key that nobody has yet one of an admin when it starts. */
const canOpen = (state: AdminKeyState): boolean => state === "opens" || state === "new";

async function wrongWithGivenKey(
  { configuration: { admin_key }, settings }: ConfigurationReading,
  stateOf: (text: string) => Promise<AdminKeyState>,
): Promise<readonly string[]> {
  if (admin_key === "" || canOpen(await stateOf(admin_key))) return [];
  const origin = settings.find(({ path }) => path === "server.admin_key")?.origin ?? "";
  return [
    `server.admin_key (${origin}) is no admin key that opens, and no server starts with it; take it out, or set it to ` +
      "one that budget keys generate prints",
  ];
}

async function wrongWithKeyFile(
  file: string,
  stateOf: (text: string) => Promise<AdminKeyState>,
): Promise<readonly string[]> {
  let mode: number;
  let text: string;
  try {
    ({ mode } = await stat(file));
    text = (await readFile(file, "utf8")).trim();
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? [] : [`${file} cannot be read (${code}); let this user read it`];
  }
  if ((mode & OF_OTHERS) !== 0) return [`others may use ${file}; run chmod 600 ${file}`];
  if (canOpen(await stateOf(text))) return [];
  return [`${file} opens nothing; delete it, and a server in development leaves another one`];
}

function wrongWithExpiry(alive: readonly ApiKey[], now_ms: number): readonly string[] {
  const ending = alive
    .flatMap(({ name, expires_at_ms }) => (expires_at_ms === null ? [] : [{ name, expires_at_ms }]))
    .filter(({ expires_at_ms }) => expires_at_ms - now_ms < SOON_DAYS * DAY_MS)
    .toSorted((a, b) => a.expires_at_ms - b.expires_at_ms);
  if (ending.length === 0) return [];
  const named = ending
    .slice(0, MOST_NAMED)
    .map(({ name, expires_at_ms }) => `${name} at ${new Date(expires_at_ms).toISOString()}`);
  const others = ending.length > MOST_NAMED ? ` and ${ending.length - MOST_NAMED} others` : "";
  return [`keys end soon: ${named.join(", ")}${others}; make others by budget keys create`];
}
