/** The first example of a README, which has no types in it, and what it says that the example prints. */
export interface Example {
  readonly source: string;
  readonly prints: string;
}

const block = (language: string, markdown: string): string =>
  new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(markdown)?.[1] ?? "";

export const readExample = (markdown: string): Example => ({
  source: block("ts", markdown),
  prints: block("text", markdown),
});

const IMPORT = /^import \{ ([^}]+) \} from "([^"]+)";$/gm;

/**
 * Runs an example as its reader would.
 * @param names what it takes for given, such as a URL
 * @returns what it prints, a line for each call of console.log
 */
export async function runExample(
  { source }: Example,
  names: Readonly<Record<string, unknown>>,
): Promise<string> {
  const modules = new Map<string, unknown>();
  for (const [, , specifier = ""] of source.matchAll(IMPORT)) {
    modules.set(specifier, await import(specifier));
  }
  const body = source.replaceAll(IMPORT, 'const { $1 } = modules.get("$2");');
  let printed = "";
  const log = (...values: unknown[]) => {
    printed += `${values.join(" ")}\n`;
  };
  const given = { ...names, modules, console: { log } };
  // eslint-disable-next-line @typescript-eslint/no-implied-eval -- it is a text of this repository, to be run as it stands
  const run = new Function(...Object.keys(given), `return (async () => {${body}})();`) as (
    ...values: unknown[]
  ) => Promise<void>;
  await run(...Object.values(given));
  return printed;
}
