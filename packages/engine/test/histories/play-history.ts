import type { AllocationCreate, BudgetPolicy, Outcome, PolicyCreate } from "@budget/domain";
import {
  ReferenceLedger,
  isPerContext,
  windowLabel,
  type ReferenceAnswer,
  type ReferencePrice,
  type ReferenceRequest,
} from "@budget/domain/testing";
import type { Engine, UsageInput } from "@budget/engine";
import type { TestDatabase } from "@budget/repositories/testing";
import type { Dimensions, History, LedgerStep, OtherStep, PolicyFields, Step, Tokens } from "./steps.ts";

const MINUTE_MS = 60_000;
const NOBODY = "00000000-0000-7000-8000-0000000000ff";

/** As the test prices of the engine have it, where a snapshot costs what its model does; `acme/unknown` has none. */
const PRICES: ReadonlyMap<string, ReferencePrice> = new Map([
  ["acme/small", { input: 1000n, output: 4000n }],
  ["acme/small-2026-01-15", { input: 1000n, output: 4000n }],
  ["acme/large", { input: 10_000n, output: 40_000n }],
]);

export interface Stage {
  readonly test_database: TestDatabase;
  /** Servers on this database, which take turns. */
  readonly engines: readonly Engine[];
  readonly clock: { now_ms: number };
  readonly tenant_id: string;
}

/** Something that was sent to the ledger: how to send it, and what the reference says to it. */
interface Sent {
  readonly send: (engine: Engine, idempotency_key: string | undefined) => Promise<Outcome<unknown>>;
  /** @param made_id the id of what the engine made, where it made something */
  readonly expect: (made_id: string) => ReferenceAnswer;
  /** The same command with one member changed. */
  readonly altered: Sent["send"];
}

interface Remembered {
  readonly key: string;
  readonly sent: Sent;
  answer: ReferenceAnswer | null;
}

/** Plays a history on engine and database, and beside it on the reference; throws at the first difference. */
export async function playHistory(stage: Stage, history: History): Promise<void> {
  await new Player(stage, history).play();
}

class Player {
  readonly #stage: Stage;
  readonly #history: History;
  readonly #reference: ReferenceLedger;
  readonly #budget_ids: string[] = [];
  readonly #policy_ids: string[] = [];
  readonly #allocation_ids: string[] = [];
  readonly #keyed: Remembered[] = [];
  #turn = 0;

  constructor(stage: Stage, history: History) {
    this.#stage = stage;
    this.#history = history;
    this.#reference = new ReferenceLedger(history.start_ms, PRICES);
  }

