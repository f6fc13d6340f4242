import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { expect } from "chai";
import { onEveryDatabase } from "./support.ts";

const ROOT = join(import.meta.dirname, "../../..");

/** The path of every test file of the repository. */
const TESTS: readonly string[] = ["apps", "packages", "tools"]
  .flatMap((group) => readdirSync(join(ROOT, group)).map((name) => join(ROOT, group, name, "test")))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => join(folder, file)),
  )
  .filter((file) => file.endsWith(".test.ts"));

/** The titles of all tests and of what they are grouped by, as they are written: a loop can make many of one. */
const TITLES: readonly string[] = TESTS.flatMap((file) => [
  ...readFileSync(file, "utf8").matchAll(/\b(?:it|describe|onEveryDatabase)\(\s*(["`])(.*?)\1/g),
]).map(([, , title = ""]) => title);

const isTitle = (words: string): boolean => TITLES.some((title) => title.includes(words));

const isFile = (name: string): boolean =>
  TESTS.some((file) => basename(file) === name) || existsSync(join(ROOT, name));

/** The cells of the columns "shown by" of a page. */
function shownBy(page: string): readonly string[] {
  const cells: string[] = [];
  let column = -1;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) {
      column = -1;
      continue;
    }
    const row = line.split("|").map((cell) => cell.trim());
    if (column === -1) column = row.indexOf("shown by");
    else if (column > 0) cells.push(row[column] ?? "");
  }
  return cells.filter((cell) => !/^-*$/.test(cell));
}

describe("docs/security.md", () => {
  const cells = shownBy(readFileSync(join(ROOT, "docs/security.md"), "utf8"));

  it("has answers that are shown by something", () => {
    expect(cells.length).to.be.at.least(30);
  });

  for (const cell of new Set(cells)) {
    it(`names what there is: ${cell}`, () => {
      const titles = [...cell.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title);
      const files = [...cell.matchAll(/`([^`]+)`/g)].map(([, file = ""]) => file);
      expect([...titles, ...files], "It names neither a test nor a document.").to.not.be.empty;
      expect(titles.filter((title) => !isTitle(title))).to.deep.equal([]);
      expect(files.filter((file) => !isFile(file))).to.deep.equal([]);
    });
  }

  it("answers every chapter of ASVS once, in order", () => {
    const page = readFileSync(join(ROOT, "docs/security.md"), "utf8");
    const section = page.slice(page.indexOf("## OWASP ASVS"));
    const chapters = [...section.matchAll(/^\| (V\d+) /gm)].map(([, chapter]) => chapter);
    const expected = Array.from({ length: 17 }, (_, index) => `V${index + 1}`);
    expect([...new Set(chapters)]).to.deep.equal(expected);
  });
});

onEveryDatabase("the headers of every answer", (server) => {
  it("keep it from caches, frames, scripts, and being taken for something else", async () => {
    for (const path of ["/health", "/api/budgets", "/api/budgets/none", "/nothing"]) {
      const { headers } = await server().get(path);
      expect(Object.fromEntries(headers), path).to.include({
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none';frame-ancestors 'none'",
        "x-content-type-options": "nosniff",
        "x-frame-options": "SAMEORIGIN",
        "referrer-policy": "no-referrer",
        "strict-transport-security": "max-age=31536000; includeSubDomains",
      });
      expect(headers.has("x-powered-by")).to.equal(false);
    }
  });
});
