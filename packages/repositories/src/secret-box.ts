import { createCipheriv, createDecipheriv } from "node:crypto";

/** A key of 256 bits, and the name by which what it encrypted finds it again. */
export interface SecretKey {
  /** Letters, digits, `_` and `-`. */
  readonly key_id: string;
  readonly key: Buffer;
}

/** Where a secret is kept. It is decrypted for this place only, so that nobody can move it to another. */
export interface SecretPlace {
  readonly table: string;
  readonly column: string;
  /** What tells the row from all others of the table, its tenant included. */
  readonly row: string;
}

export type SecretErrorCode = "wrong_keys" | "malformed" | "unknown_key" | "not_authentic";

/** A secret that cannot be encrypted or decrypted. It carries neither the secret nor a key. */
export class SecretError extends Error {
  readonly code: SecretErrorCode;
  constructor(code: SecretErrorCode, message: string) {
    super(message);
    this.name = "SecretError";
    this.code = code;
  }
}

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
/** The size that GCM is made for (NIST SP 800-38D). With random nonces, one key is good for 2^32 secrets. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_ID = "[A-Za-z0-9_-]{1,64}";
const BASE64 = "[A-Za-z0-9+/]+={0,2}";
const KEY = new RegExp(`^(${KEY_ID}):(${BASE64})$`);
const SEALED = new RegExp(`^v1:(${KEY_ID}):(${BASE64})$`);

/**
 * Reads keys as BUDGET_SECRET_KEYS has them: `id:base64,id:base64`, each of 32 bytes.
 * @throws SecretError `wrong_keys` that says which one, by its place, is wrong
 */
export function parseSecretKeys(text: string): readonly SecretKey[] {
  const keys = text.split(",").map((one, index) => {
    const [, key_id = "", encoded = ""] = KEY.exec(one.trim()) ?? [];
    const key = Buffer.from(encoded, "base64");
    if (key.length === KEY_BYTES) return { key_id, key };
    throw new SecretError(
      "wrong_keys",
      `Key ${index + 1} must be a name, a colon, and ${KEY_BYTES} bytes in base64.`,
    );
  });
  if (new Set(keys.map(({ key_id }) => key_id)).size < keys.length) {
    throw new SecretError("wrong_keys", "Two keys have the same name.");
  }
  return keys;
}

/** So many bytes that nobody can foresee. */
export type RandomBytes = (count: number) => Uint8Array;

/** Encrypts and decrypts secrets that are kept in columns. The first key encrypts, all of them decrypt. */
export class SecretBox {
  readonly #first: SecretKey;
  readonly #keys: ReadonlyMap<string, Buffer>;
  readonly #randomBytes: RandomBytes;

  /**
   * @param randomBytes that of `node:crypto`, or as good: a nonce that comes twice gives secrets away
   * @throws SecretError `wrong_keys` where there is no key
   */
  constructor(keys: readonly SecretKey[], randomBytes: RandomBytes) {
    const [first] = keys;
    if (first === undefined) throw new SecretError("wrong_keys", "There is no key to encrypt secrets with.");
    this.#first = first;
    this.#randomBytes = randomBytes;
    this.#keys = new Map(keys.map(({ key_id, key }) => [key_id, key]));
  }

  /** @returns a text for the column: a version, the key's name, and nonce, tag and ciphertext in base64 */
  seal(secret: string, place: SecretPlace): string {
    const { key_id, key } = this.#first;
    const nonce = this.#randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(associated(key_id, place));
    const ciphertext = Buffer.concat([cipher.update(secret, "utf8"), cipher.final()]);
    return `v1:${key_id}:${Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString("base64")}`;
  }

  /** @throws SecretError where the text was changed, is of another place, or its key is not there */
  open(sealed: string, place: SecretPlace): string {
    const { key_id, bytes } = parts(sealed);
    const key = this.#keys.get(key_id);
    if (key === undefined) {
      throw new SecretError(
        "unknown_key",
        `A secret was encrypted with the key ${key_id}, which is not given.`,
      );
    }
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
   * @returns the texts in the order of `secrets`
   * @throws SecretError as `open` does
   */
  reseal(secrets: readonly { readonly sealed: string; readonly place: SecretPlace }[]): readonly string[] {
    return secrets.map(({ sealed, place }) => {
      const secret = this.open(sealed, place);
      return parts(sealed).key_id === this.#first.key_id ? sealed : this.seal(secret, place);
    });
  }
}

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
