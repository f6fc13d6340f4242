/**
 * What no log line may carry. The text of the finished line is searched, and not the fields that it is made of: a secret
 * may stand at any depth, in the message of an error, or in a request that somebody quotes.
 */

const REDACTED = "[redacted]";

/** Fields and headers whose values are secret. */
const NAMES = "(?:proxy-)?authorization|x-api-key|api_?key|(?:set-)?cookie|password|secret|token";
const SECRET_FIELD = new RegExp(`("(?:${NAMES})"\\s*:\\s*\\[?\\s*")(?:\\\\.|[^"\\\\])*`, "gi");
/** The same where JSON stands in a string, with its quotes escaped. */
const QUOTED_SECRET_FIELD = new RegExp(
  `((\\\\+)"(?:${NAMES})\\2"\\s*:\\s*\\[?\\s*\\2").*?(?=(?<!\\\\)\\2")`,
  "gi",
);
const KEY = /bgt(?:_|%5f)[\w%-]+/gi;
const CREDENTIALS = /\b(Bearer|Basic)(\s+)[\w.~+/=:-]{6,}/gi;
/** Up to the last @ before a blank, because a password that nobody has escaped may hold any other sign. */
const URL_PASSWORD = /(:\/\/[^\s:@/"\\]*:)(?:[^\s"\\]|\\.)*@/g;

/** The same line of JSON without keys, credentials of headers and passwords of URLs. */
export const redact = (line: string): string =>
  line
    .replace(SECRET_FIELD, `$1${REDACTED}`)
    .replace(QUOTED_SECRET_FIELD, `$1${REDACTED}`)
    .replace(CREDENTIALS, `$1$2${REDACTED}`)
    .replace(KEY, `bgt_${REDACTED}`)
    .replace(URL_PASSWORD, `$1${REDACTED}@`);
