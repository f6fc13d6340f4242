import type { UsageCreate } from "@budget/domain";
import type { CommandContext, Engine, UsageInput } from "@budget/engine";
import { extractUsageFromResponse } from "@budget/price-sources";
import { problem, type ProblemAnswer } from "./problems.ts";

/**
 * Turns usage as it was sent into usage that is counted: where it carries a provider's raw response, the quantities and
 * the model are read from that. The response itself goes no further.
 */
export async function countedUsage(
  input: UsageCreate,
  context: CommandContext,
  engine: Engine,
): Promise<UsageInput | ProblemAnswer> {
  const { response, ...rest } = input;
  if (response === undefined) return rest;
  for (const field of ["usage", "input_tokens", "output_tokens"] as const) {
    if (rest[field] !== undefined) return invalid(field, `Give response or ${field}, not both.`);
  }
  const provider = rest.provider ?? (await providerOf(rest.allocation_id, context, engine));
  if (provider === undefined) {
    return invalid(
      "provider",
      "provider is needed to read a response: name it, or an allocation that names it.",
    );
  }
  const extracted = extractUsageFromResponse({ provider, response_body: response });
  if (!extracted.ok) return invalid("response", extracted.detail);
  const model = rest.model ?? (extracted.model === null ? undefined : extracted.model.trim().toLowerCase());
  return { ...rest, provider, usage: extracted.usage, ...(model === undefined ? {} : { model }) };
}

const invalid = (field: string, detail: string): ProblemAnswer =>
  problem({ code: "invalid_value", field: `/${field}`, detail });

async function providerOf(
  allocation_id: string | undefined,
  context: CommandContext,
  engine: Engine,
): Promise<string | undefined> {
  if (allocation_id === undefined) return undefined;
  const allocation = await engine.allocations.get(context, allocation_id);
  return (allocation.ok ? allocation.value.provider : null) ?? undefined;
}
