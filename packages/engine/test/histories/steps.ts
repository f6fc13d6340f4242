import type { Period, PolicyType, Tier } from "@budget/domain";
import fc from "fast-check";

/**
 * The steps of a history, as plain data: what was drawn can be printed, and played again. Budgets, policies and
 * allocations are named by a number, which counts through those that there are.
 */

export interface Dimensions {
  readonly tier: Tier;
  readonly provider: string | null;
  readonly model: string | null;
  readonly component: string;
  readonly task_type: string;
}

export interface PolicyFields {
  readonly type: PolicyType;
  readonly period: Period;
  readonly time_zone: string;
  readonly tier: Tier | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly component: string | null;
  readonly task_type: string | null;
  readonly token_limit: number | null;
  readonly cost_limit_nano_usd: number | null;
  readonly enabled: boolean;
  /** Minutes after the start of the history; null where it has no end. */
  readonly ends_in_minutes: number | null;
  readonly priority_override: boolean;
  readonly allow_unpriced: boolean;
}

/** How a request names its tokens. */
export type Tokens =
  | { readonly form: "sum"; readonly tokens: number }
  | { readonly form: "range"; readonly min: number; readonly max: number }
  | { readonly form: "split"; readonly input: number; readonly output: number }
  | { readonly form: "split_range"; readonly input: number; readonly min: number; readonly max: number };

interface AllocationStep {
  readonly budget: number;
  readonly context: number;
  readonly dimensions: Dimensions;
  readonly tokens: Tokens;
  readonly priority: number;
  readonly expires_in_minutes: number;
}

/** Whether a command has an idempotency key, so that a later `retry` can send it again. */
interface Keyed {
  readonly keyed: boolean;
}

/** What goes through the ledger; those that follow each other are sent together, up to one that says otherwise. */
export type LedgerStep =
  | (AllocationStep & Keyed & { readonly kind: "allocate" })
  | (AllocationStep & { readonly kind: "check" })
  | (Keyed & {
      readonly kind: "extend";
      readonly allocation: number;
      readonly tokens: number | null;
      readonly expires_in_minutes: number | null;
    })
  | (Keyed & { readonly kind: "release"; readonly allocation: number })
  | (Keyed & {
      readonly kind: "use";
      readonly allocation: number;
      readonly input: number;
      readonly output: number;
      readonly final: boolean;
      /** Null for the dimensions of the allocation. */
      readonly dimensions: Dimensions | null;
    })
  | (Keyed & {
      readonly kind: "use_unasked";
      readonly budget: number;
      readonly context: number;
      readonly dimensions: Dimensions;
      readonly input: number;
      readonly output: number;
    })
  | { readonly kind: "retry"; readonly command: number; readonly altered: boolean };

/** Time that passes, and what people do to budgets and policies. */
export type OtherStep =
  | { readonly kind: "wait"; readonly minutes: number }
  | { readonly kind: "create_budget"; readonly parent: number | null }
  | { readonly kind: "move_budget"; readonly budget: number; readonly parent: number | null }
  | { readonly kind: "switch_budget"; readonly budget: number; readonly is_active: boolean }
  | { readonly kind: "delete_budget"; readonly budget: number }
  | { readonly kind: "create_policy"; readonly budget: number; readonly fields: PolicyFields }
  | { readonly kind: "change_policy"; readonly policy: number; readonly fields: Partial<PolicyFields> }
  | { readonly kind: "delete_policy"; readonly policy: number };

export type Step = (LedgerStep & { readonly together: boolean }) | OtherStep;

export interface History {
  readonly start_ms: number;
  readonly policies: readonly { readonly budget: number; readonly fields: PolicyFields }[];
  /** Null where shrinking has left a step out. */
  readonly steps: readonly (Step | null)[];
}

const STEPS = 200;

/** Null four times out of five. */
const seldom = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: one });

const which = fc.nat(11);
const tokens = fc.integer({ min: 0, max: 60 });
const tier = fc.constantFrom<Tier[]>("local_lightweight", "remote_heavyweight");
const component = fc.constantFrom("rhetor", "apollo");
const task_type = fc.constantFrom("chat", "coding");
/** A dated snapshot is a small one too; `acme/unknown` has no price. */
const named = fc.constantFrom(
  "acme/small",
  "acme/small",
  "acme/small-2026-01-15",
  "acme/large",
  "other/small",
  "acme/unknown",
);
const split = (name: string | null): { provider: string | null; model: string | null } => {
  const [provider = null, model = null] = name?.split("/") ?? [];
  return { provider, model };
};

const dimensions = (model: fc.Arbitrary<string | null>): fc.Arbitrary<Dimensions> =>
  fc
    .record({ tier, component, task_type, model })
    .map(({ model: name, ...others }) => ({ ...others, ...split(name) }));

const requested = dimensions(fc.option(named, { freq: 20 }));
const used = dimensions(named);

const anyTokens: fc.Arbitrary<Tokens> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ form: fc.constant("sum" as const), tokens: fc.integer({ min: 1, max: 60 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      form: fc.constant("range" as const),
      min: fc.integer({ min: 1, max: 30 }),
      max: fc.integer({ min: 10, max: 90 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      form: fc.constant("split" as const),
      input: fc.integer({ min: 1, max: 40 }),
      output: fc.nat(40),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      form: fc.constant("split_range" as const),
      input: fc.nat(40),
      min: fc.integer({ min: 1, max: 20 }),
      max: fc.integer({ min: 10, max: 60 }),
    }),
  },
);

