import { readFile } from "node:fs/promises";
import type { BudgetPort } from "@budget/adapter-port";
import { recorded, type Exchange } from "./record-exchange.ts";
import { rhetorOver, type RhetorCase } from "./rhetor-cases.ts";
import type { TestBudget } from "./test-budget.ts";

/** Plays a case: what Rhetor calls, what Budget is asked for it, what Budget answers, and what Rhetor gets. */
export async function playRhetor(
  { given, play }: RhetorCase,
  budget: TestBudget,
): Promise<readonly Exchange[]> {
  const { port } = budget;
  await given?.(port);
  const calls: Exchange[] = [];
  const watched = watchedPort(port, (exchange) => calls.at(-1)?.asks?.push(exchange));
  const rhetor = recorded(rhetorOver(watched, budget), (exchange) =>
    calls.push(Object.assign(exchange, { asks: [] })),
  );
  await play(rhetor);
  // As the file has it: what is undefined is not there.
  return JSON.parse(JSON.stringify(calls)) as Exchange[];
}

/** Prices are many, and the same each time: that they were asked for is enough. */
const LEFT_OUT: ReadonlySet<string> = new Set(["prices.list"]);

const watchedPort = (port: BudgetPort, write: (exchange: Exchange) => void): BudgetPort =>
  recorded(port, (exchange) => {
    if (LEFT_OUT.has(exchange.call)) write({ call: exchange.call, with: exchange.with });
    else write(exchange);
  });

export const rhetorFile = (name: string): URL => new URL(`../golden/rhetor/${name}.json`, import.meta.url);

export const readRhetorFile = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(rhetorFile(name), "utf8")) as unknown;
