import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { judgeAudit, type AuditRun } from "./audit.ts";

/** For both scopes together. */
const LONGEST_MS = 60_000;

const [command = "npx", ...first] = process.argv.slice(2);
const words = first.length > 0 ? first : ["-y", "pnpm@12"];
const deadline = AbortSignal.timeout(LONGEST_MS);

async function audit(scope: string): Promise<AuditRun> {
  const child = spawn(command, [...words, "audit", "--audit-level", "high", scope, "--json"], {
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, so that whatever it starts ends with it.
    detached: true,
  });
  const end = (): void => {
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  };
  deadline.addEventListener("abort", end);
  try {
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
    return { stdout, stderr, isOverdue: deadline.aborted };
  } finally {
    deadline.removeEventListener("abort", end);
  }
}

for (const scope of ["--prod", "--dev"]) {
  const { kind, lines } = judgeAudit(await audit(scope));
  console.log(lines.map((line) => `${scope.slice(2)}: ${kind}: ${line}`).join("\n"));
  if (kind === "vulnerable" || kind === "failed") process.exitCode = 1;
  // It would not answer the other question either.
  if (kind === "unanswered") break;
}
