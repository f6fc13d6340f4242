const VARIABLE =
  /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{3})?Z|\d{4}-\d{2}-\d{2} \d{2}:\d{2}(?::\d{2})?|localhost:\d+/g;

/**
 * Compares what a command printed with what the README shows. Ids, times and ports differ from run to run: each id of
 * the README stands for one id of this run, which `ids` learns and later commands use.
 * @returns null where they agree, else the first line that does not
 */
export function compareOutput(
  expected: readonly string[],
  actual: readonly string[],
  ids: Map<string, string>,
): string | null {
  for (let index = 0; index < Math.max(expected.length, actual.length); index += 1) {
    const [wanted, got] = [expected[index] ?? "(no more)", actual[index] ?? "(no more)"];
    if (!agrees(wanted, got, ids)) return `line ${index + 1}\n  README: ${wanted}\n  run:    ${got}`;
  }
  return null;
}

function agrees(wanted: string, got: string, ids: Map<string, string>): boolean {
  if (wanted.replaceAll(VARIABLE, "?") !== got.replaceAll(VARIABLE, "?")) return false;
  const [wantedValues, gotValues] = [wanted.match(VARIABLE) ?? [], got.match(VARIABLE) ?? []];
  return wantedValues.every((value, index) => {
    const run = gotValues[index] ?? "";
    if (!/-7[0-9a-f]{3}-/.test(value)) return true;
    const known = ids.get(value);
    if (known === undefined) ids.set(value, run);
    return known === undefined || known === run;
  });
}

/** A command of the README with the ids of this run. */
export function withIds(command: string, ids: ReadonlyMap<string, string>): string {
  return command.replaceAll(VARIABLE, (value) => ids.get(value) ?? value);
}
