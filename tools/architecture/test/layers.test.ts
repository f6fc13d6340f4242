import { join } from "node:path";
import { expect } from "chai";
import { checkLayers, describeViolation, importsOf } from "../src/check-layers.ts";
import { LAYERS, RESERVED } from "../src/layers.ts";
import { readWorkspace, type Manifest, type WorkspacePackage } from "../src/workspace.ts";

const ROOT = join(import.meta.dirname, "../../..");

describe("layers of the repository", () => {
  const workspace = readWorkspace(ROOT);

  it("finds the packages and their sources", () => {
    expect(workspace.map((pkg) => pkg.folder)).to.include.members([
      "packages/domain",
      "packages/repositories",
      "packages/engine",
      "apps/server",
      "tools/architecture",
    ]);
    for (const pkg of workspace.filter(({ folder }) => /^(packages\/(domain|engine)|apps)/.test(folder))) {
      expect(pkg.sources.length, pkg.folder).to.be.greaterThan(0);
    }
  });

  it("imports only along the arrows", () => {
    expect(checkLayers(workspace, LAYERS, RESERVED).map(describeViolation).join("\n")).to.equal("");
  });

  it("has a table whose arrows point to rows above", () => {
    LAYERS.forEach((layer, index) => {
      const above = LAYERS.slice(0, index).map(({ name }) => name);
      if (layer.mayImport !== "any") expect(above, layer.name).to.include.members([...layer.mayImport]);
    });
  });
});