  async play(): Promise<void> {
    this.#stage.clock.now_ms = this.#history.start_ms;
    for (const parent of [null, 0, 0, 1, 1]) await this.#administer({ kind: "create_budget", parent });
    for (const { budget, fields } of this.#history.policies)
      await this.#administer({ kind: "create_policy", budget, fields });
    const steps = this.#history.steps.filter((step) => step !== null);
    for (let index = 0; index < steps.length;) {
      const burst: LedgerStep[] = [];
      for (let step = steps[index]; step !== undefined && isOfLedger(step); step = steps[(index += 1)]) {
        if (burst.length > 0 && !step.together) break;
        burst.push(step);
      }
      if (burst.length > 0) await this.#commit(burst);
      const step = steps[index];
      if (step !== undefined && !isOfLedger(step)) {
        await this.#administer(step);
        index += 1;
      }
    }
    await this.#compareAllocations();
  }

  #engine(): Engine {
    const { engines } = this.#stage;
    return engines[(this.#turn += 1) % engines.length]!;
  }

  /** Sends commands together, and compares their answers and then every balance. */
  async #commit(burst: readonly LedgerStep[]): Promise<void> {
    const engine = this.#engine();
    const commands = burst.map((step) => this.#command(step));
    const outcomes = await Promise.all(commands.map(({ outcomeOn }) => outcomeOn(engine)));
    for (const [index, { expect }] of commands.entries()) {
      const outcome = outcomes[index]!;
      const made_id = madeBy(outcome);
      if (made_id.allocation_id !== undefined && !this.#allocation_ids.includes(made_id.allocation_id))
        this.#allocation_ids.push(made_id.allocation_id);
      compare(burst[index], answerOf(outcome), expect(made_id.allocation_id ?? NOBODY));
    }
    await this.#compareBalances();
  }

  #command(step: LedgerStep): {
    readonly outcomeOn: (engine: Engine) => Promise<Outcome<unknown>>;
    readonly expect: (made_id: string) => ReferenceAnswer;
  } {
    if (step.kind === "retry") return this.#retry(step.command, step.altered);
    const sent = this.#sent(step);
    if (step.kind === "check" || !step.keyed) {
      return { outcomeOn: (engine) => sent.send(engine, undefined), expect: sent.expect };
    }
    const remembered: Remembered = { key: `key-${this.#keyed.length}`, sent, answer: null };
    this.#keyed.push(remembered);
    return {
      outcomeOn: (engine) => sent.send(engine, remembered.key),
      expect: (made_id) => this.#expectOnce(remembered, made_id),
    };
  }

  /** What a command with a key is answered: the same as the first time, where that was final. */
  #expectOnce(remembered: Remembered, made_id: string): ReferenceAnswer {
    if (remembered.answer !== null) return remembered.answer;
    const answer = remembered.sent.expect(made_id);
    if (answer.code === "ok" || answer.code === "insufficient_budget") remembered.answer = answer;
    return answer;
  }

  #retry(command: number, altered: boolean) {
    const remembered = this.#keyed[command % Math.max(1, this.#keyed.length)];
    if (remembered === undefined) {
      const nothing = this.#sent({ kind: "release", allocation: 0, keyed: false });
      return { outcomeOn: (engine: Engine) => nothing.send(engine, undefined), expect: nothing.expect };
    }
    const { key, sent } = remembered;
    // Whether the first was final is known only when it has been answered, which may be in this very burst.
    const isKnown = () => remembered.answer !== null;
    if (!altered || !isKnown()) {
      return {
        outcomeOn: (engine: Engine) => sent.send(engine, key),
        expect: (made_id: string) => this.#expectOnce(remembered, made_id),
      };
    }
    return {
      outcomeOn: (engine: Engine) => sent.altered(engine, key),
      expect: (): ReferenceAnswer => ({ code: "idempotency_conflict" }),
    };
  }

