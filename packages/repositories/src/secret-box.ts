import { createCipheriv, createDecipheriv } from "node:crypto";
import type { SecretKey, SecretSource } from "@budget/domain";

/** Where a secret is kept. It is decrypted for this place only, so that nobody can move it to another. */
export interface SecretPlace {
  readonly table: string;
  readonly column: string;
  /** What tells the row from all others of the table, its tenant included. */
  readonly row: string;
}

export type SecretErrorCode = "malformed" | "unknown_key" | "not_authentic";

/** A secret that cannot be decrypted. It carries neither the secret nor a key. */
export class SecretError extends Error {
  readonly code: SecretErrorCode;
  constructor(code: SecretErrorCode, message: string) {
    super(message);
    this.name = "SecretError";
    this.code = code;
  }
}

const ALGORITHM = "aes-256-gcm";
/** The size that GCM is made for (NIST SP 800-38D). With random nonces, one key is good for 2^32 secrets. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1:([A-Za-z0-9_-]{1,64}):([A-Za-z0-9+/]+={0,2})$/;

/** Encrypts and decrypts secrets that are kept in columns. The first key encrypts, all of them decrypt. */
export class SecretBox {
  readonly #first: SecretKey;
  readonly #keys: ReadonlyMap<string, Uint8Array>;
  readonly #random: SecretSource;

  private constructor(first: SecretKey, keys: readonly SecretKey[], random: SecretSource) {
    this.#first = first;
    this.#random = random;
    this.#keys = new Map(keys.map(({ key_id, key }) => [key_id, key]));
  }

  /**
   * @param random a nonce that comes twice gives secrets away
   * @returns null where there is no key
   */
  static of(keys: readonly SecretKey[], random: SecretSource): SecretBox | null {
    const [first] = keys;
    return first === undefined ? null : new SecretBox(first, keys, random);
  }

  /** The name of the key that encrypts. */
  get key_id(): string {
    return this.#first.key_id;
  }

  /** @returns a text for the column: a version, the key's name, and nonce, tag and ciphertext in base64 */
  seal(secret: string, place: SecretPlace): string {
    const { key_id, key } = this.#first;
    const nonce = this.#random.bytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated(key_id, place));
    const ciphertext = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return `v1:${key_id}:${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64")}`;
  }

  /** @throws SecretError where the text was changed, is of another place, or its key is not there */
  open(sealed: string, place: SecretPlace): string {
    const { key_id, bytes } = parts(sealed);
    const key = this.#keys.get(key_id);
    if (key === undefined) throw unknownKey(key_id);
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associated(key_id, place));
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
    const ciphertext = bytes.subarray(NONCE_BYTES + TAG_BYTES);
    try {
      return Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString("utf8");
    } catch {
      throw new SecretError(
        "not_authentic",
        `A secret of ${place.table}.${place.column} was changed, moved from another row, or encrypted with another key of ` +
          `the name ${key_id}.`,
      );
    }
  }

  /**
   * Encrypts with the first key what another one encrypted. What has the first key stays as it is.
   * @throws SecretError as `open` does, also for what stays
   */
  reseal(sealed: string, place: SecretPlace): string {
    const secret = this.open(sealed, place);
    return sealingKey(sealed) === this.key_id ? sealed : this.seal(secret, place);
  }
}

/** The name of the key that a secret is encrypted with; empty where the text does not have the form of one. */
export const sealingKey = (sealed: string): string => SEALED.exec(sealed)?.[1] ?? "";

/** Of a secret whose key nobody gave. */
export const unknownKey = (key_id: string): SecretError =>
  new SecretError(
    "unknown_key",
    `A secret is encrypted with the key ${key_id}, which BUDGET_SECRET_KEYS does not have. Put it back there, behind ` +
      "the first one.",
  );

function parts(sealed: string): { readonly key_id: string; readonly bytes: Buffer } {
  const [, key_id = "", encoded = ""] = SEALED.exec(sealed) ?? [];
  const bytes = Buffer.from(encoded, "base64");
  if (bytes.length < NONCE_BYTES + TAG_BYTES) {
    throw new SecretError("malformed", "A secret does not have the form in which secrets are kept.");
  }
  return { key_id, bytes };
}

/** What is authenticated beside the secret. JSON keeps names that run together apart. */
const associated = (key_id: string, { table, column, row }: SecretPlace): Buffer =>
  Buffer.from(JSON.stringify(["v1", key_id, table, column, row]));
