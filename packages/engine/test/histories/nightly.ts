import { TEST_DATABASES } from "@budget/repositories/testing";
import { parseArgs } from "node:util";
import { runHistories } from "./run-histories.ts";

/** `pnpm histories`: as many histories as are wanted, or one failure again by its seed and path. */
const { values } = parseArgs({
  options: {
    database: { type: "string", default: "sqlite" },
    count: { type: "string", default: "50000" },
    seed: { type: "string", default: "1" },
    path: { type: "string" },
    "no-shrink": { type: "boolean", default: false },
  },
});
const kind = TEST_DATABASES.find(({ name }) => name === values.database);
if (kind === undefined)
  throw new Error(`--database must be ${TEST_DATABASES.map(({ name }) => name).join(" or ")}.`);
const started_ms = performance.now();
await runHistories({
  kind,
  count: Number(values.count),
  seed: Number(values.seed),
  shrink: !values["no-shrink"],
  ...(values.path === undefined ? {} : { path: values.path }),
  onProgress: (done) => {
    const minutes = ((performance.now() - started_ms) / 60_000).toFixed(1);
    console.log(
      `${done} of ${values.count} histories of 200 steps on ${kind.name}, seed ${values.seed}: no difference (${minutes} min)`,
    );
  },
});
process.exit(0);
