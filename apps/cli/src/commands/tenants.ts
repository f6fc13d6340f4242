import type { Tenant, TenantLimits } from "@budget/client-js";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { numberOrNone } from "../options.ts";
import { toFields, toTable } from "../output.ts";
import { openSession, type World } from "../session.ts";

interface LimitOptions {
  readonly maxBudgets?: number | "none";
  readonly maxKeys?: number | "none";
  readonly requests?: number | "none";
}

/** Only the limits that were typed. */
function limitsOf({ maxBudgets, maxKeys, requests }: LimitOptions): Partial<TenantLimits> {
  const typed = { max_budgets: maxBudgets, max_keys: maxKeys, requests_per_second: requests };
  return Object.fromEntries(
    Object.entries(typed)
      .filter(([, limit]) => limit !== undefined)
      .map(([name, limit]) => [name, limit === "none" ? null : limit]),
  );
}

const withLimits = (command: Command): Command =>
  command
    .option("--max-budgets <number>", "budgets at most, or `none`", numberOrNone)
    .option("--max-keys <number>", "keys at most that open something, or `none`", numberOrNone)
    .option("--requests <number>", "requests a second of all keys together, or `none`", numberOrNone);

const fieldsOf = ({ tenant_id, name, limits }: Tenant) => ({
  id: tenant_id,
  name,
  budgets: limits.max_budgets ?? "any number",
  keys: limits.max_keys ?? "any number",
  "requests a second": limits.requests_per_second ?? "any number",
});

function limitsInWords({ max_budgets, max_keys, requests_per_second }: TenantLimits): string | null {
  const limits = [
    max_budgets === null ? [] : [`${max_budgets} budgets`],
    max_keys === null ? [] : [`${max_keys} keys`],
    requests_per_second === null ? [] : [`${requests_per_second} requests/s`],
  ].flat();
  return limits.length === 0 ? null : limits.join(", ");
}

export function addTenantCommands(program: Command, world: World): void {
  const tenants = program
    .command("tenants")
    .description("organisations (for admins of the installation's own tenant)");

  tenants
    .command("list")
    .description("list tenants, oldest first")
    .action(async (_options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const list = await client.tenants.list({ limit: 1000 });
      const rows = list.items.map(({ tenant_id, name, limits, created_at }) => [
        tenant_id,
        name,
        created_at.slice(0, 10),
        limitsInWords(limits),
      ]);
      show(list, toTable(["id", "name", "made", "at most"], rows));
    });

  withLimits(tenants.command("create <name>"))
    .description("make a tenant with a default budget, and its first admin key, which is shown once")
    .action(async (name: string, options: LimitOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const tenant = await client.tenants.create(name, limitsOf(options));
      const made = await client.tenants.createKey(tenant.tenant_id, "first admin");
      const fields = toFields({ ...fieldsOf(tenant), "key id": made.key_id });
      show({ ...tenant, key: made }, `${fields}\n\n${made.key}\n\nThis is shown only now.`);
    });

  withLimits(tenants.command("limit <id>"))
    .description("say what a tenant may have at most; limits that are left out stay as they are")
    .action(async (tenant_id: string, options: LimitOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const limits = limitsOf(options);
      if (Object.keys(limits).length === 0)
        throw new UsageError("Name a limit: --max-budgets, --max-keys or --requests.");
      const tenant = await client.tenants.update(tenant_id, { limits });
      show(tenant, toFields(fieldsOf(tenant)));
    });
}
