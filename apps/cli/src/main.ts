#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import { readLocalKey } from "./local-key.ts";
import { text } from "node:stream/consumers";
import { run } from "./program.ts";

process.exitCode = await run(process.argv.slice(2), {
  stdout: (written) => void process.stdout.write(written),
  stderr: (written) => void process.stderr.write(written),
  environment: process.env,
  localKey: () => readLocalKey(process.env),
  readFile: (path) => (path === "-" ? text(process.stdin) : readFile(path, "utf8")),
});