  #sent(step: Exclude<LedgerStep, { kind: "retry" }>): Sent {
    const { tenant_id, clock } = this.#stage;
    const reference = this.#reference;
    const context = (idempotency_key: string | undefined) =>
      idempotency_key === undefined ? { tenant_id } : { tenant_id, idempotency_key };
    const timeIn = (minutes: number) => clock.now_ms + minutes * MINUTE_MS;
    switch (step.kind) {
      case "allocate":
      case "check": {
        const budget_id = this.#budget(step.budget);
        const context_id = `context-${step.context}`;
        const expires_at_ms = timeIn(step.expires_in_minutes);
        const input: AllocationCreate = {
          budget_id,
          context_id,
          ...present(step.dimensions),
          component: step.dimensions.component,
          ...tokensInput(step.tokens),
          priority: step.priority,
          expiration_time: new Date(expires_at_ms).toISOString(),
        };
        const request: ReferenceRequest = {
          ...step.dimensions,
          budget_id,
          context_id,
          ...tokensAsked(step.tokens),
          priority: step.priority,
          expires_at_ms,
        };
        if (step.kind === "check") {
          const send: Sent["send"] = (engine) => engine.allocations.check(context(undefined), input);
          return { send, expect: () => reference.check(request), altered: send };
        }
        const send =
          (body: AllocationCreate): Sent["send"] =>
          (engine, key) =>
            engine.allocations.allocate(context(key), body);
        return {
          send: send(input),
          expect: (made_id) => reference.allocate(made_id, request),
          altered: send({ ...input, context_id: "another" }),
        };
      }
      case "extend": {
        const allocation_id = this.#allocation(step.allocation);
        const expires_at_ms = step.expires_in_minutes === null ? undefined : timeIn(step.expires_in_minutes);
        const tokens = step.tokens ?? (expires_at_ms === undefined ? 1 : undefined);
        const body = {
          ...(tokens === undefined ? {} : { additional_tokens: tokens }),
          ...(expires_at_ms === undefined ? {} : { expiration_time: new Date(expires_at_ms).toISOString() }),
        };
        const send =
          (input: typeof body): Sent["send"] =>
          (engine, key) =>
            engine.allocations.extend(context(key), allocation_id, input);
        return {
          send: send(body),
          expect: () => reference.extend(allocation_id, tokens, expires_at_ms),
          altered: send({ ...body, additional_tokens: (tokens ?? 0) + 1 }),
        };
      }
      case "release": {
        const allocation_id = this.#allocation(step.allocation);
        return {
          send: (engine, key) => engine.allocations.release(context(key), allocation_id),
          expect: () => reference.release(allocation_id),
          altered: (engine, key) => engine.allocations.release(context(key), otherThan(allocation_id)),
        };
      }
      case "use":
      case "use_unasked": {
        const who =
          step.kind === "use"
            ? { allocation_id: this.#allocation(step.allocation) }
            : { budget_id: this.#budget(step.budget), context_id: `context-${step.context}` };
        const final = step.kind === "use" && step.final;
        const amounts = { input_tokens: step.input, output_tokens: step.output, final };
        const named = step.dimensions === null ? {} : present(step.dimensions);
        const body = { ...who, ...named, ...amounts } as UsageInput;
        const send =
          (input: UsageInput): Sent["send"] =>
          (engine, key) =>
            engine.usage.record(context(key), input);
        const request = {
          allocation_id: undefined,
          budget_id: undefined,
          context_id: undefined,
          ...who,
          ...(step.dimensions ?? {}),
          ...amounts,
        };
        return {
          send: send(body),
          expect: () => reference.recordUsage(request),
          altered: send({ ...body, output_tokens: step.output + 1 }),
        };
      }
    }
  }

  async #administer(step: OtherStep): Promise<void> {
    const { tenant_id, clock } = this.#stage;
    const context = { tenant_id };
    const engine = this.#engine();
    const reference = this.#reference;
    switch (step.kind) {
      case "wait":
        clock.now_ms += step.minutes * MINUTE_MS;
        {
          reference.advanceTo(clock.now_ms);
          return;
        }
      case "create_budget": {
        const parent_budget_id = step.parent === null ? null : this.#budget(step.parent);
        const outcome = await engine.budgets.create(context, { name: "budget", parent_budget_id });
        const budget_id = outcome.ok ? outcome.value.budget_id : NOBODY;
        compare(step, codeOf(outcome), reference.createBudget(budget_id, parent_budget_id));
        if (outcome.ok) this.#budget_ids.push(budget_id);
        return;
      }
      case "move_budget": {
        const budget_id = this.#budget(step.budget);
        const change = { parent_budget_id: step.parent === null ? null : this.#budget(step.parent) };
        const outcome = await engine.budgets.update(context, budget_id, change, null);
        compare(step, codeOf(outcome), reference.updateBudget(budget_id, change));
        return;
      }
      case "switch_budget": {
        const budget_id = this.#budget(step.budget);
        const change = { is_active: step.is_active };
        const outcome = await engine.budgets.update(context, budget_id, change, null);
        compare(step, codeOf(outcome), reference.updateBudget(budget_id, change));
        return;
      }
      case "delete_budget": {
        const budget_id = this.#budget(step.budget);
        const outcome = await engine.budgets.delete(context, budget_id, null);
        compare(step, codeOf(outcome), reference.deleteBudget(budget_id));
        return;
      }
      case "create_policy": {
        const budget_id = this.#budget(step.budget);
        const outcome = await engine.policies.create(context, {
          budget_id,
          ...policyInput(this.#history.start_ms, step.fields),
        } as PolicyCreate);
        if (outcome.ok) this.#policy_ids.push(outcome.value.policy_id);
        compare(step, codeOf(outcome), this.#expectPolicy(outcome, budget_id, step.fields));
        return;
      }
      case "change_policy": {
        const policy_id = this.#policy(step.policy);
        const outcome = await engine.policies.update(
          context,
          policy_id,
          policyInput(this.#history.start_ms, step.fields),
          null,
        );
        const before = reference.policies.get(policy_id);
        if (before === undefined) {
          compare(step, codeOf(outcome), { code: "policy_not_found" });
          return;
        }
        const after: BudgetPolicy = { ...before, ...entityFields(this.#history.start_ms, step.fields) };
        compare(step, codeOf(outcome), reference.putPolicy(after));
        return;
      }
      case "delete_policy": {
        const policy_id = this.#policy(step.policy);
        const outcome = await engine.policies.delete(context, policy_id, null);
        compare(step, codeOf(outcome), reference.deletePolicy(policy_id));
        return;
      }
    }
  }

  #expectPolicy(outcome: Outcome<BudgetPolicy>, budget_id: string, fields: PolicyFields): ReferenceAnswer {
    const made = outcome.ok ? outcome.value : undefined;
    return this.#reference.putPolicy({
      tenant_id: this.#stage.tenant_id,
      policy_id: made?.policy_id ?? NOBODY,
      budget_id,
      ...(entityFields(this.#history.start_ms, fields) as EntityFields),
      warning_threshold: 0.8,
      action_threshold: 0.95,
      created_at_ms: 0,
      updated_at_ms: 0,
      version: 1,
    });
  }

  readonly #budget = (number: number): string => pick(this.#budget_ids, number);
  readonly #policy = (number: number): string => pick(this.#policy_ids, number);
  /** One of the latest, most of which are live. */
  readonly #allocation = (number: number): string => pick(this.#allocation_ids.slice(-10), number);

  async #compareBalances(): Promise<void> {
    const { test_database, tenant_id, clock } = this.#stage;
    const rows: readonly BalanceRow[] = await test_database.knex("balances").where({ tenant_id });
    const found = new Map(rows.map((row) => [`${row.policy_id}/${row.scope}`, row]));
    const contexts = ["context-0", "context-1", "context-2", "another"];
    for (const policy of this.#reference.policies.values()) {
      for (const scope of isPerContext(policy) ? contexts : [""]) {
        const row = found.get(`${policy.policy_id}/${scope}`);
        found.delete(`${policy.policy_id}/${scope}`);
        const used = this.#reference.used(policy, scope);
        const held = this.#reference.held(policy, scope);
        const { period, time_zone } = policy;
        // A balance that nothing touched since its window ended still shows that window.
        const isOfNow =
          row !== undefined &&
          windowLabel(period, time_zone, Number(row.window_start_ms)) ===
            windowLabel(period, time_zone, clock.now_ms);
        const is = {
          used_tokens: isOfNow ? Number(row.used_tokens) : 0,
          used_cost: isOfNow ? BigInt(row.used_cost_nano_usd) : 0n,
          held_tokens: Number(row?.held_tokens ?? 0),
          held_cost: BigInt(row?.held_cost_nano_usd ?? 0),
        };
        const expected = {
          used_tokens: used.tokens,
          used_cost: used.cost,
          held_tokens: held.tokens,
          held_cost: held.cost,
        };
        compare(`the balance of policy ${policy.policy_id} ${scope}`, is, expected);
      }
    }
    compare("balances of no policy", [...found.keys()], []);
  }

  async #compareAllocations(): Promise<void> {
    const { test_database, tenant_id } = this.#stage;
    const rows: readonly AllocationRow[] = await test_database.knex("allocations").where({ tenant_id });
    compare("the number of allocations", rows.length, this.#reference.allocations.size);
    for (const row of rows) {
      const { allocation_id } = row;
      const expected = this.#reference.allocations.get(allocation_id);
      const { tokens_allocated, tokens_used, cost_allocated, cost_used, status } = expected ?? {};
      const expired = status === "expired" && row.status === "active";
      compare(
        `allocation ${allocation_id}`,
        {
          tokens_allocated: Number(row.tokens_allocated),
          tokens_used: Number(row.tokens_used),
          cost_allocated: BigInt(row.cost_allocated_nano_usd),
          cost_used: BigInt(row.cost_used_nano_usd),
          // Nothing may have come by since its time was over.
          status: expired ? "expired" : row.status,
        },
        { tokens_allocated, tokens_used, cost_allocated, cost_used, status },
      );
    }
  }
}

interface BalanceRow {
  readonly policy_id: string;
  readonly scope: string;
  readonly window_start_ms: bigint | string;
  readonly used_tokens: bigint | string;
  readonly used_cost_nano_usd: bigint | string;
  readonly held_tokens: bigint | string;
  readonly held_cost_nano_usd: bigint | string;
}

interface AllocationRow {
  readonly allocation_id: string;
  readonly tokens_allocated: bigint | string;
  readonly tokens_used: bigint | string;
  readonly cost_allocated_nano_usd: bigint | string;
  readonly cost_used_nano_usd: bigint | string;
  readonly status: string;
}

const otherThan = (id: string): string => `${id.slice(0, -1)}${id.endsWith("f") ? "e" : "f"}`;

const LEDGER_KINDS = new Set(["allocate", "check", "extend", "release", "use", "use_unasked", "retry"]);
const isOfLedger = (step: Step): step is Exclude<Step, OtherStep> => LEDGER_KINDS.has(step.kind);

const pick = (ids: readonly string[], number: number): string =>
  ids.length === 0 ? NOBODY : ids[number % ids.length]!;

/** Dimensions without those that are left open. */
const present = (dimensions: Dimensions) =>
  Object.fromEntries(Object.entries(dimensions).filter(([, value]) => value !== null)) as Partial<
    Record<keyof Dimensions, string>
  > as Pick<AllocationCreate, "tier" | "provider" | "model" | "component" | "task_type">;

function tokensInput(asked: Tokens): Partial<AllocationCreate> {
  switch (asked.form) {
    case "sum":
      return { tokens_allocated: asked.tokens };
    case "range":
      return { tokens_allocated: { min: asked.min, max: asked.max } };
    case "split":
      return { input_tokens: asked.input, max_output_tokens: asked.output };
    case "split_range":
      return { input_tokens: asked.input, max_output_tokens: { min: asked.min, max: asked.max } };
  }
}

function tokensAsked(asked: Tokens): Pick<ReferenceRequest, "tokens" | "min_tokens" | "input_tokens"> {
  switch (asked.form) {
    case "sum":
      return { tokens: asked.tokens, min_tokens: asked.tokens, input_tokens: undefined };
    case "range":
      return { tokens: asked.max, min_tokens: asked.min, input_tokens: undefined };
    case "split": {
      const tokens = asked.input + asked.output;
      return { tokens, min_tokens: tokens, input_tokens: asked.input };
    }
    case "split_range":
      return {
        tokens: asked.input + asked.max,
        min_tokens: asked.input + asked.min,
        input_tokens: asked.input,
      };
  }
}

const endOf = (start_ms: number, minutes: number | null): number | null =>
  minutes === null ? null : start_ms + minutes * MINUTE_MS;

/** Fields as a request names them. */
function policyInput(start_ms: number, fields: Partial<PolicyFields>) {
  const { cost_limit_nano_usd: cost, ends_in_minutes: minutes, ...others } = fields;
  const end_ms = minutes === undefined ? undefined : endOf(start_ms, minutes);
  return {
    ...others,
    ...(cost === undefined ? {} : { cost_limit: cost === null ? null : (cost / 1e9).toFixed(9) }),
    ...(end_ms === undefined ? {} : { end_date: end_ms === null ? null : new Date(end_ms).toISOString() }),
  };
}

type EntityFields = Pick<BudgetPolicy, Exclude<keyof PolicyFields, "ends_in_minutes"> | "end_ms">;

/** The same fields as a policy has them. */
function entityFields(start_ms: number, fields: Partial<PolicyFields>): Partial<EntityFields> {
  const { cost_limit_nano_usd: cost, ends_in_minutes: minutes, ...others } = fields;
  return {
    ...others,
    ...(cost === undefined ? {} : { cost_limit_nano_usd: cost === null ? null : BigInt(cost) }),
    ...(minutes === undefined ? {} : { end_ms: endOf(start_ms, minutes) }),
  };
}

function madeBy(outcome: Outcome<unknown>): { readonly allocation_id?: string } {
  if (!outcome.ok) return {};
  const { allocation } = outcome.value as { allocation?: { allocation_id: string } };
  return allocation === undefined ? {} : { allocation_id: allocation.allocation_id };
}

const codeOf = (outcome: Outcome<unknown>): ReferenceAnswer =>
  outcome.ok ? { code: "ok" } : { code: outcome.rejection.code as "invalid_value" };

interface Said {
  readonly policy: BudgetPolicy;
  readonly measure: string;
  readonly code: string;
}
const inWords = ({ policy, measure, code }: Said): string => `${policy.policy_id} ${measure} ${code}`;

/** What of an outcome the reference knows too. */
function answerOf(outcome: Outcome<unknown>): ReferenceAnswer {
  if (!outcome.ok) {
    const { rejection } = outcome;
    return rejection.code === "insufficient_budget" ? refusalOf(rejection) : { code: rejection.code };
  }
  const value = outcome.value as Readonly<Record<string, unknown>>;
  if ("refusal" in value) {
    if (value.refusal !== null) return refusalOf(value.refusal as Parameters<typeof refusalOf>[0]);
    return { code: "ok", tokens: value.tokens_granted, warnings: (value.warnings as Said[]).map(inWords) };
  }
  if ("allocation" in value) {
    const { tokens_allocated: tokens } = value.allocation as { tokens_allocated: number };
    return { code: "ok", tokens, warnings: (value.warnings as Said[]).map(inWords) };
  }
  if ("record_id" in value) {
    const { total_cost_nano_usd: cost, overage_tokens, overage_cost_nano_usd: overage_cost } = value;
    return { code: "ok", cost, overage_tokens, overage_cost };
  }
  return { code: "ok", tokens: value.tokens_allocated };
}

const refusalOf = (refusal: {
  readonly violations: readonly Said[];
  readonly tokens_that_fit: number;
  readonly resets_at_ms: number | null;
}): ReferenceAnswer => ({
  code: "insufficient_budget",
  violations: refusal.violations.map(inWords),
  tokens_that_fit: refusal.tokens_that_fit,
  has_reset: refusal.resets_at_ms !== null,
});

const asText = (value: unknown): string =>
  JSON.stringify(value, (_name, one: unknown) => {
    if (typeof one === "bigint") return `${one}n`;
    if (typeof one !== "object" || one === null || Array.isArray(one)) return one;
    return Object.fromEntries(Object.entries(one).sort(([left], [right]) => (left < right ? -1 : 1)));
  });

function compare(what: unknown, is: unknown, expected: unknown): void {
  const [found, wanted] = [asText(is), asText(expected)];
  if (found === wanted) return;
  const subject = typeof what === "string" ? what : asText(what);
  throw new Error(`${subject}\n  the engine says    ${found}\n  the reference says ${wanted}`);
}
