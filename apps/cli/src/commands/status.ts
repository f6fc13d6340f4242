import type { Command } from "commander";
import { percent, toFields, toTable, usd } from "../output.ts";
import { openSession, urlOf, type World } from "../session.ts";

/** Policies are shown from this share of their limit on. */
const NEAR = 0.8;

export function addStatusCommands(program: Command, world: World): void {
  program
    .command("status")
    .description("show whether the server runs, and which limits are near")
    .action(async (_options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const [health, budgets, policies, today] = [
        await client.health(),
        await client.budgets.list({ limit: 1000 }),
        await client.policies.list({ limit: 1 }),
        await client.usage.summary({ period: "daily" }),
      ];
      const rows: (string | number)[][] = [];
      for (const { budget_id, name } of budgets.items) {
        for (const row of (await client.budgets.summary(budget_id, { limit: 1000 })).items) {
          const share = Math.max(row.token_usage_percentage ?? 0, row.cost_usage_percentage ?? 0);
          if (share >= NEAR) rows.push([name, row.period, row.type, percent(share)]);
        }
      }
      const fields = toFields({
        server: urlOf(command, world.environment),
        version: health.version,
        budgets: budgets.total,
        policies: policies.total,
        "requests today": today.request_count,
        "cost today": usd(today.total_cost),
      });
      const near =
        rows.length === 0 ? "No limit is near." : toTable(["budget", "period", "type", "used"], rows);
      show(
        { ...health, budgets: budgets.total, policies: policies.total, today, near: rows },
        `${fields}\n\n${near}`,
      );
    });
}
