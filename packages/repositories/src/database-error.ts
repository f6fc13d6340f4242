export type DatabaseErrorCode =
  | "unsupported_url"
  | "not_found"
  | "in_use"
  | "unsupported_runtime"
  /** The file is encrypted, and no key was given. */
  | "key_missing"
  | "key_wrong"
  /** A key was given for a database that is not encrypted. */
  | "not_encrypted"
  /** A file is there that would be overwritten. */
  | "exists"
  /** A file that is no sound database of Budget, or of a later version. */
  | "unusable_file";

/** A database that cannot be opened, and what to do about it. It never carries a key or a password. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;
  constructor(code: DatabaseErrorCode, message: string) {
    super(message);
    this.name = "DatabaseError";
    this.code = code;
  }
}
