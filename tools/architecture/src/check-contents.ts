/** A text that may not stand in the repository. */
export interface ForbiddenText {
  readonly pattern: RegExp;
  readonly reason: string;
  /** Paths where it may stand after all. */
  readonly except?: RegExp;
}

export interface Finding {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  readonly found: string;
  readonly reason: string;
}

// The texts are put together from parts, because this file is checked too.
const REGISTRY_HOSTS = [
  ["npmjs", "org"],
  ["npmjs", "com"],
  ["npmmirror", "com"],
  ["yarnpkg", "com"],
  ["npm", "pkg", "github", "com"],
  ["jsr", "io"],
  ["pypi", "org"],
  ["pythonhosted", "org"],
].map((parts) => parts.join("\\."));
const UNFINISHED = [
  ["TO", "DO"],
  ["FIX", "ME"],
].map((parts) => parts.join(""));
const MACHINE_FOLDERS = [
  ["home", "(?!node/)[a-z_][\\w.-]*"],
  ["Users", "[A-Za-z_][\\w.-]*"],
  ["root"],
  ["work"],
].map((parts) => ["", ...parts, ""].join("/"));

export const FORBIDDEN_TEXTS: readonly ForbiddenText[] = [
  {
    pattern: new RegExp(`(?<![\\w-])(?:${REGISTRY_HOSTS.join("|")})(?![\\w-])`, "i"),
    reason: "no registry address stands in the repository: the installer's own settings say where it is",
  },
  {
    pattern: new RegExp(`\\b(?:${UNFINISHED.join("|")})\\b`),
    reason: "what is left to do goes into an issue, where it is seen",
    // Its checksums are random letters.
    except: /^pnpm-lock\.yaml$/,
  },
  {
    pattern: new RegExp(`(?<![\\w.~/-])(?:${MACHINE_FOLDERS.join("|")})|\\b[A-Z]:\\\\Users\\\\`),
    reason: "an absolute path of one machine means nothing on another",
  },
];

/**
 * Looks for forbidden texts in one file.
 *
 * @param file path from the root of the repository
 * @param content its bytes; a binary file (one with a zero byte) is not searched
 * @returns every line that holds one, once for each rule
 */
export function checkContents(
  file: string,
  content: Buffer,
  rules: readonly ForbiddenText[] = FORBIDDEN_TEXTS,
): Finding[] {
  if (content.includes(0)) return [];
  const text = content.toString("utf8");
  return rules
    .filter((rule) => rule.except?.test(file) !== true && rule.pattern.test(text))
    .flatMap((rule) =>
      text.split("\n").flatMap((line, index) => {
        const found = rule.pattern.exec(line)?.[0];
        return found === undefined ? [] : [{ file, line: index + 1, found, reason: rule.reason }];
      }),
    );
}
