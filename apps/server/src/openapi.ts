import * as domain from "@budget/domain";
import type { TSchema } from "typebox";
import { accessTo } from "./access.ts";
import { STATUS_OF, problem, type ProblemCode } from "./problems.ts";
import { refusalExample } from "./routes/examples.ts";
import { ROUTES } from "./routes/index.ts";
import type { Route, Success } from "./routes/route.ts";

type Json = Readonly<Record<string, unknown>>;

/** The schemas that have a name of their own in the document. */
const COMPONENTS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  [domain.BudgetSchema, "Budget"],
  [domain.BudgetCreateSchema, "BudgetCreate"],
  [domain.BudgetUpdateSchema, "BudgetUpdate"],
  [domain.BudgetSummarySchema, "BudgetSummary"],
  [domain.PolicySchema, "Policy"],
  [domain.PolicyCreateSchema, "PolicyCreate"],
  [domain.PolicyUpdateSchema, "PolicyUpdate"],
  [domain.AllocationSchema, "Allocation"],
  [domain.AllocationCreateSchema, "AllocationCreate"],
  [domain.AllocationExtendSchema, "AllocationExtend"],
  [domain.AllocationCheckSchema, "AllocationCheck"],
  [domain.AllocationBatchSchema, "AllocationBatch"],
  [domain.AllocationBatchAnswerSchema, "AllocationBatchAnswer"],
  [domain.GrantSchema, "Grant"],
  [domain.PolicyWarningSchema, "PolicyWarning"],
  [domain.ViolationSchema, "Violation"],
  [domain.AlternativeSchema, "Alternative"],
  [domain.UsageRecordSchema, "UsageRecord"],
  [domain.UsageCreateSchema, "UsageCreate"],
  [domain.UsageBatchSchema, "UsageBatch"],
  [domain.UsageBatchAnswerSchema, "UsageBatchAnswer"],
  [domain.UsageListSchema, "UsageList"],
  [domain.UsageSummarySchema, "UsageSummary"],
  [domain.UsageSummaryQuerySchema, "UsageSummaryRequest"],
  [domain.UsageAnalyticsRowSchema, "UsageAnalyticsRow"],
  [domain.CostComponentSchema, "CostComponent"],
  [domain.PriceSchema, "Price"],
  [domain.CurrentPriceSchema, "CurrentPrice"],
  [domain.CurrentPriceRequestSchema, "CurrentPriceRequest"],
  [domain.AlertSchema, "Alert"],
  [domain.ProblemSchema, "Problem"],
  [domain.RefusalSchema, "Refusal"],
  [domain.MessageSchema, "Message"],
  [domain.KeySchema, "Key"],
  [domain.KeyCreateSchema, "KeyCreate"],
  [domain.NewKeySchema, "NewKey"],
  [domain.AuditEntrySchema, "AuditEntry"],
  [domain.TenantSchema, "Tenant"],
]);

const TAGS: Readonly<Record<Route["tag"], string>> = {
  budgets: "Containers of limits, in a tree",
  policies: "Limits of tokens and cost",
  allocations: "Tokens held before a model is called",
  usage: "What calls really used",
  prices: "What models cost",
  alerts: "Notices about limits",
  messages: "Messages of Tekton's components",
  access: "Keys, and the record of what was done with them",
  health: "Whether the server is alive and ready",
};

/** Problems that any request with a body can meet, whatever its route. */
const BODY_PROBLEMS: readonly ProblemCode[] = ["invalid_json", "body_too_large", "unsupported_media_type"];

/** Problems that any request to a route can meet that is not for everybody. */
function accessProblems({ operation_id }: Route): readonly ProblemCode[] {
  const access = accessTo(operation_id);
  if (access === "everybody") return [];
  const isForSome = access.length < domain.ROLES.length;
  return ["unauthenticated", ...(isForSome ? (["forbidden"] as const) : []), "rate_limited"];
}

const rolesOf = ({ operation_id }: Route): string => {
  const access = accessTo(operation_id);
  return access === "everybody" ? "Needs no key." : `For keys of the role ${access.join(", ")}.`;
};

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** A schema as the document has it: named ones by reference, and without the keyword that only our validation knows. */
function toJson(value: unknown, isNamed = false): unknown {
  if (typeof value !== "object" || value === null) return value;
  const name = COMPONENTS.get(value);
  if (name !== undefined && !isNamed) return reference(name);
  if (Array.isArray(value)) return value.map((item) => toJson(item));
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== "transform")
      .map(([key, part]) => [key, toJson(part)]),
  );
}

