import type {
  Allocation,
  AllocationCreate,
  Grant,
  Quantile,
  ServiceTier,
  TokenRange,
} from "@budget/client-js";
import { Option, type Command } from "commander";
import { EXIT, UsageError } from "../exit-codes.ts";
import { wholeNumber, wholeNumberOrRange } from "../options.ts";
import { toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World, type Session } from "../session.ts";
import { findBudget } from "./budgets.ts";

interface RequestOptions {
  readonly context: string;
  readonly component: string;
  readonly tokens?: number | TokenRange;
  readonly input?: number;
  readonly maxOutput?: number | TokenRange;
  readonly estimate?: Quantile;
  readonly provider?: string;
  readonly model?: string;
  readonly budget?: string;
  readonly taskType?: string;
  readonly serviceTier?: ServiceTier;
  readonly scope?: string;
  readonly priority?: number;
  readonly expires?: string;
}

const QUANTILES: readonly Quantile[] = ["p50", "p75", "p90", "p95", "p99"];

const showAllocation = (allocation: Allocation): string =>
  toFields({
    id: allocation.allocation_id,
    budget: allocation.budget_id,
    context: allocation.context_id,
    component: allocation.component,
    model: allocation.model === null ? null : `${allocation.provider ?? "-"}/${allocation.model}`,
    status: allocation.status,
    tokens: `${allocation.tokens_allocated} allocated, ${allocation.tokens_used} used, ${allocation.remaining_tokens} held`,
    cost: `${usd(allocation.estimated_cost)} estimated, ${usd(allocation.cost_used)} used`,
    expires: allocation.expiration_time,
  });

function showGrant(grant: Grant): string {
  const learned =
    grant.learned === null
      ? []
      : [
          `learned: ${grant.learned.quantile} of ${grant.learned.samples} calls is ` +
            `${grant.learned.output_tokens} output tokens`,
        ];
  const warnings = grant.warnings.map(({ message }) => `warning: ${message}`);
  const cheaper = grant.alternatives.map(
    ({ provider, model, estimated_cost }) => `cheaper: ${provider}/${model} at ${usd(estimated_cost)}`,
  );
  return [showAllocation(grant), ...learned, ...warnings, ...cheaper].join("\n");
}

const withRequest = (command: Command): Command =>
  command
    .requiredOption("--context <id>", "session, task or conversation that the call belongs to")
    .requiredOption("--component <name>", "component that asks")
    .option("--tokens <n>", "tokens to hold in all, or a range such as 200..4000", wholeNumberOrRange)
    .option("--input <n>", "input tokens; with --max-output the cost is exact", wholeNumber)
    .option("--max-output <n>", "most output tokens that the call can make, or a range", wholeNumberOrRange)
    .addOption(
      new Option("--estimate <share>", "hold what this share of such calls stayed within").choices(QUANTILES),
    )
    .option("--provider <name>", "provider of the model")
    .option("--model <name>", "model to be called")
    .option("--budget <budget>", "id or name; the default budget if left out")
    .option("--task-type <name>", "kind of work")
    .option("--service-tier <tier>", "standard, batch, flex, priority or fast")
    .option("--scope <scope>", "region or commitment, such as us or us-east-1")
    .option("--priority <n>", "1 low, 5 normal, 8 high, 10 critical", wholeNumber)
    .option("--expires <time>", "when the hold ends by itself; in an hour if left out");

async function readRequest(options: RequestOptions, { client }: Session): Promise<AllocationCreate> {
  const budget_id =
    options.budget === undefined ? undefined : (await findBudget(client, options.budget)).budget_id;
  return {
    context_id: options.context,
    component: options.component,
    ...given({
      tokens_allocated: options.tokens,
      input_tokens: options.input,
      max_output_tokens: options.maxOutput,
      estimate: options.estimate,
      provider: options.provider,
      model: options.model,
      budget_id,
      task_type: options.taskType,
      service_tier: options.serviceTier,
      price_scope: options.scope,
      priority: options.priority,
      expiration_time: options.expires,
    }),
  };
}

export function addAllocationCommands(program: Command, world: World): void {
  const allocate = program.command("allocate").description("tokens held before a model is called");

  withRequest(allocate.command("create").description("hold tokens for a call"))
    .option("--id-only", "print the id alone, for scripts")
    .action(async (options: RequestOptions & { idOnly?: boolean }, command: Command) => {
      const session = await openSession(command, world);
      const grant = await session.client.allocations.create(await readRequest(options, session));
      session.show(grant, options.idOnly === true ? grant.allocation_id : showGrant(grant));
    });

  withRequest(allocate.command("check").description("see what a request would get, and hold nothing")).action(
    async (options: RequestOptions, command: Command) => {
      const session = await openSession(command, world);
      const check = await session.client.allocations.check(await readRequest(options, session));
      const verdict = check.allowed
        ? `It fits: ${check.tokens_granted} tokens for about ${usd(check.estimated_cost)}.`
        : ["It does not fit.", ...check.violations.map(({ message }) => `  ${message}`)].join("\n");
      const hint = check.allowed ? "" : `\n  ${check.tokens_that_fit} tokens would fit now`;
      session.show(check, verdict + hint);
      if (!check.allowed) world.setExitCode(EXIT.refused);
    },
  );

  allocate
    .command("list")
    .description("list allocations, newest first")
    .option("--budget <budget>", "only those of this budget, by id or name")
    .option("--context <id>", "only those of this context")
    .option("--component <name>", "only those of this component")
    .option("--active", "only those that hold something")
    .option("--page <n>", "page, from 1", wholeNumber)
    .option("--limit <n>", "allocations on a page", wholeNumber)
    .action(
      async (
        options: Partial<RequestOptions> & { active?: boolean; page?: number; limit?: number },
        command: Command,
      ) => {
        const { client, show } = await openSession(command, world);
        const { budget, context, component, active, page, limit } = options;
        const budget_id = budget === undefined ? undefined : (await findBudget(client, budget)).budget_id;
        const query = { budget_id, context_id: context, component, is_active: active, page, limit };
        const list = await client.allocations.list(given(query));
        const rows = list.items.map((one) => [
          one.allocation_id,
          one.status,
          `${one.tokens_used} of ${one.tokens_allocated}`,
          one.model,
        ]);
        show(list, toTable(["id", "status", "tokens", "model"], rows));
      },
    );

  allocate
    .command("show <allocation>")
    .description("show an allocation")
    .action(async (allocation_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const allocation = await client.allocations.get(allocation_id);
      show(allocation, showAllocation(allocation));
    });

  allocate
    .command("extend <allocation>")
    .description("hold more tokens, or hold them longer")
    .option("--tokens <n>", "tokens to hold beyond those allocated", wholeNumber)
    .option("--expires <time>", "new end of the hold")
    .action(
      async (allocation_id: string, options: { tokens?: number; expires?: string }, command: Command) => {
        const { client, show } = await openSession(command, world);
        if (options.tokens === undefined && options.expires === undefined) {
          throw new UsageError("Give --tokens, --expires or both.");
        }
        const change = given({ additional_tokens: options.tokens, expiration_time: options.expires });
        const grant = await client.allocations.extend(allocation_id, change);
        show(grant, showGrant(grant));
      },
    );

  allocate
    .command("release <allocation>")
    .description("free what an allocation still holds")
    .action(async (allocation_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const allocation = await client.allocations.release(allocation_id);
      show(allocation, showAllocation(allocation));
    });
}