const anAllocation = {
  budget: which,
  context: fc.nat(2),
  dimensions: requested,
  tokens: anyTokens,
  priority: fc.constantFrom(1, 5, 5, 8, 10),
  expires_in_minutes: fc.oneof(
    { weight: 20, arbitrary: fc.integer({ min: 1, max: 600 }) },
    { weight: 1, arbitrary: fc.integer({ min: -5, max: 0 }) },
  ),
};

const keyed = fc.boolean();
const together = fc.boolean();
const kind = <K extends string>(name: K) => fc.constant(name);

const endsInMinutes = fc.integer({ min: -10, max: 3000 });

const policyFields: fc.Arbitrary<PolicyFields> = fc.record({
  type: fc.constantFrom<PolicyType[]>("enforce", "enforce", "enforce", "warn", "log"),
  period: fc.constantFrom<Period[]>(
    "hourly",
    "daily",
    "daily",
    "weekly",
    "monthly",
    "total",
    "per_session",
    "per_task",
  ),
  time_zone: fc.constantFrom(
    "UTC",
    "Europe/Berlin",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kolkata",
  ),
  tier: seldom(tier),
  component: seldom(component),
  task_type: seldom(task_type),
  provider: seldom(fc.constant("acme")),
  model: seldom(fc.constant("small")),
  // Whole multiples of 20, so that shares of a hundredth are whole numbers of tokens.
  token_limit: fc.option(
    fc.integer({ min: 0, max: 12 }).map((score) => score * 20),
    { freq: 3 },
  ),
  cost_limit_nano_usd: fc.option(
    fc.integer({ min: 0, max: 20 }).map((score) => score * 50_000),
    { freq: 2 },
  ),
  enabled: fc.constantFrom(true, true, true, true, false),
  ends_in_minutes: seldom(endsInMinutes),
  priority_override: fc.constantFrom(true, false, false),
  allow_unpriced: fc.constantFrom(true, false, false),
});

const changedFields = fc.oneof(
  fc.record({ token_limit: fc.integer({ min: 0, max: 12 }).map((score) => score * 20) }),
  fc.record({ enabled: fc.boolean() }),
  fc.record({ ends_in_minutes: fc.option(endsInMinutes, { freq: 2 }) }),
  fc.record({ type: fc.constantFrom<PolicyType[]>("enforce", "warn", "log") }),
  fc.record({ period: fc.constantFrom<Period[]>("hourly", "daily", "monthly", "per_task") }),
  fc.record({ time_zone: fc.constantFrom("UTC", "Europe/Berlin", "America/New_York") }),
  fc.record({ model: fc.constantFrom(null, "small", "large") }),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 30, arbitrary: fc.record({ kind: kind("allocate"), ...anAllocation, keyed, together }) },
  { weight: 3, arbitrary: fc.record({ kind: kind("check"), ...anAllocation, together }) },
  {
    weight: 22,
    arbitrary: fc.record({
      kind: kind("use"),
      allocation: which,
      input: tokens,
      output: tokens,
      final: fc.boolean(),
      dimensions: seldom(used),
      keyed,
      together,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind("use_unasked"),
      budget: which,
      context: fc.nat(2),
      dimensions: used,
      input: tokens,
      output: tokens,
      keyed,
      together,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: kind("extend"),
      allocation: which,
      tokens: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 4 }),
      expires_in_minutes: fc.option(fc.integer({ min: -5, max: 600 }), { freq: 1 }),
      keyed,
      together,
    }),
  },
  { weight: 8, arbitrary: fc.record({ kind: kind("release"), allocation: which, keyed, together }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: kind("retry"),
      command: fc.nat(30),
      altered: fc.constantFrom(false, false, true),
      together,
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      kind: kind("wait"),
      minutes: fc.oneof(
        { weight: 6, arbitrary: fc.integer({ min: 1, max: 40 }) },
        { weight: 2, arbitrary: fc.integer({ min: 40, max: 400 }) },
        { weight: 1, arbitrary: fc.integer({ min: 400, max: 20_000 }) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("create_budget"), parent: fc.option(which, { freq: 5 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: kind("move_budget"), budget: which, parent: fc.option(which, { freq: 5 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: kind("switch_budget"),
      budget: which,
      is_active: fc.constantFrom(true, true, true, false),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: kind("delete_budget"), budget: which }) },
  { weight: 2, arbitrary: fc.record({ kind: kind("create_policy"), budget: which, fields: policyFields }) },
  { weight: 3, arbitrary: fc.record({ kind: kind("change_policy"), policy: which, fields: changedFields }) },
  { weight: 1, arbitrary: fc.record({ kind: kind("delete_policy"), policy: which }) },
);

/** Shortly before the clocks of Berlin, New York and Lord Howe change, a month or a year ends, and an ordinary noon. */
const start_ms = fc
  .constantFrom(
    "2026-03-29T00:10:00Z",
    "2026-03-29T20:30:00Z",
    "2026-10-25T00:10:00Z",
    "2026-10-25T21:30:00Z",
    "2026-11-01T04:10:00Z",
    "2026-11-02T03:30:00Z",
    "2026-04-04T14:10:00Z",
    "2026-12-31T22:20:00Z",
    "2026-11-23T12:00:00Z",
  )
  .map((time) => Date.parse(time));

/**
 * Histories of 200 steps. Shrinking leaves steps out one by one, so a failure comes down to the few that matter.
 */
export const history: fc.Arbitrary<History> = fc.record({
  start_ms,
  policies: fc.array(fc.record({ budget: which, fields: policyFields }), { minLength: 2, maxLength: 6 }),
  steps: fc.tuple(...Array.from({ length: STEPS }, () => fc.option(step, { freq: 1_000_000 }))),
});
