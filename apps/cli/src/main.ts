#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline/promises";
import { text } from "node:stream/consumers";
import { limitMemory } from "./limit-memory.ts";
import { run } from "./program.ts";
import type { Terminal } from "./session.ts";

limitMemory();

// Whoever reads only the first lines of what is printed, as `head` does, has what they want.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

const terminal: Terminal = {
  get columns() {
    return process.stderr.columns;
  },
  async ask(question) {
    const lines = createInterface({ input: process.stdin, output: process.stderr });
    try {
      return await lines.question(question);
    } finally {
      lines.close();
    }
  },
};

process.exitCode = await run(process.argv.slice(2), {
  stdout: (written) => void process.stdout.write(written),
  stderr: (written) => void process.stderr.write(written),
  environment: process.env,
  terminal: process.stdin.isTTY && process.stderr.isTTY ? terminal : null,
  readFile: (path) => (path === "-" ? text(process.stdin) : readFile(path, "utf8")),
});
