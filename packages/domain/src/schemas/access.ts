import { Type, type Static } from "typebox";
import { ROLES } from "../access.ts";
import { Dimension, Label, PageQuery, Time, Uuid, closed, nullable } from "./common.ts";

const RoleWord = Type.Enum([...ROLES], {
  transform: ["trim", "toEnumCase"],
  description:
    "What it may do: `viewer` reads, `agent` spends, `operator` keeps limits and prices, `admin` keeps keys",
});

/** More would be a list to keep elsewhere. */
const MOST_BOUND = 100;

const BudgetIds = Type.Array(Uuid("A budget"), {
  maxItems: MOST_BOUND,
  description: "The budgets that an agent is bound to; all where there are none",
});
const Components = Type.Array(Dimension("A component"), {
  maxItems: MOST_BOUND,
  description: "The components that an agent is bound to; all where there are none",
});

export const KeySchema = Type.Object({
  key_id: Uuid("Id of the key; no secret"),
  name: Type.String(),
  owner: Type.String(),
  role: RoleWord,
  budget_ids: BudgetIds,
  components: Components,
  created_at: Time("When it was made"),
  expires_at: nullable(Time("The first instant that it opens nothing at; null where it stays")),
  revoked_at: nullable(Time("Since when it is revoked; null where it is not")),
  last_used_at: nullable(Time("When it was last used, to the minute")),
});
export type KeyWire = Static<typeof KeySchema>;

/** A key with its secret, which is answered once and never again. */
export const NewKeySchema = Type.Object({
  ...KeySchema.properties,
  key: Type.String({ description: "The key itself, shown only now: `bgt_<id>_<secret>`" }),
});
export type NewKeyWire = Static<typeof NewKeySchema>;

export const KeyCreateSchema = Type.Object(
  {
    name: Label("What it is for"),
    owner: Type.Optional(Label("Who answers for it")),
    role: RoleWord,
    budget_ids: Type.Optional(BudgetIds),
    components: Type.Optional(Components),
    expires_at: Type.Optional(Time("When it ends; never where it is left out")),
  },
  closed,
);
export type KeyCreate = Static<typeof KeyCreateSchema>;

/** A week is long enough to bring a new key to everybody who has the old one. */
const MOST_OVERLAP_S = 7 * 24 * 3600;

export const KeyRotateSchema = Type.Object(
  {
    overlap_s: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MOST_OVERLAP_S,
        default: 0,
        description: "For how many seconds the old secret still opens",
      }),
    ),
  },
  closed,
);
export type KeyRotate = Static<typeof KeyRotateSchema>;

/** More than any installation has, and little enough for every sum. */
const MOST_OF_A_TENANT = 1_000_000;

const limit = (description: string) =>
  nullable(Type.Integer({ minimum: 1, maximum: MOST_OF_A_TENANT, description }));

const LIMITS = {
  max_budgets: limit("Budgets at most, the default one among them; null for any number"),
  max_keys: limit("Keys at most that open something; null for any number"),
  requests_per_second: limit(
    "Requests a second of all keys together, twice as many at once; null for any number",
  ),
};

export const TenantSchema = Type.Object({
  tenant_id: Uuid("Id of the tenant"),
  name: Type.String(),
  limits: Type.Object(LIMITS, { description: "What it may have at most" }),
  created_at: Time("When it was made"),
});
export type TenantWire = Static<typeof TenantSchema>;

const TenantLimitsInput = Type.Partial(Type.Object(LIMITS), {
  ...closed,
  description: "What it may have at most; what is left out stays as it is, or is not limited",
});

export const TenantCreateSchema = Type.Object(
  { name: Label("The organisation"), limits: Type.Optional(TenantLimitsInput) },
  closed,
);
export type TenantCreate = Static<typeof TenantCreateSchema>;

export const TenantUpdateSchema = Type.Object(
  { name: Type.Optional(Label("The organisation")), limits: Type.Optional(TenantLimitsInput) },
  { ...closed, minProperties: 1 },
);
export type TenantUpdate = Static<typeof TenantUpdateSchema>;

/** The first key of a tenant; its own keys make the others. */
export const TenantKeySchema = Type.Object(
  { name: Label("What it is for"), owner: Type.Optional(Label("Who answers for it")) },
  closed,
);

export const AuditEntrySchema = Type.Object({
  sequence: Type.Integer({ minimum: 1, description: "Its place in the record, without gaps" }),
  at: Time("When it happened"),
  kind: Type.Enum(["change", "denial"]),
  key_id: nullable(Uuid("The key; null where nobody was let in")),
  actor: Type.String({ description: "The name of the key" }),
  origin: Type.String({ description: "The address that the request came from" }),
  request_id: Type.String(),
  action: Type.String({ description: "Such as `budget.updated`" }),
  subject_id: Type.String({ description: "What it was done to" }),
  before: nullable(Type.Object({}, { additionalProperties: true })),
  after: nullable(Type.Object({}, { additionalProperties: true })),
  previous_hash: Type.String({ description: "The hash of the entry before it" }),
  hash: Type.String({ description: "SHA-256 over this entry and the hash before it" }),
});
export type AuditEntryWire = Static<typeof AuditEntrySchema>;

export const AuditQuerySchema = Type.Object(
  {
    ...PageQuery,
    kind: Type.Optional(Type.Enum(["change", "denial"], { description: "Only changes, or only denials" })),
    key_id: Type.Optional(Uuid("What this key did or tried")),
    subject_id: Type.Optional(Label("What was done to this thing")),
    action: Type.Optional(Label("Entries of this action")),
  },
  closed,
);
export type AuditQuery = Static<typeof AuditQuerySchema>;

export const AuditVerificationSchema = Type.Object({
  entries: Type.Integer({ minimum: 0, description: "How many entries were looked at" }),
  intact: Type.Boolean(),
  first_wrong: nullable(
    Type.Integer({ description: "The first entry that is not as it was written, or is missing" }),
  ),
  what: Type.String({ description: "What is wrong with it; empty where nothing is" }),
  head: Type.String({ description: "The hash of the last entry: keep it elsewhere, and compare" }),
});
export type AuditVerificationWire = Static<typeof AuditVerificationSchema>;
