import { NotFoundError, type BudgetClient, type CurrentPrice } from "@budget/client-js";

export const FOUND_BY: Readonly<Record<CurrentPrice["matched_by"], string>> = {
  exact: "its exact name",
  alias: "the model that its name means now",
  family: "its undated name",
};

interface Named<T> {
  readonly answer: T;
  /** Says by which name it was found; empty where it was the one that was typed. */
  readonly note: string;
}

/** Null where the server does not know it. */
async function orNull<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof NotFoundError) return null;
    throw error;
  }
}

/**
 * Asks for a model by the name that was typed, and where that has no price, by the one that its price is found by.
 * @param hasPrice whether an answer has a price
 * @throws NotFoundError where nothing is known by any name
 */
export async function askByName<T>(
  client: BudgetClient,
  provider: string,
  model: string,
  ask: (provider: string, model: string) => Promise<T>,
  hasPrice: (answer: T) => boolean,
): Promise<Named<T>> {
  const typed = await orNull(ask(provider, model));
  if (typed !== null && hasPrice(typed)) return { answer: typed, note: "" };
  const current = client.prices.current({ provider, model });
  const found = typed === null ? await current : await orNull(current);
  // What is known of a model without any price is what was asked for.
  if (found === null) return { answer: await ask(provider, model), note: "" };
  const name = `${found.provider}/${found.model}`;
  return {
    answer: await ask(found.provider, found.model),
    note: `${provider}/${model} has no price of its own; it is found by ${FOUND_BY[found.matched_by]}: ${name}\n\n`,
  };
}
