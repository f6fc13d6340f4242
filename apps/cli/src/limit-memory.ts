/** MB for the youngest objects, and for all others. */
const LIMITS = ["--max-semi-space-size=4", "--max-old-space-size=192"];

/**
 * Starts `budget migrate` anew, as the same process, with a small heap: V8 takes memory as long as there is some, and an
 * import of gigabytes would have half of one for what could be freed at any time. Where the system cannot do that it
 * goes on as it is.
 */
export function limitMemory(): void {
  const [script = "", ...words] = process.argv.slice(1);
  const command = words.find((word) => !word.startsWith("-"));
  const isLimited = LIMITS.every((limit) => process.execArgv.includes(limit));
  if (command !== "migrate" || isLimited || process.platform === "win32") return;
  const words_of_node = [process.execPath, ...process.execArgv, ...LIMITS, script, ...words];
  process.execve?.(process.execPath, words_of_node, process.env);
}
