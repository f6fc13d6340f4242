import { mkdtempSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { checkContents } from "../src/check-contents.ts";
import { listByWalk, listRepositoryFiles } from "../src/repository-files.ts";

const ROOT = join(import.meta.dirname, "../../..");

describe("contents of the repository", () => {
  it("has no registry address, nothing marked as unfinished and no path of one machine", () => {
    const files = listRepositoryFiles(ROOT);
    expect(files).to.include.members(["package.json", "pnpm-lock.yaml", "packages/domain/package.json"]);
    const findings = files
      .flatMap((file) => checkContents(file, readFileSync(join(ROOT, file))))
      .map(({ file, line, found, reason }) => `${file}:${line}: "${found}": ${reason}`);
    expect(findings.join("\n")).to.equal("");
  });
});

describe("checker of contents", () => {
  const host = (...parts: string[]) => parts.join(".");
  const path = (...parts: string[]) => ["", ...parts].join("/");
  const word = (...parts: string[]) => parts.join("");

  const refused: [string, string][] = [
    ["registry address", `resolved: https://${host("registry", "npmjs", "org")}/knex`],
    ["registry address", `index-url = https://${host("pypi", "org")}/simple`],
    ["registry address", `https://${host("files", "pythonhosted", "org")}/packages`],
    ["registry address", `registry=https://${host("Registry", "YarnPkg", "com")}`],
    ["goes into an issue", `// ${word("TO", "DO")}: round`],
    ["goes into an issue", `# ${word("FIX", "ME")}`],
    ["absolute path", `const file = "${path("home", "ann", "budget.db")}"`],
    ["absolute path", `see ${path("Users", "Ann", "budget")}`],
    ["absolute path", `cd ${path("root", "budget")}`],
    ["absolute path", `C:\\${word("Us", "ers")}\\ann`],
  ];
  for (const [reason, text] of refused) {
    it(`refuses ${text}`, () => {
      const findings = checkContents("docs/a.md", Buffer.from(`first line\n${text}\n`));
      expect(findings.map(({ line }) => line)).to.deep.equal([2]);
      expect(findings[0]?.reason).to.contain(reason);
    });
  }

  for (const text of [
    "sqlite:./data/budget.db",
    "GET /api/budgets",
    "https://example.org/home/page",
    "docs/root/readme",
    "the method of the ledger",
  ]) {
    it(`accepts ${text}`, () => {
      expect(checkContents("docs/a.md", Buffer.from(text))).to.deep.equal([]);
    });
  }

  it("does not search binary files", () => {
    const bytes = Buffer.from(`\0${host("registry", "npmjs", "org")}`);
    expect(checkContents("logo.png", bytes)).to.deep.equal([]);
  });

  it("searches the lock file for registry addresses", () => {
    const bytes = Buffer.from(`tarball: https://${host("registry", "npmjs", "org")}/x.tgz`);
    expect(checkContents("pnpm-lock.yaml", bytes)).to.have.length(1);
  });

  it("lists a tree without git as .gitignore says", () => {
    const root = mkdtempSync(join(tmpdir(), "budget-files-"));
    try {
      for (const folder of ["node_modules/a", "src/dist", ".git"]) {
        mkdirSync(join(root, folder), { recursive: true });
        writeFileSync(join(root, folder, "x"), "");
      }
      writeFileSync(join(root, ".gitignore"), "node_modules/\ndist/\n*.log\n");
      writeFileSync(join(root, "src/a.ts"), "");
      writeFileSync(join(root, "src/run.log"), "");
      expect(listByWalk(root).sort()).to.deep.equal([".gitignore", "src/a.ts"]);
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
