import { Type, type TSchema } from "typebox";
import {
  ALERT_SEVERITIES,
  PERIODS,
  POLICY_TYPES,
  POLICY_TYPE_WORDS,
  SERVICE_TIERS,
  TIERS,
  USAGE_DIMENSIONS,
} from "../enums.ts";

/**
 * The building blocks of the wire shapes. The keyword `transform` is read by ajv-keywords at the edge: it trims and
 * folds case before a word is compared, so that `DAILY` and `daily` are the same.
 */

/** No single quantity of tokens passes this: sums of thousands of them still fit a safe integer. */
export const MAX_TOKENS = 1_000_000_000_000;

/** Dollars up to this amount fit the 64 bits of nano-dollars with room for sums. */
export const MAX_USD = 1_000_000_000;

export const nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const word = <Values extends string[]>(values: readonly [...Values], description: string) =>
  Type.Enum(values, { transform: ["trim", "toEnumCase"], description });

/** Text that every database takes: PostgreSQL knows no NUL, and half of a surrogate pair is no text at all. */
const STORABLE = "^[^\\u0000\\ud800-\\udfff]*$";

/** An id of ours, in lower case as the databases compare it. */
export const Uuid = (description: string) =>
  Type.String({ format: "uuid", transform: ["toLowerCase"], description });
export const Time = (description: string) =>
  Type.String({ format: "date-time", description, examples: ["2026-11-23T09:30:00.000Z"] });
export const Tokens = (description: string) => Type.Integer({ minimum: 0, maximum: MAX_TOKENS, description });
/** A number of tokens, or the fewest and the most that are of use. */
export const TokensOrRange = (minimum: number, description: string) =>
  Type.Union(
    [
      Type.Integer({ minimum, maximum: MAX_TOKENS }),
      Type.Object(
        {
          min: Type.Integer({ minimum: Math.max(1, minimum), maximum: MAX_TOKENS }),
          max: Type.Integer({ minimum: Math.max(1, minimum), maximum: MAX_TOKENS }),
        },
        { additionalProperties: false },
      ),
    ],
    { description: `${description}: a number, or {min, max} to be granted the most of it that fits` },
  );
/** Tokens as answered: sums of what was asked for and used, which have no bound of their own. */
export const TokenSum = (description: string) => Type.Integer({ minimum: 0, description });
export const Share = (description: string) => Type.Number({ minimum: 0, maximum: 1, description });

/** Dollars as answered: a JSON number whose digits are exact. */
export const Usd = (description: string) => Type.Number({ description: `${description}, in USD` });

/** Dollars as read: a number, or decimal text where a double would lose digits. */
export const UsdInput = (description: string) =>
  Type.Union(
    [
      Type.Number({ minimum: 0, maximum: MAX_USD }),
      Type.String({ pattern: "^\\d{1,10}(\\.\\d{1,9})?$", examples: ["0.50"] }),
    ],
    { description: `${description}, in USD: a number or decimal text with at most 9 decimals` },
  );

/** A name that policies match on: compared without regard to case. */
export const Dimension = (description: string) =>
  Type.String({
    minLength: 1,
    maxLength: 200,
    pattern: STORABLE,
    transform: ["trim", "toLowerCase"],
    description,
  });

export const Label = (description: string, maxLength = 200) =>
  Type.String({ minLength: 1, maxLength, pattern: STORABLE, description });

/** Text in lower case that may be empty. */
export const PriceScope = Type.String({
  maxLength: 200,
  pattern: STORABLE,
  transform: ["trim", "toLowerCase"],
  description:
    "The region or commitment that the price depends on, such as `us` or `us-east-1`; empty for the general price",
});

/** Text that may be empty. */
export const Prose = (description: string, maxLength: number) =>
  Type.String({ maxLength, pattern: STORABLE, description });

export const MetadataSchema = Type.Record(Type.String(), Type.Unknown(), {
  description: "Free data of the caller; stored and answered, never read",
});

export const PolicyTypeWord = word(POLICY_TYPES, "`log` counts, `warn` warns, `enforce` refuses");
export const PolicyTypeInput = Type.Enum([...POLICY_TYPE_WORDS], {
  transform: ["trim", "toEnumCase"],
  description: "`ignore` is read as `log`, `soft_limit` as `warn`, `hard_limit` as `enforce`",
});
export const PeriodWord = word(PERIODS, "The span that the limit counts over");
export const TierWord = word(TIERS, "The weight class of the model");
export const ServiceTierWord = word(
  SERVICE_TIERS,
  "How the provider serves the call; `standard` if left out",
);
export const UsageDimensionWord = word(USAGE_DIMENSIONS, "What usage is summed up by");
export const SeverityWord = word(ALERT_SEVERITIES, "How serious it is");

export const ContextId = Label("The session, task or conversation that the call belongs to");
export const Priority = Type.Integer({
  minimum: 1,
  maximum: 10,
  description: "1 low, 5 normal, 8 high, 10 critical",
});

/** Query parameters of a list: `page` counts from 1. */
export const PageQuery = {
  page: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1, description: "Page, from 1" }),
  ),
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 1000, default: 20, description: "Items on a page" }),
  ),
};

/** What a list that takes nothing else may be asked. */
export const PageQuerySchema = Type.Object(PageQuery, { additionalProperties: false });

/** The answer of a list route. */
export const listOf = <T extends TSchema>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    total: Type.Integer({ minimum: 0, description: "How many there are in all" }),
    page: Type.Integer({ minimum: 1 }),
    limit: Type.Integer({ minimum: 1 }),
  });

export const closed = { additionalProperties: false } as const;
