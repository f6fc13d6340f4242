import { describe, inWords, isSame, type AllocationBooks } from "./allocation-books.ts";
import { plus } from "./books.ts";
import { NOTHING, type Amount, type Facts } from "./facts.ts";

/**
 * Compares what was replayed with the rows as they are in the end: a change that the triggers missed, or that no event
 * tells of, shows here.
 * @param recorded how many usage records events told of
 * @returns every difference, in words
 */
export function compareWithEnd(
  facts: Facts,
  allocations: AllocationBooks,
  recorded: number,
): readonly string[] {
  const { final_allocations, final_usage, rewritten_usage } = facts;
  const differences = rewritten_usage.map((record_id) => `usage ${record_id} was rewritten`);
  for (const [allocation_id, state] of final_allocations) {
    const replayed = allocations.get(allocation_id)?.state;
    if (replayed !== undefined && isSame(replayed, state)) continue;
    differences.push(
      `allocation ${allocation_id} is ${describe(state)}, and was replayed to ${describe(replayed)}`,
    );
  }
  if (final_allocations.size !== allocations.size) {
    differences.push(`${allocations.size} allocations were granted, and ${final_allocations.size} are there`);
  }
  if (final_usage.records !== recorded) {
    differences.push(`${recorded} usage records were made, and ${final_usage.records} are there`);
  }
  const used = facts.usage.reduce<Amount>((sum, record) => plus(sum, record.used), NOTHING);
  if (final_usage.tokens !== used.tokens || final_usage.cost !== used.cost) {
    differences.push(`${inWords(used)} were recorded, and ${inWords(final_usage)} are there`);
  }
  return differences;
}