describe("checker of layers", () => {
  const domain = pkg("packages/domain", { name: "@budget/domain" });
  const repositories = pkg("packages/repositories", {
    name: "@budget/repositories",
    exports: { ".": "./dist/index.js", "./testing": "./dist/testing.js" },
    dependencies: { "@budget/domain": "workspace:*", knex: "catalog:" },
  });
  const engine: Manifest = {
    name: "@budget/engine",
    dependencies: { "@budget/domain": "workspace:*", "@budget/repositories": "workspace:*" },
  };

  const cases: { title: string; packages: WorkspacePackage[]; expected: RegExp[] }[] = [
    {
      title: "accepts imports along the arrows",
      packages: [
        domain,
        repositories,
        pkg("packages/engine", engine, {
          "src/index.ts": `
            import { a } from "@budget/domain";
            import { b } from "@budget/repositories/testing";
            import { c } from "./core/c.ts";
            import { hash } from "node:crypto";
            export { a, b, c, hash };`,
          "src/core/c.ts": `import { d } from "../d.ts"; export const c = d;`,
        }),
      ],
      expected: [],
    },
    {
      title: "refuses an import against the arrows, and the dependency too",
      packages: [
        pkg(
          "packages/domain",
          { name: "@budget/domain", dependencies: { "@budget/engine": "workspace:*" } },
          { "src/index.ts": `import { engine } from "@budget/engine";` },
        ),
        pkg("packages/engine", { name: "@budget/engine" }),
      ],
      expected: [
        /^packages\/domain\/package\.json: "@budget\/engine": @budget\/domain may import nothing of ours/,
        /^packages\/domain\/src\/index\.ts: "@budget\/engine": @budget\/domain may import nothing of ours: the domain is/,
      ],
    },
    ...[
      `import type { Ledger } from "@budget/services";`,
      `export * from "@budget/services";`,
      `export { report } from "@budget/services";`,
      `const services = await import("@budget/services");`,
      `type Report = import("@budget/services").Report;`,
      `import "@budget/services";`,
    ].map((text) => ({
      title: `sees ${text}`,
      packages: [
        domain,
        repositories,
        pkg("packages/services", { name: "@budget/services" }),
        pkg("packages/engine", engine, { "src/index.ts": text }),
      ],
      expected: [
        /^packages\/engine\/src\/index\.ts: "@budget\/services": @budget\/engine may import @budget\/domain, /,
        /package\.json does not list @budget\/services/,
      ],
    })),
    {
      title: "refuses an import that package.json does not list",
      packages: [
        domain,
        pkg(
          "packages/engine",
          { name: "@budget/engine", devDependencies: { "@budget/domain": "workspace:*" } },
          { "src/index.ts": `import { a } from "@budget/domain"; import { v7 } from "uuid";` },
        ),
      ],
      expected: [
        /"@budget\/domain": package\.json does not list/,
        /"uuid": package\.json does not list uuid/,
      ],
    },
    {
      title: "refuses the inside of another package",
      packages: [
        domain,
        repositories,
        pkg("packages/engine", engine, {
          "src/a.ts": `import { a } from "@budget/domain/src/money.ts";`,
          "src/b.ts": `import { b } from "@budget/repositories/dist/ledger.js";`,
          "src/core/c.ts": `import { c } from "../../../domain/src/money.ts";`,
        }),
      ],
      expected: [
        /src\/a\.ts: .*the inside of another package/,
        /src\/b\.ts: .*the inside of another package/,
        /src\/core\/c\.ts: .*a path leaves its package/,
      ],
    },
    {
      title: "refuses a package without a row in the table, one of another name, and one that is not there",
      packages: [
        domain,
        pkg("packages/utils", { name: "@budget/utils" }),
        pkg("packages/engine", { name: "@budget/core" }),
        pkg("packages/repositories", repositories.manifest, { "src/a.ts": `import "@budget/domian";` }),
      ],
      expected: [
        /packages\/utils\/package\.json: "@budget\/utils": .*no row in the table/,
        /"@budget\/core": its name is @budget\/engine/,
        /"@budget\/domian": @budget\/repositories may import/,
        /"@budget\/domian": there is no such package/,
        /"@budget\/domian": package\.json does not list/,
      ],
    },
    {
      title: "keeps SQL in repositories, HTTP in the server, and input and output out of the domain",
      packages: [
        pkg("packages/domain", domain.manifest, {
          "src/a.ts": `import { readFile } from "node:fs/promises";`,
        }),
        pkg(
          "packages/services",
          { name: "@budget/services", dependencies: { knex: "catalog:", express: "catalog:" } },
          { "src/a.ts": `import knex from "knex";\nimport express from "express";` },
        ),
      ],
      expected: [/no input or output/, /all SQL is in/, /only the server speaks HTTP/],
    },
    {
      title: "lets a tool import any package that it lists",
      packages: [
        domain,
        pkg(
          "tools/bench",
          { name: "@budget/bench", devDependencies: { "@budget/domain": "workspace:*", knex: "catalog:" } },
          { "src/a.ts": `import "@budget/domain";\nimport "knex";\nimport "pg";` },
        ),
      ],
      expected: [/tools\/bench\/src\/a\.ts: "pg": package\.json does not list pg/],
    },
    {
      title: "refuses a circle that goes through what tests depend on",
      packages: [
        pkg("packages/domain", {
          name: "@budget/domain",
          devDependencies: { "@budget/engine": "workspace:*" },
        }),
        pkg("packages/engine", engine),
        repositories,
      ],
      expected: [/in a circle: @budget\/domain -> @budget\/engine -> @budget\/domain/],
    },
  ];

  for (const { title, packages, expected } of cases) {
    it(title, () => {
      const found = checkLayers(packages, LAYERS, RESERVED).map(describeViolation);
      expect(found.join("\n").split("\n").filter(Boolean)).to.have.length(expected.length);
      expected.forEach((pattern, index) => expect(found[index]).to.match(pattern));
    });
  }

  it("does not take a word in a comment or a string for an import", () => {
    const text = `// import "@budget/engine"\nconst help = 'import x from "@budget/engine"';`;
    expect(importsOf(text, "src/a.ts")).to.deep.equal([]);
  });
});

/** A package with the given sources. */
function pkg(folder: string, manifest: Manifest, sources: Record<string, string> = {}): WorkspacePackage {
  return { folder, manifest, sources: Object.entries(sources).map(([path, text]) => ({ path, text })) };
}