function parameters(route: Route): readonly Json[] {
  const of = (schema: TSchema | undefined, place: "path" | "query"): readonly Json[] => {
    const properties = (
      schema as { properties?: Record<string, TSchema & { description?: string }> } | undefined
    )?.properties;
    return Object.entries(properties ?? {}).map(([name, property]) => ({
      name,
      in: place,
      required: place === "path",
      ...(property.description === undefined ? {} : { description: property.description }),
      schema: toJson(property),
    }));
  };
  const header = (name: string, description: string, schema: Json): Json => ({
    name,
    in: "header",
    description,
    schema,
  });
  return [
    ...of(route.params, "path"),
    ...of(route.query, "query"),
    ...(route.idempotent_by_key === true
      ? [
          header("Idempotency-Key", "The same key with the same request has one effect and one answer", {
            type: "string",
            minLength: 1,
            maxLength: 200,
          }),
        ]
      : []),
    ...(route.conditional === true
      ? [
          header("If-Match", "The ETag that the caller saw; another one is answered with 412", {
            type: "string",
          }),
        ]
      : []),
  ];
}

function successAnswer({ schema, description, example, etag }: Success): Json {
  return {
    description,
    ...(etag === true
      ? {
          headers: {
            ETag: { description: "Version of the resource, for If-Match", schema: { type: "string" } },
          },
        }
      : {}),
    content: {
      "application/json": { schema: toJson(schema), ...(example === undefined ? {} : { example }) },
    },
  };
}

function problemAnswer(status: number, codes: readonly ProblemCode[]): Json {
  const isRefusal = status === 402;
  const mayWait = isRefusal || status === 503 || status === 429;
  const [code] = codes;
  const example = isRefusal || code === undefined ? refusalExample : exampleOf(code);
  return {
    description: codes.map((one) => `\`${one}\``).join(", "),
    ...(mayWait
      ? {
          headers: {
            "Retry-After": {
              description: "Seconds to wait, where waiting helps",
              schema: { type: "integer" },
            },
          },
        }
      : {}),
    content: {
      "application/problem+json": { schema: reference(isRefusal ? "Refusal" : "Problem"), example },
    },
  };
}

const DETAIL_EXAMPLES: Readonly<Partial<Record<ProblemCode, string>>> = {
  unauthenticated: "A key is needed, as X-API-Key or as Authorization: Bearer.",
  forbidden: "A key of the role viewer may not do this; operator, admin may.",
  rate_limited: "This key may make 100 requests a second, and 200 at once after a rest.",
  invalid_value: "tokens_allocated must be at least 1; it was -5.",
  dimension_required:
    "The enforced policy 01a208da-4f9e-72a6-90ef-9b4a2f49bdf2 depends on the model of a request. Name the model.",
  invalid_json: "The body is not JSON: Unexpected end of JSON input.",
  body_too_large: "The body is larger than this route takes.",
  unsupported_media_type: "The body must be JSON, as application/json.",
  idempotency_conflict:
    "The idempotency key order-7 was used before with another value of /tokens_allocated. Use a new key for a new request.",
  version_conflict: "It was changed meanwhile and is at version 4 now. Read it again before changing it.",
  overloaded: "Too many requests are waiting; try again shortly.",
  unavailable: "The database does not answer; try again shortly.",
};

const exampleOf = (code: ProblemCode): unknown =>
  problem({ code, detail: DETAIL_EXAMPLES[code] ?? "What is wrong, and what would be right." }).body;

function answers(route: Route): Json {
  const codes = [
    ...accessProblems(route),
    ...route.problems,
    ...(route.body === undefined ? [] : BODY_PROBLEMS),
    "internal_error" as const,
    "unavailable" as const,
  ];
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of codes) byStatus.set(STATUS_OF[code], [...(byStatus.get(STATUS_OF[code]) ?? []), code]);
  return {
    [String(route.success.status)]: successAnswer(route.success),
    ...Object.fromEntries(
      [...byStatus].map(([status, ofStatus]) => [String(status), problemAnswer(status, ofStatus)]),
    ),
  };
}

function operation(route: Route): Json {
  return {
    operationId: route.operation_id,
    tags: [route.tag],
    summary: route.summary,
    description: `${route.description ?? `${route.summary}.`} ${rolesOf(route)}`,
    ...(accessTo(route.operation_id) === "everybody" ? { security: [] } : {}),
    parameters: parameters(route),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { "application/json": { schema: toJson(route.body), example: route.body_example } },
          },
        }),
    responses: answers(route),
  };
}

/** The OpenAPI 3.1 document of the server, made from the same routes and schemas that serve and validate. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of ROUTES) {
    const path = (paths[route.path] ??= {});
    path[route.method] = operation(route);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Budget",
      version,
      summary: "Token and cost budgets for LLM calls",
      description:
        "Ask for tokens before a model is called, record what the call used afterwards, and never pass a limit. " +
        "Errors are RFC 9457 problem details with a stable `code`.",
      contact: { name: "The Budget authors" },
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/", description: "The server that answered this document" }],
    security: [{ apiKey: [] }, { bearer: [] }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: "apiKey", in: "header", name: "X-API-Key" },
        bearer: { type: "http", scheme: "bearer" },
      },
      schemas: Object.fromEntries([...COMPONENTS].map(([schema, name]) => [name, toJson(schema, true)])),
    },
  };
}
