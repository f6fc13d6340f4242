import type { BudgetClient, Period, Policy, PolicyCreate, PolicyUpdate, Tier } from "@budget/client-js";
import { PERIODS, POLICY_TYPE_WORDS, TIERS, readPolicyType } from "@budget/domain";
import { Option, type Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { dollars, instant, share, wholeNumber } from "../options.ts";
import { toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World } from "../session.ts";
import { findBudget } from "./budgets.ts";

const DIMENSIONS = ["tier", "provider", "model", "component", "task_type"] as const;

interface PolicyOptions {
  readonly budget?: string;
  readonly type?: string;
  readonly period?: Period;
  readonly timeZone?: string;
  readonly tier?: Tier;
  readonly provider?: string;
  readonly model?: string;
  readonly component?: string;
  readonly taskType?: string;
  readonly tokens?: number;
  readonly cost?: string;
  readonly warningThreshold?: number;
  readonly actionThreshold?: number;
  readonly enabled?: boolean;
  /** False for no end. */
  readonly endDate?: string | false;
  readonly allowUnpriced?: boolean;
  readonly priorityOverride?: boolean;
}

const matching = (policy: Policy): string =>
  DIMENSIONS.flatMap((name) => (policy[name] === null ? [] : [`${name} ${policy[name]}`])).join(", ");

const limits = (policy: Policy): string =>
  [
    ...(policy.token_limit === null ? [] : [`${policy.token_limit} tokens`]),
    ...(policy.cost_limit === null ? [] : [usd(policy.cost_limit)]),
  ].join(", ");

const showPolicy = (policy: Policy): string =>
  toFields({
    id: policy.policy_id,
    budget: policy.budget_id,
    type: policy.type,
    period: `${policy.period} (${policy.time_zone})`,
    limit: limits(policy),
    "counts only": matching(policy) === "" ? null : matching(policy),
    "warns from": `${policy.warning_threshold * 100} %`,
    enabled: policy.end_date === null ? policy.enabled : `${policy.enabled}, until ${policy.end_date}`,
    changed: policy.updated_at,
  });

/** What a policy is to be, from the options that say it. */
function readPolicy(options: PolicyOptions): PolicyUpdate {
  const {
    timeZone,
    taskType,
    tokens,
    cost,
    warningThreshold,
    actionThreshold,
    allowUnpriced,
    priorityOverride,
  } = options;
  const { type, period, tier, provider, model, component, enabled, endDate } = options;
  return given({
    type,
    period,
    time_zone: timeZone,
    tier,
    provider,
    model,
    component,
    task_type: taskType,
    token_limit: tokens,
    cost_limit: cost,
    warning_threshold: warningThreshold,
    action_threshold: actionThreshold,
    enabled,
    end_date: endDate === false ? null : endDate,
    allow_unpriced: allowUnpriced,
    priority_override: priorityOverride,
  });
}

const withLimits = (command: Command): Command =>
  command
    .option("--tokens <n>", "limit of tokens in a period", wholeNumber)
    .option("--cost <usd>", "limit of cost in a period, such as 1.00", dollars)
    .addOption(new Option("--type <type>", "what it does at its limit").choices(POLICY_TYPE_WORDS))
    .option("--time-zone <name>", "calendar that the period follows, such as Europe/Berlin")
    .addOption(new Option("--tier <tier>", "count only this tier").choices(TIERS))
    .option("--provider <name>", "count only this provider")
    .option("--model <name>", "count only this model")
    .option("--component <name>", "count only this component")
    .option("--task-type <name>", "count only this type of task")
    .option("--warning-threshold <share>", "share of the limit that warns, 0 to 1", share)
    .option("--action-threshold <share>", "share of the limit that names cheaper models, 0 to 1", share)
    .option("--end-date <time>", "from this instant or day on it only counts", instant)
    .option("--allow-unpriced", "let models without a known price pass the cost limit")
    .option("--priority-override", "let priority 10 pass the limit");

const periodOption = () =>
  new Option("--period <period>", "span that the limit counts over").choices(PERIODS);

async function makePolicy(client: BudgetClient, options: PolicyOptions): Promise<Policy> {
  const policy = { type: "enforce", ...readPolicy(options) };
  if (policy.period === undefined) throw new UsageError("Give --period, such as --period daily.");
  const isLimited = policy.token_limit !== undefined || policy.cost_limit !== undefined;
  if (!isLimited && readPolicyType(policy.type) !== "log") {
    throw new UsageError("Give a limit: --tokens, --cost or both.");
  }
  const budget_id =
    options.budget === undefined ? undefined : (await findBudget(client, options.budget)).budget_id;
  return client.policies.create({ ...(policy as PolicyCreate), ...given({ budget_id }) });
}

/** The policy that `set-limit` changes: of the same budget, period and type, for the same requests. */
async function findPolicy(
  client: BudgetClient,
  budget_id: string,
  options: PolicyOptions,
): Promise<Policy | undefined> {
  const wanted = readPolicy(options);
  const type = readPolicyType(options.type ?? "enforce");
  for (let page = 1; ; page += 1) {
    const list = await client.policies.list({
      budget_id,
      ...given({ period: wanted.period }),
      page,
      limit: 1000,
    });
    const found = list.items.find(
      (policy) =>
        policy.type === type &&
        DIMENSIONS.every((name) => (wanted[name]?.toLowerCase() ?? null) === policy[name]),
    );
    if (found !== undefined || list.items.length < list.limit) return found;
  }
}

export function addPolicyCommands(program: Command, world: World): void {
  const policies = program.command("policies").description("limits of tokens and cost");

  policies
    .command("list", { isDefault: true })
    .description("list policies")
    .option("--budget <budget>", "only those of this budget, by id or name")
    .option("--page <n>", "page, from 1", wholeNumber)
    .option("--limit <n>", "policies on a page", wholeNumber)
    .action(async (options: { budget?: string; page?: number; limit?: number }, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { budget, ...page } = options;
      const budget_id = budget === undefined ? undefined : (await findBudget(client, budget)).budget_id;
      const list = await client.policies.list(given({ ...page, budget_id }));
      const rows = list.items.map((policy) => [
        policy.policy_id,
        `${policy.period} ${policy.enabled ? policy.type : "disabled"}`,
        [limits(policy), matching(policy)].filter((part) => part !== "").join(" for "),
      ]);
      show(list, toTable(["id", "policy", "limit"], rows));
    });

  withLimits(policies.command("create").description("put a limit on a budget"))
    .addOption(periodOption())
    .option("--budget <budget>", "id or name; the default budget if left out")
    .action(async (options: PolicyOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const policy = await makePolicy(client, options);
      show(policy, showPolicy(policy));
    });

  policies
    .command("show <policy>")
    .description("show a policy")
    .action(async (policy_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const policy = await client.policies.get(policy_id);
      show(policy, showPolicy(policy));
    });

  withLimits(policies.command("update <policy>").description("change a policy"))
    .addOption(periodOption())
    .option("--enabled", "let it bind again")
    .option("--no-enabled", "let it bind nobody")
    .option("--no-end-date", "let it bind without an end")
    .action(async (policy_id: string, options: PolicyOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const policy = await client.policies.update(policy_id, readPolicy(options));
      show(policy, showPolicy(policy));
    });

  policies
    .command("delete <policy>")
    .description("delete a policy")
    .action(async (policy_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const answer = await client.policies.delete(policy_id);
      show(answer, answer.message);
    });

  withLimits(
    program
      .command("set-limit")
      .description("set the limit of a budget for a period: makes or changes its policy"),
  )
    .addOption(periodOption().makeOptionMandatory())
    .option("--budget <budget>", "id or name; the default budget if left out")
    .action(async (options: PolicyOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { budget_id } =
        options.budget === undefined
          ? await client.budgets.getDefault()
          : await findBudget(client, options.budget);
      const found = await findPolicy(client, budget_id, options);
      const policy =
        found === undefined
          ? await makePolicy(client, { ...options, budget: budget_id })
          : await client.policies.update(found.policy_id, {
              end_date: null,
              ...readPolicy(options),
              enabled: true,
            });
      show(policy, showPolicy(policy));
    });
}
