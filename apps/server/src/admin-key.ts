import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Configuration } from "@budget/configuration";
import type { Logger } from "@budget/domain";
import { adoptAdminKey, hasAdminKey, newKeyText, type AdminKeyRefusal } from "@budget/engine";
import { dataFolder, type Database } from "@budget/repositories";
import { secretSource, systemClock, uuidSource } from "./world.ts";

/** Nobody could do anything with the server, or everybody could. */
export class AdminKeyError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "AdminKeyError";
  }
}

const WHY_NOT: Readonly<Record<AdminKeyRefusal, string>> = {
  no_key: "BUDGET_ADMIN_KEY must be a key: bgt_<32 hexadecimal digits>_<43 characters>.",
  other_secret:
    "BUDGET_ADMIN_KEY has the id of a key that has another secret. It was rotated since, or mistyped: set it to what the " +
    "rotation answered, or leave it out where there is another admin key.",
  ended:
    "BUDGET_ADMIN_KEY is a key that is revoked or has expired. Leave it out where there is another admin key.",
  no_admin: "BUDGET_ADMIN_KEY is a key of another role or tenant, and no admin's.",
};

const FILE = "admin.key";
const ONLY_ITS_OWNER = 0o600;

/** Where a server in development leaves its admin key, and the command line looks for it. */
const adminKeyFile = (database_url: string): string => join(dataFolder(database_url), FILE);

/**
 * Sees to it that somebody can administer the server: by the key of BUDGET_ADMIN_KEY, or, in development only, by one
 * that is left in a file that nobody else can read.
 * @throws AdminKeyError where there is no such key in production, or the one that is given cannot be one
 */
export async function provideAdminKey(
  database: Database,
  { admin_key, environment, database_url }: Configuration,
  logger: Logger,
): Promise<void> {
  const options = { database, clock: systemClock };
  if (admin_key !== "") {
    const state = await adoptAdminKey(options, admin_key);
    if (state === "opens") return;
    throw new AdminKeyError(`${WHY_NOT[state]} \`budget keys generate\` prints a new one.`);
  }
  if (environment === "production") {
    if (await hasAdminKey(options)) return;
    throw new AdminKeyError(
      "Nobody could administer this server: BUDGET_ENV is production, and there is no admin key. " +
        "Set BUDGET_ADMIN_KEY; `budget keys generate` prints a new one.",
    );
  }
  const file = adminKeyFile(database_url);
  const left = orRefuse(file, () => (existsSync(file) ? readFileSync(file, "utf8").trim() : ""));
  if ((await adoptAdminKey(options, left)) === "opens") return;
  const text = newKeyText(uuidSource, secretSource, systemClock.now());
  orRefuse(file, () => keep(file, text));
  await adoptAdminKey(options, text);
  logger.info("api", `The admin key is in ${file}`);
}

/** Written whole or not at all, and readable by nobody else at any moment. */
function keep(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const unfinished = `${file}.new`;
  writeFileSync(unfinished, `${text}\n`, { mode: ONLY_ITS_OWNER });
  renameSync(unfinished, file);
}

/** @throws AdminKeyError where this user may not do it */
function orRefuse<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new AdminKeyError(
      `The admin key cannot be kept in ${file} (${code}). Let this user read and write it, or set BUDGET_ADMIN_KEY; ` +
        "`budget keys generate` prints a new one.",
    );
  }
}
