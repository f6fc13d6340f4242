import { readFile } from "node:fs/promises";
import { adapterOver, type ApolloCase } from "./apollo-cases.ts";
import { recorded, type Exchange } from "./record-exchange.ts";
import type { TestBudget } from "./test-budget.ts";

/** Plays a case: what Apollo calls, what Budget is asked for it, what Budget answers, and what Apollo gets. */
export async function playCase(
  { given, play }: ApolloCase,
  budget: TestBudget,
): Promise<readonly Exchange[]> {
  const { port } = budget;
  await given?.(port);
  const calls: Exchange[] = [];
  const watched = recorded(port, (exchange) => calls.at(-1)?.asks?.push(exchange));
  const apollo = recorded(adapterOver(watched, budget), (exchange) =>
    calls.push(Object.assign(exchange, { asks: [] })),
  );
  await play(apollo, port);
  // As the file has it: what is undefined is not there.
  return JSON.parse(JSON.stringify(calls)) as Exchange[];
}

export const goldenFile = (name: string): URL => new URL(`../golden/apollo/${name}.json`, import.meta.url);

export const readGolden = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(goldenFile(name), "utf8")) as unknown;
