import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import prettier from "prettier";

const PAGE = fileURLToPath(new URL("../../../docs/performance.md", import.meta.url));

/** Puts a report in its place in docs/performance.md, between the two marks of its command. */
export async function keepReport(command: string, report: string): Promise<void> {
  const [begin, end] = [`<!-- ${command}: begin -->`, `<!-- ${command}: end -->`];
  const page = readFileSync(PAGE, "utf8");
  const [before, rest] = page.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`${PAGE} has no place for ${command}.`);
  const kept = `${before}${begin}\n\n${report}\n\n${end}${after}`;
  writeFileSync(PAGE, await prettier.format(kept, { parser: "markdown", printWidth: 110 }));
}
