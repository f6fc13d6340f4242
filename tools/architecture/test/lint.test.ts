import { join } from "node:path";
import { expect } from "chai";
import { ESLint } from "eslint";
import tseslint from "typescript-eslint";

const ROOT = join(import.meta.dirname, "../../..");

/** The rules that need no types, on a text that is in no file. */
const eslint = new ESLint({
  cwd: ROOT,
  overrideConfig: {
    files: ["**/*.ts"],
    rules: tseslint.configs.disableTypeChecked.rules ?? {},
    languageOptions: { parserOptions: { projectService: false, project: null } },
  },
});

async function messages(filePath: string, text: string): Promise<string[]> {
  const results = await eslint.lintText(text, { filePath: join(ROOT, filePath) });
  return results.flatMap((result) => result.messages.map(({ message }) => message));
}

const INJECTED = ["domain", "repositories", "engine", "price-sources", "services", "adapters-apollo"].map(
  (name) => `packages/${name}/src/seeded.ts`,
);
const TEST = "packages/engine/test/seeded.test.ts";

describe("lint rules of the house", function () {
  this.timeout(60_000);

  const refused: { text: string; files: string[]; reason: RegExp }[] = [
    ...[
      `export const a = Date.now();`,
      `export const a = new Date();`,
      `export const a = Date();`,
      `export const a = performance.now();`,
      `import { DateTime } from "luxon"; export const a = DateTime.now();`,
      `import { DateTime } from "luxon"; export const a = DateTime.utc();`,
    ].map((text) => ({ text, files: INJECTED, reason: /injected clock/ })),
    ...[
      `export const a = Math.random();`,
      `export const a = crypto.randomUUID();`,
      `import { randomUUID } from "node:crypto"; export const a = randomUUID();`,
      `import * as crypto from "node:crypto"; export const a = crypto.randomBytes(4);`,
    ].map((text) => ({ text, files: INJECTED, reason: /ids are injected/ })),
    ...[
      `export const a = process.env["A"];`,
      `import { env } from "node:process"; export const a = env;`,
    ].map((text) => ({ text, files: INJECTED, reason: /Settings are read once/ })),
    ...[
      `setTimeout(() => undefined, 1);`,
      `globalThis.setInterval(() => undefined, 1);`,
      `import { setTimeout as sleep } from "node:timers/promises"; await sleep(1);`,
    ].map((text) => ({ text, files: INJECTED, reason: /Timers come from the injected clock/ })),
    {
      text: `export default 1;`,
      files: [...INJECTED, "apps/server/src/seeded.ts", TEST],
      reason: /Exports have names/,
    },
    {
      text: `export let a: any;`,
      files: [...INJECTED, "apps/server/src/seeded.ts", TEST],
      reason: /Unexpected any/,
    },
    {
      text: `// @ts-ignore because it is hard to type\nexport const a = 1;`,
      files: [...INJECTED, "apps/server/src/seeded.ts", TEST],
      reason: /ts-ignore/,
    },
    { text: `describe.only("a", () => undefined);`, files: [TEST], reason: /switches all others off/ },
    ...[
      `it.skip("a", () => undefined);`,
      `describe.skip("a", () => undefined);`,
      `xit("a", () => undefined);`,
      `it("a", function () { this.skip(); });`,
    ].map((text) => ({ text, files: [TEST, "tools/ci/test/seeded.test.ts"], reason: /No test is skipped/ })),
    { text: `it("a");`, files: [TEST], reason: /without a body/ },
  ];
  for (const { text, files, reason } of refused) {
    it(`refuse ${text}`, async () => {
      for (const file of files) {
        expect(
          (await messages(file, text)).filter((message) => reason.test(message)),
          file,
        ).to.not.be.empty;
      }
    });
  }

  const accepted: { text: string; file: string }[] = [
    { text: `export const a = new Date(0);`, file: "packages/engine/src/seeded.ts" },
    { text: `export const a = Date.now();`, file: "apps/server/src/seeded.ts" },
    { text: `setTimeout(() => undefined, 1);`, file: "packages/client-js/src/seeded.ts" },
    { text: `export default {};`, file: "apps/dashboard/vite.config.ts" },
    { text: `it("a", () => { expect(true).to.be.true; });`, file: TEST },
  ];
  for (const { text, file } of accepted) {
    it(`accept ${text} in ${file}`, async () => {
      expect(await messages(file, text)).to.deep.equal([]);
    });
  }
});
