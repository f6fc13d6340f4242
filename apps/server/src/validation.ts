import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addFormats from "ajv-formats";
import addKeywords from "ajv-keywords";
import type { TSchema } from "typebox";
import { problem, type ProblemAnswer } from "./problems.ts";

type Source = "body" | "query" | "params";

/** Metadata is stored with every row that carries it, so it has a size. */
export const MAX_METADATA_BYTES = 16 * 1024;
/** What reads metadata goes down into it, and the stack has an end. */
export const MAX_METADATA_DEPTH = 100;

// The format of ajv-formats also takes urn:uuid:, which PostgreSQL does not read.
const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
// That of ajv-formats also takes leap seconds and offsets without minutes, of which Date makes no time.
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

// Wrong values of any kind are named, several at once; what is right is never changed but for case and white space.
const strictAjv = prepare(new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: false }));
// Query and path are text: numbers and booleans in them are read as such.
const textAjv = prepare(
  new Ajv({ allErrors: true, verbose: true, strict: true, strictTypes: false, coerceTypes: true }),
);

function prepare(ajv: Ajv): Ajv {
  const { validate: isRfcTime } = addFormats.default.get("date-time") as {
    validate: (text: string) => boolean;
  };
  ajv.addFormat("uuid", UUID);
  ajv.addFormat("date-time", (text) => TIME.test(text) && isRfcTime(text) && !Number.isNaN(Date.parse(text)));
  addKeywords.default(ajv, ["transform"]);
  return ajv;
}

/** Says what is wrong with a value, or null where nothing is. The value's words are folded to their case. */
export type Validator = (value: unknown) => ProblemAnswer | null;

export function compileValidator(schema: TSchema, source: Source): Validator {
  const validate: ValidateFunction = (source === "body" ? strictAjv : textAjv).compile(schema);
  return (value) => {
    if (!validate(value)) return invalid(explain(validate.errors ?? []), source);
    return source === "body" ? tooMuchMetadata(value) : infinite(value as object, source);
  };
}

interface FieldError {
  readonly field: string;
  readonly detail: string;
}

/** A body can be wrong in more places than anybody reads, and naming all would make a small one's answer huge. */
const MAX_NAMED_ERRORS = 10;

function invalid(all: readonly FieldError[], source: Source): ProblemAnswer {
  const errors = all.slice(0, MAX_NAMED_ERRORS);
  const [first] = errors;
  const where = source === "body" ? "" : source === "query" ? "query parameter " : "path parameter ";
  const more = all.length > errors.length ? [`And ${all.length - errors.length} more.`] : [];
  return problem({
    code: "invalid_value",
    detail: where + [...errors.map(({ detail }) => detail), ...more].join(" "),
    ...(first === undefined ? {} : { field: first.field }),
    errors,
  });
}

/** Text such as 1e400 is read as a number without an end, which Ajv compares with no limit. */
function infinite(value: object, source: Source): ProblemAnswer | null {
  const errors = Object.entries(value)
    .filter(([, part]) => typeof part === "number" && !Number.isFinite(part))
    .map(([name]) => ({ field: `/${name}`, detail: `${name} must be a finite number.` }));
  return errors.length === 0 ? null : invalid(errors, source);
}

function tooMuchMetadata(value: unknown): ProblemAnswer | null {
  const metadata = (value as { metadata?: unknown }).metadata;
  if (metadata === undefined) return null;
  if (isDeeperThan(MAX_METADATA_DEPTH, metadata)) {
    const detail = `metadata must not be nested deeper than ${MAX_METADATA_DEPTH} levels.`;
    return invalid([{ field: "/metadata", detail }], "body");
  }
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes <= MAX_METADATA_BYTES) return null;
  const detail = `metadata must not be larger than ${MAX_METADATA_BYTES} bytes of JSON; it has ${bytes}.`;
  return invalid([{ field: "/metadata", detail }], "body");
}

/** Looks level by level, so that it needs no stack. */
function isDeeperThan(levels: number, value: unknown): boolean {
  let level = [value].filter(isNested);
  for (let depth = 0; depth < levels; depth++) {
    level = level.flatMap((part) => Object.values(part).filter(isNested));
    if (level.length === 0) return false;
  }
  return level.length > 0;
}

const isNested = (value: unknown): value is object => typeof value === "object" && value !== null;

/** One sentence for each wrong field; of the branches of a choice only the one that says most is kept. */
function explain(errors: readonly ErrorObject[]): readonly FieldError[] {
  const byField = new Map<string, FieldError>();
  for (const error of errors) {
    if (error.keyword === "anyOf" || (error.keyword === "type" && error.params.type === "null")) continue;
    if (isOtherBranch(error, errors)) continue;
    const explained = explainOne(error);
    if (!byField.has(explained.field)) byField.set(explained.field, explained);
  }
  return [...byField.values()];
}

/** Whether a wrong type is that of a branch which the value does not mean: another branch says what is wrong within. */
const isOtherBranch = (error: ErrorObject, errors: readonly ErrorObject[]): boolean =>
  error.keyword === "type" &&
  isNested(error.data) &&
  errors.some(
    ({ keyword, instancePath }) =>
      keyword !== "anyOf" && keyword !== "type" && instancePath.startsWith(error.instancePath),
  );

function explainOne(error: ErrorObject): FieldError {
  const at = error.instancePath;
  if (error.keyword === "additionalProperties") {
    const name = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
    return {
      field: `${at}/${escapePointer(name)}`,
      detail: `${name} is not known here; ${known.length === 0 ? "nothing is" : `known are ${known.join(", ")}`}.`,
    };
  }
  if (error.keyword === "required") {
    const name = String(error.params.missingProperty);
    return { field: `${at}/${escapePointer(name)}`, detail: `${name} is missing.` };
  }
  const name = at === "" ? "The body" : at.slice(1).replaceAll("/", ".");
  const isSecret = (error.parentSchema as { writeOnly?: boolean }).writeOnly === true;
  const found = isSecret ? "" : `; it was ${shown(error.data)}`;
  return { field: at, detail: `${name} ${expectation(error)}${found}.` };
}

function expectation(error: ErrorObject): string {
  switch (error.keyword) {
    case "enum":
      return `must be one of ${(error.params.allowedValues as unknown[]).join(", ")}`;
    case "type":
      return `must be ${String(error.params.type) === "integer" ? "a whole number" : `of type ${String(error.params.type)}`}`;
    case "minimum":
      return `must be at least ${String(error.params.limit)}`;
    case "maximum":
      return `must be at most ${String(error.params.limit)}`;
    case "format":
      return FORMATS[String(error.params.format)] ?? "has the wrong format";
    case "pattern":
      return String(error.params.pattern).includes("\\d")
        ? "must be decimal text such as 0.50, with at most 9 decimals"
        : "must be text without NUL characters and broken surrogate pairs";
    default:
      return error.message ?? "is wrong";
  }
}

const FORMATS: Readonly<Record<string, string>> = {
  uuid: "must be a UUID",
  "date-time": "must be a time such as 2026-11-23T09:30:00Z",
  date: "must be a date such as 2026-11-23",
};

const MAX_SHOWN = 60;

/** A wrong value for a message: short, on one line, and without what lies deeper in it. */
function shown(value: unknown): string {
  // 1e400 is read as Infinity, which JSON would call null.
  if (typeof value === "number") return String(value);
  // The keyword `transform` looks words up in an object, where `constructor` is a function.
  if (typeof value === "function") return "another word";
  const text = JSON.stringify(value, (_key, part: unknown) =>
    isNested(part) && part !== value ? "…" : part,
  );
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text;
}

const escapePointer = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");
