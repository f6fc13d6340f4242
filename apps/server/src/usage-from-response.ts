import { UsageCreateSchema, type UsageCreate } from "@budget/domain";
import type { CommandContext, Engine, UsageInput } from "@budget/engine";
import { extractUsageFromResponse } from "@budget/price-sources";
import { Type } from "typebox";
import { isProblem } from "./command-context.ts";
import { problem, rejectionProblem, type ProblemAnswer } from "./problems.ts";
import { compileValidator } from "./validation.ts";

/**
 * Turns usage as it was sent into usage that is counted: where it carries a provider's raw response, the quantities, the
 * model and the service tier are read from that. The response itself goes no further.
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
  if (isProblem(provider)) return provider;
  const extracted = extractUsageFromResponse({ provider, response_body: response });
  if (!extracted.ok) return invalid("response", extracted.detail);
  const model = rest.model ?? modelOf(extracted.model);
  if (isProblem(model)) return model;
  const service_tier = rest.service_tier ?? extracted.service_tier;
  return {
    ...rest,
    provider,
    usage: extracted.usage,
    ...(model === undefined ? {} : { model }),
    ...(service_tier === null ? {} : { service_tier }),
  };
}

const validateModel = compileValidator(Type.Object({ model: UsageCreateSchema.properties.model }), "body");

/** The model that a response names, held to the same rules as one that a caller names. */
function modelOf(named: string | null): string | undefined | ProblemAnswer {
  if (named === null) return undefined;
  const holder = { model: named };
  if (validateModel(holder) === null) return holder.model;
  return invalid("response", "The response names a model that cannot be one; give model beside it.");
}

const invalid = (field: string, detail: string): ProblemAnswer =>
  problem({ code: "invalid_value", field: `/${field}`, detail });

async function providerOf(
  allocation_id: string | undefined,
  context: CommandContext,
  engine: Engine,
): Promise<string | ProblemAnswer> {
  if (allocation_id !== undefined) {
    const allocation = await engine.allocations.get(context, allocation_id);
    if (!allocation.ok) return rejectionProblem(allocation.rejection, 0);
    if (allocation.value.provider !== null) return allocation.value.provider;
  }
  return invalid(
    "provider",
    "provider is needed to read a response: name it, or an allocation that names it.",
  );
}
