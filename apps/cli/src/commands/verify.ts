import { DEFAULT_TENANT_ID, repairTenant, verifyTenant, type VerifyDifference } from "@budget/engine";
import type { Command } from "commander";
import { withDatabase } from "../database.ts";
import { EXIT } from "../exit-codes.ts";
import { toTable } from "../output.ts";
import { printer, type World } from "../session.ts";

/** A recount looks at what is there, and makes no database where the URL is mistyped. */
const OPEN_EXISTING = { must_exist: true } as const;

export function addVerifyCommand(program: Command, world: World): void {
  const print = printer(world);
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
