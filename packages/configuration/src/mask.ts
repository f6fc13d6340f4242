const HIDDEN = "***";

/** A value that is all secret: only whether there is one may be known. */
export const hide = (value: string): string => (value === "" ? "" : HIDDEN);

/** Keys with names of which only the names may be known. */
export const hideKeys = (value: string): string => value.replaceAll(/:[^,]*/g, `:${HIDDEN}`);

/**
 * A URL without its secrets. Up to the last `@` everything behind the user's name is hidden: a password that was not
 * escaped as it should be can look like a host and a path.
 */
export const maskUrl = (url: string): string =>
  url
    .replace(/^([a-z]+:\/\/[^:@/?#]*):.*@/is, `$1:${HIDDEN}@`)
    .replaceAll(/([?&][^=&]*(?:pass|secret|token|key)[^=&]*=)[^&#]*/gi, `$1${HIDDEN}`);
