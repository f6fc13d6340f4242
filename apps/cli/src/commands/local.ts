import { DEFAULT_TENANT_ID, repairTenant, verifyTenant, type VerifyDifference } from "@budget/engine";
import { migrate, openDatabase, type Database, type DatabaseOptions } from "@budget/repositories";
import type { Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import { readLocalConfiguration } from "../local-configuration.ts";
import { printer, toTable } from "../output.ts";
import type { World } from "../session.ts";

/** A recount looks at what is there, and makes no database where the URL is mistyped. */
const OPEN_EXISTING = { must_exist: true } as const;

/** Works on the database itself, which need not have a server. */
async function withDatabase<T>(
  world: World,
  options: Omit<DatabaseOptions, "url">,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const { configuration } = await readLocalConfiguration(world);
  const database = openDatabase({ url: configuration.database_url, ...options });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

export function addLocalCommands(program: Command, world: World): void {
  const print = printer(world);

  program
    .command("db")
    .description("the database that BUDGET_DATABASE_URL or config.yaml names")
    .command("migrate")
    .description("bring its schema up to date")
    .action(async (_options: unknown, command: Command) => {
      const applied = await withDatabase(world, { exclusive: true }, migrate);
      const text = applied.length === 0 ? "The schema is up to date." : `Applied: ${applied.join(", ")}`;
      print(command, { applied }, text);
    });

  program
    .command("verify")
    .description("recount every balance in the database, while servers go on; fails where one differs")
    .option("--repair", "write what the recount gives over what differs, in one transaction that keeps both")
    .action(async (options: { repair?: boolean }, command: Command) => {
      const { repaired, report } = await withDatabase(world, OPEN_EXISTING, async (database) => ({
        repaired: options.repair === true ? await repairTenant(database, DEFAULT_TENANT_ID, CLOCK) : [],
        report: await verifyTenant(database, DEFAULT_TENANT_ID, CLOCK),
      }));
      const text = [
        ...(repaired.length === 0 ? [] : [`${differencesTable(repaired)}\n\n${repaired.length} repaired.`]),
        ...(report.differences.length === 0 ? [] : [`${differencesTable(report.differences)}\n`]),
        `Recounted: ${report.policies_checked} policies, ${report.allocations_checked} allocations, ` +
          `${report.usage_records_checked} usage records. ${count(report.differences.length)}.`,
      ].join("\n");
      print(command, options.repair === true ? { ...report, repaired } : report, text);
      if (report.differences.length > 0) world.setExitCode(EXIT.failed);
    });
}

const CLOCK = { now: () => Date.now() };

const count = (differences: number): string =>
  differences === 0 ? "No difference" : `${differences} difference${differences === 1 ? "" : "s"}`;

const differencesTable = (differences: readonly VerifyDifference[]): string =>
  toTable(
    ["what", "field", "recorded", "recounted"],
    differences.map(({ subject, field, recorded, recounted }) => [subject, field, recorded, recounted]),
  );
