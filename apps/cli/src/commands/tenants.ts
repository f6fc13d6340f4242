import type { Command } from "commander";
import { toFields, toTable } from "../output.ts";
import { openSession, type World } from "../session.ts";

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
      const rows = list.items.map(({ tenant_id, name, created_at }) => [tenant_id, name, created_at]);
      show(list, toTable(["id", "name", "made"], rows));
    });

  tenants
    .command("create <name>")
    .description("make a tenant with a default budget, and its first admin key, which is shown once")
    .action(async (name: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const tenant = await client.tenants.create(name);
      const made = await client.tenants.createKey(tenant.tenant_id, "first admin");
      const fields = toFields({ id: tenant.tenant_id, name: tenant.name, "key id": made.key_id });
      show({ ...tenant, key: made }, `${fields}\n\n${made.key}\n\nThis is shown only now.`);
    });
}
