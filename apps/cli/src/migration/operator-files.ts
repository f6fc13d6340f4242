import { OLD_SYSTEMS, normaliseName } from "@budget/domain";
import { NO_MAPPING, type Mapping } from "@budget/migration";
import type { RhetorRate } from "@budget/adapters-rhetor";
import type { OperatorFile, Place } from "@budget/price-sources";
import { UsageError } from "../exit-codes.ts";
import type { World } from "../session.ts";

/** A dollar for a token is above any price that was ever charged. */
const RATE = { scale: 15, least: 0n, most: 10n ** 15n, words: "dollars for a token, from 0 to 1" } as const;
const MOST_PROBLEMS = 20;

/**
 * Reads a file of the operator's, YAML or JSON.
 * @throws UsageError that names every mistake with its line
 */
async function readOperatorFile<T>(world: World, path: string, read: (file: OperatorFile) => T): Promise<T> {
  const text = await world.readFile(path).catch((error: unknown) => {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new UsageError(`The file ${path} cannot be read (${code}).`);
  });
  const { OperatorFile } = await import("@budget/price-sources");
  const file = new OperatorFile(path, text);
  const value = file.problems.length === 0 ? read(file) : undefined;
  if (value !== undefined && file.problems.length === 0) return value;
  throw new UsageError(
    file.problems
      .slice(0, MOST_PROBLEMS)
      .map(
        ({ line, column, pointer, detail }) =>
          `${path}:${line}:${column}: ${pointer === "" ? "" : `${pointer}: `}${detail}`,
      )
      .join("\n"),
  );
}

/**
 * Reads what is to be called otherwise than in an old system: `components`, new names by old ones, and `budgets`, the
 * budgets that things go into by the system that they come from.
 * @throws UsageError that names every mistake with its line
 */
export async function readMapping(world: World, path: string | undefined): Promise<Mapping> {
  if (path === undefined) return NO_MAPPING;
  return readOperatorFile(world, path, (file) => {
    const fields = file.fields(file.root, ["components", "budgets"]);
    const components = fields?.get("components");
    const budgets = fields?.get("budgets");
    return {
      components: new Map(
        (components ? file.entries(components) : []).map(([name, place]) => [
          normaliseName(name),
          normaliseName(file.text(place) ?? ""),
        ]),
      ),
      budgets: new Map(budgets ? budgetsIn(file, budgets) : []),
    };
  });
}

function budgetsIn(file: OperatorFile, place: Place) {
  const fields = file.fields(place, OLD_SYSTEMS);
  return OLD_SYSTEMS.flatMap((system) => {
    const at = fields?.get(system);
    return at === undefined ? [] : [[system, file.text(at) ?? ""] as const];
  });
}

/**
 * Reads Rhetor's table of rates: provider, model, and of each what a token of input and of output costs. Numbers are
 * read as they are written.
 * @throws UsageError that names every mistake with its line
 */
export async function readRates(world: World, path: string | undefined): Promise<readonly RhetorRate[]> {
  if (path === undefined) return [];
  return readOperatorFile(world, path, (file) =>
    file
      .entries(file.root)
      .flatMap(([provider, models]) =>
        file.entries(models).map(([model, place]) => rateOf(file, provider, model, place)),
      ),
  );
}

const INPUT = "input_cost_per_token";
const OUTPUT = "output_cost_per_token";

function rateOf(file: OperatorFile, provider: string, model: string, place: Place): RhetorRate {
  const fields = file.fields(place, [INPUT, OUTPUT], [INPUT, OUTPUT]);
  const amount = (name: string): bigint => {
    const at = fields?.get(name);
    return (at && file.decimal(at, RATE)) ?? 0n;
  };
  return {
    provider: normaliseName(provider),
    model: normaliseName(model),
    input_femto_usd: amount(INPUT),
    output_femto_usd: amount(OUTPUT),
  };
}
