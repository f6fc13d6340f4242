import { hash, timingSafeEqual } from "node:crypto";
import type { ApiKey } from "@budget/domain";

/** 256 bits: nobody finds them by trying, so a plain hash of them is enough, and as fast as every request needs it. */
export const SECRET_BYTES = 32;

/** An id without its hyphens, and base64url: neither has a line break, a quote or a slash. */
const KEY = /^bgt_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/;
/** Where the parts of the id start, where the last of them ends, and where the secret starts. */
const [ID, TIME_LOW, VERSION, VARIANT, NODE, ID_END, SECRET] = [4, 12, 16, 20, 24, 36, 37];

/** What a caller is given, once. */
export const keyText = (key_id: string, secret: string): string =>
  `bgt_${key_id.replaceAll("-", "")}_${secret}`;

/** The id and the secret of a key; null where the text is something else. */
export function readKeyText(text: string): { readonly key_id: string; readonly secret: string } | null {
  if (!KEY.test(text)) return null;
  const part = (start: number, end: number): string => text.slice(start, end);
  const key_id = `${part(ID, TIME_LOW)}-${part(TIME_LOW, VERSION)}-${part(VERSION, VARIANT)}-${part(VARIANT, NODE)}-${part(NODE, ID_END)}`;
  return { key_id, secret: text.slice(SECRET) };
}

export const hashOfSecret = (secret: string): string => hash("sha256", secret);

/** Compares in a time that does not tell how much of a hash is right. */
const isSame = (left: string, right: string): boolean =>
  timingSafeEqual(Buffer.from(left), Buffer.from(right));

/** Whether a secret is the key's, or was before a rotation that has not ended yet. */
export function opens(key: ApiKey, secret: string, now_ms: number): boolean {
  const hashed = hashOfSecret(secret);
  if (isSame(hashed, key.secret_sha256)) return true;
  const { previous_sha256, previous_until_ms } = key;
  return previous_sha256 !== null && now_ms < (previous_until_ms ?? 0) && isSame(hashed, previous_sha256);
}
