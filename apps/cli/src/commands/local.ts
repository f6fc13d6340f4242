import { DEFAULT_TENANT_ID, verifyTenant } from "@budget/engine";
import { migrate, openDatabase, type Database } from "@budget/repositories";
import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import { toTable } from "../output.ts";
import type { World } from "../session.ts";

const DEFAULT_DATABASE_URL = "sqlite:./data/budget.db";

/** Works on the database itself, which need not have a server. */
async function withDatabase<T>(
  world: World,
  exclusive: boolean,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const url = world.environment.BUDGET_DATABASE_URL ?? DEFAULT_DATABASE_URL;
  const database = openDatabase({ url, exclusive });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

export function addLocalCommands(program: Command, world: World): void {
  const print = (command: Command, value: unknown, text: string): void => {
    const { json = false } = command.optsWithGlobals<{ json?: boolean }>();
    world.stdout(`${json ? JSON.stringify(value, null, 2) : text}\n`);
  };

  program
    .command("db")
    .description("the database that BUDGET_DATABASE_URL names")
    .command("migrate")
    .description("bring its schema up to date")
    .action(async (_options: unknown, command: Command) => {
      const applied = await withDatabase(world, true, migrate);
      const text = applied.length === 0 ? "The schema is up to date." : `Applied: ${applied.join(", ")}`;
      print(command, { applied }, text);
    });

  program
    .command("verify")
    .description("recount every balance in the database, while servers go on; fails where one differs")
    .action(async (_options: unknown, command: Command) => {
      const report = await withDatabase(world, false, (database) =>
        verifyTenant(database, DEFAULT_TENANT_ID),
      );
      const counted =
        `Recounted: ${report.policies_checked} policies, ${report.allocations_checked} allocations, ` +
        `${report.usage_records_checked} usage records.`;
      const rows = report.differences.map(({ subject, field, recorded, recounted }) => [
        subject,
        field,
        recorded,
        recounted,
      ]);
      const text =
        rows.length === 0
          ? `${counted} No difference.`
          : `${toTable(["what", "field", "recorded", "recounted"], rows)}\n\n${counted} ${rows.length} differences.`;
      print(command, report, text);
      if (rows.length > 0) world.setExitCode(EXIT.failed);
    });
}
