/** What keeps a database from being used, and what to do about it. */
export interface ConnectionFailure {
  readonly reason: string;
  readonly remedy: string;
}

const START_OR_CORRECT = "Start the database, or correct its address.";

/**
 * By the codes of the system, of TLS, of SQLite, and of PostgreSQL
 * (https://www.postgresql.org/docs/current/errcodes-appendix.html).
 */
const REMEDIES_BY_CODE: readonly (readonly [code: RegExp, remedy: string])[] = [
  [/^(ECONNREFUSED|ECONNRESET|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, START_OR_CORRECT],
  [/^(57P03|53300)$/, "Wait until it takes connections again."],
  [/^28\w{3}$/, "Correct the user or the password, or let the user in by pg_hba.conf."],
  [/^3D000$/, "Make it with createdb, or correct its name."],
  [/^42501$/, "Let the user own the database, or create in its schema."],
  [
    /^(ERR_TLS_\w+|ERR_SSL_\w+|\w*(?:CERT|ISSUER|SIGNATURE)\w*)$/,
    "Correct sslmode and sslrootcert, see docs/data-protection.md.",
  ],
  [/^(SQLITE_FULL|ENOSPC|EDQUOT)$/, "Make room on the disk."],
  [/^(SQLITE_CORRUPT|SQLITE_NOTADB)\w*$/, "Restore a backup with budget db restore."],
  [/^SQLITE_BUSY\w*$/, "End whatever else writes to the file."],
  [
    /^(EEXIST|ENOENT|ENOTDIR|EISDIR|EACCES|EPERM|EROFS|SQLITE_\w+)$/,
    "Name a file in a folder that this user may write to.",
  ],
];

/** What the PostgreSQL driver says without a code. */
const REMEDIES_BY_MESSAGE: readonly (readonly [message: RegExp, remedy: string])[] = [
  [
    /does not support SSL connections/,
    "Switch TLS on in PostgreSQL (ssl = on), or take sslmode out of the URL where the network is trusted.",
  ],
  [/establishing an SSL connection/, "See whether it is PostgreSQL that listens at this address."],
  [/Connection terminated/, "See whether it is PostgreSQL that listens at this address."],
  [/timeout expired/, START_OR_CORRECT],
];

/**
 * Says in a line what a failed use of a database means to whoever runs it.
 * @returns null where the error is none of the database's
 */
export function describeConnectionFailure(error: unknown): ConnectionFailure | null {
  const { code, message = "" } = error as { code?: unknown; message?: string };
  const known =
    typeof code === "string"
      ? REMEDIES_BY_CODE.find(([pattern]) => pattern.test(code))
      : REMEDIES_BY_MESSAGE.find(([pattern]) => pattern.test(message));
  if (known === undefined) return null;
  // Knex puts the statement before the message. Of several addresses that all failed, the driver gives the code alone.
  const said = message.split(" - ").at(-1)?.replace(/\.$/, "") ?? "";
  return { reason: said === "" ? String(code) : said, remedy: known[1] };
}
