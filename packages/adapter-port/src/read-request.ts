import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import addKeywords from "ajv-keywords";
import type { TSchema } from "typebox";
import { PortError } from "./port-error.ts";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/i;

const ajv = new Ajv({ strict: true, strictTypes: false });
ajv.addFormat("uuid", UUID);
ajv.addFormat("date-time", (text: string) => TIME.test(text) && !Number.isNaN(Date.parse(text)));
addKeywords.default(ajv, ["transform"]);

/**
 * Makes a reader of requests that holds them to a schema of the domain, as the HTTP server does: the engine takes what it
 * is given for well formed. The reader answers a copy whose words are folded to their case.
 * @throws PortError `invalid_value` naming the field, from the reader
 */
export function requestReader<T>(schema: TSchema): (request: T) => T {
  const validate: ValidateFunction = ajv.compile(schema);
  return (request) => {
    const copy = structuredClone(request);
    if (validate(copy)) return copy;
    const [error] = validate.errors ?? [];
    const field = error === undefined ? "" : fieldOf(error);
    const name = field === "" ? "The request" : field.slice(1).replaceAll("/", ".");
    throw new PortError("invalid_value", `${name} ${expectation(error)}.`, field);
  };
}

function expectation(error: ErrorObject | undefined): string {
  switch (error?.keyword) {
    case "enum":
      return `must be one of ${(error.params.allowedValues as unknown[]).join(", ")}`;
    case "required":
      return "is missing";
    case "additionalProperties":
      return "is not known here";
    default:
      return error?.message ?? "is wrong";
  }
}

function fieldOf({ instancePath, keyword, params }: ErrorObject): string {
  if (keyword === "required") return `${instancePath}/${String(params.missingProperty)}`;
  if (keyword === "additionalProperties") return `${instancePath}/${String(params.additionalProperty)}`;
  return instancePath;
}
