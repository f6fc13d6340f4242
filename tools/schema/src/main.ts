import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { TEST_DATABASES, stopTestServer } from "@budget/repositories/testing";
import { dumpSchema } from "./dump.ts";

const command = process.argv[2];
if (command !== "write" && command !== "check") {
  console.error("Usage: main.ts write|check");
  process.exit(2);
}

try {
  for (const kind of TEST_DATABASES) {
    const test = await kind.open();
    const dump = await dumpSchema(test.database);
    await test.close();
    const file = `docs/schema-${kind.name}.sql`;
    const path = fileURLToPath(new URL(`../../../${file}`, import.meta.url));
    if (command === "write") {
      writeFileSync(path, dump);
      console.log(`${file} is written.`);
    } else if (isSame(file, path, dump)) {
      console.log(`${file} is the schema that the migrations make.`);
    }
  }
} finally {
  await stopTestServer();
}

function isSame(file: string, path: string, dump: string): boolean {
  const { status, stdout, stderr, error } = spawnSync(
    "diff",
    ["-u", "-L", file, "-L", "migrations", path, "-"],
    {
      input: dump,
      encoding: "utf8",
    },
  );
  if (status === 0) return true;
  console.error(`${stdout}${stderr}${error?.message ?? ""}`);
  console.error(`${file} is not the schema that the migrations make. Run: pnpm schema:dump`);
  process.exitCode = 1;
  return false;
}
