/** One step of the tour: a command with the output that the README shows, or something that the reader does elsewhere. */
export type Step =
  | { readonly kind: "command"; readonly command: string; readonly output: readonly string[] }
  | { readonly kind: "start" | "kill" };

const TOUR = /<!-- tour: begin -->([\s\S]*)<!-- tour: end -->/;
const PART = /<!-- tour: (start|kill) server -->|```console\n([\s\S]*?)```/g;
const PROMPT = "$ ";
const CONTINUATION = "> ";

/**
 * Reads the tour out of the README: its console blocks, in which a line that starts with `$ ` is typed, `> ` goes on with
 * it, and the rest is the output; and its remarks that say when the server is started or killed.
 */
export function readTour(readme: string): readonly Step[] {
  const tour = TOUR.exec(readme)?.[1];
  if (tour === undefined) throw new Error("The README has no tour.");
  return [...tour.matchAll(PART)].flatMap(([, remark, block]): Step[] =>
    remark === undefined ? readBlock(block ?? "") : [{ kind: remark as "start" | "kill" }],
  );
}

function readBlock(block: string): Step[] {
  const steps: { kind: "command"; command: string; output: string[] }[] = [];
  for (const line of block.trimEnd().split("\n")) {
    const last = steps.at(-1);
    if (line.startsWith(PROMPT)) {
      steps.push({ kind: "command", command: line.slice(PROMPT.length), output: [] });
    } else if (last === undefined) {
      throw new Error(`The block of the tour does not start with a command: ${line}`);
    } else if (line.startsWith(CONTINUATION) && last.output.length === 0) {
      last.command += `\n${line.slice(CONTINUATION.length)}`;
    } else {
      last.output.push(line.trimEnd());
    }
  }
  return steps;
}
