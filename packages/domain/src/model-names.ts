/** A date as providers write it into the name of a snapshot: -20250929 or -2025-09-29, @20250929 at Vertex. */
const SNAPSHOT_DATE = /[-@]20\d{2}(-?)(0[1-9]|1[0-2])\1(0[1-9]|[12]\d|3[01])(?=$|[-:@])/;

/**
 * The undated name of a dated snapshot: `gpt-4o` for `gpt-4o-2024-08-06`.
 * @returns undefined where the name has no date
 */
export function familyOf(model: string): string | undefined {
  return SNAPSHOT_DATE.test(model) ? model.replace(SNAPSHOT_DATE, "") : undefined;
}
