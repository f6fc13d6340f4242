import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { VERSION, openApiDocument } from "@budget/server";

const FILE = "docs/openapi.json";
const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../", import.meta.url));

const LINTERS = [
  {
    name: "Redocly",
    command: "redocly",
    arguments: ["lint", "--config=tools/openapi/redocly.yaml", "--max-problems=1000", FILE],
    // Redocly exits with 0 on warnings; this is what it says where there are none.
    clean: "Your API description is valid.",
    dirty: /\d+ warnings?/,
  },
  {
    name: "Spectral",
    command: "spectral",
    arguments: ["lint", "--ruleset=tools/openapi/spectral.yaml", "--fail-severity=hint", FILE],
    clean: "No results with a severity of",
    dirty: undefined,
  },
] as const;

const command = process.argv[2];
switch (command) {
  case "write":
    writeFileSync(ROOT + FILE, generated());
    console.log(`${FILE} is written.`);
    break;
  case "check":
    if (isCurrent()) for (const linter of LINTERS) lint(linter);
    break;
  default:
    console.error("Usage: main.ts write|check");
    process.exitCode = 2;
}

function generated(): string {
  return `${JSON.stringify(openApiDocument(VERSION), null, 2)}\n`;
}

function isCurrent(): boolean {
  if (written() === generated()) {
    console.log(`${FILE} is what the routes make.`);
    return true;
  }
  console.error(`${FILE} is not what the routes make. Run: pnpm openapi`);
  process.exitCode = 1;
  return false;
}

function written(): string | undefined {
  try {
    return readFileSync(ROOT + FILE, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function lint(linter: (typeof LINTERS)[number]): void {
  const { status, stdout, stderr, error } = spawnSync(
    `${PACKAGE}node_modules/.bin/${linter.command}`,
    linter.arguments,
    {
      cwd: ROOT,
      encoding: "utf8",
      env: {
        ...process.env,
        // Nothing is asked or told over the network.
        REDOCLY_TELEMETRY: "off",
        REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
      },
    },
  );
  const said = `${stdout}${stderr}`;
  if (status === 0 && said.includes(linter.clean) && linter.dirty?.test(said) !== true) {
    console.log(`${linter.name} finds nothing in ${FILE}.`);
    return;
  }
  console.error(`${said}${error?.message ?? ""}\n${linter.name} is not content with ${FILE}.`);
  process.exitCode = 1;
}
