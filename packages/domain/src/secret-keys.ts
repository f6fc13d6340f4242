/** A key of 256 bits, and the name by which what it encrypted finds it again. */
export interface SecretKey {
  /** Letters, digits, `_` and `-`. */
  readonly key_id: string;
  readonly key: Uint8Array;
}

/** 43 characters of base64, and one that fills up, are 32 bytes. */
const KEY = /^([A-Za-z0-9_-]{1,64}):([A-Za-z0-9+/]{43})=?$/;

/**
 * Reads keys as BUDGET_SECRET_KEYS has them: `name:base64,name:base64`, each of 32 bytes, with names of their own.
 * @returns none for an empty text; null where one is wrong
 */
export function parseSecretKeys(text: string): readonly SecretKey[] | null {
  if (text === "") return [];
  const keys = text.split(",").flatMap((one): readonly SecretKey[] => {
    const [, key_id, encoded] = KEY.exec(one.trim()) ?? [];
    if (key_id === undefined || encoded === undefined) return [];
    return [{ key_id, key: Uint8Array.from(atob(encoded), (byte) => byte.charCodeAt(0)) }];
  });
  const names = new Set(keys.map(({ key_id }) => key_id));
  return names.size === text.split(",").length ? keys : null;
}
