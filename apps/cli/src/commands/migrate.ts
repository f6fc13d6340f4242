import { OLD_SYSTEMS, type OldSystem } from "@budget/domain";
import { createHistoryImporter } from "@budget/engine";
import { compareTotals } from "@budget/migration";
import { Argument, type Command } from "commander";
import { withDatabase } from "../database.ts";
import { EXIT } from "../exit-codes.ts";
import { runMigration, openHistory, type MigrateOptions } from "../migration/run-migration.ts";
import { createProgress } from "../migration/progress.ts";
import { CONTEXT, clock, ids } from "../migration/parts.ts";
import { reconciliationText } from "../migration/reconciliation-text.ts";
import { reconciliationJson } from "../migration/report-json.ts";
import { readMapping } from "../migration/operator-files.ts";
import { SYSTEM_NAMES, timeZone, timeZoneOf } from "../migration/time-zone.ts";
import { printer, type World } from "../session.ts";

/** Where two old systems of a kind need not be told apart. */
const ONLY_SOURCE = "default";

const OPEN_EXISTING = { must_exist: true } as const;

export function addMigrateCommands(program: Command, world: World): void {
  const print = printer(world);
  const migrate = program
    .command("migrate")
    .description(
      "move the limits and the usage of Apollo or Rhetor into the database; see docs/migration.md",
    );

  const move = (system: OldSystem, place: string, what: string) =>
    withSource(migrate.command(system))
      .description(`move ${what} in; what is there already stays`)
      .argument(`<${place}>`)
      .option("--dry-run", "only tell what would be made, and what cannot be and why")
      .option("--shadow", "limits only count until `migrate enforce` ends that")
      .action(async (where: string, options: MigrateOptions, command: Command) => {
        const { text, json, differs } = await runMigration(world, system, where, options);
        print(command, json, text);
        if (differs) world.setExitCode(EXIT.failed);
      });
  move("apollo", "directory|url|file", "Apollo's data directory, or the policies of its export,");
  move("rhetor", "file", "Rhetor's rhetor.db").option(
    "--rates <file>",
    "what Rhetor charged: provider, model, input_cost_per_token and output_cost_per_token",
  );

  migrate
    .command("enforce")
    .description("end the shadow: limits that moved in get the types that they had")
    .addArgument(new Argument("<system>").choices(OLD_SYSTEMS))
    .option("--source <name>", "which of several old systems of the kind", ONLY_SOURCE)
    .action(async (system: OldSystem, { source }: { source: string }, command: Command) => {
      const { changed, left } = await withDatabase(world, OPEN_EXISTING, (database) =>
        createHistoryImporter({ database, clock, ids }).enforce(CONTEXT, { system, name: source }),
      );
      const told =
        changed + left.length === 0
          ? `No limit of ${SYSTEM_NAMES[system]}'s is in shadow; nothing changed.`
          : `Limits of ${SYSTEM_NAMES[system]}'s that have their own types from now on: ${changed}.`;
      const stayed = left.map(({ policy_id, reason }) => `Policy ${policy_id} stays in shadow: ${reason}`);
      print(command, { changed, left }, [told, ...stayed].join("\n"));
    });

  withSource(migrate.command("reconcile"))
    .description("put the old system's totals beside ours, and change nothing; fails where they differ")
    .addArgument(new Argument("<system>").choices(OLD_SYSTEMS))
    .argument("<place>", "as of the migration")
    .action(async (system: OldSystem, place: string, options: MigrateOptions, command: Command) => {
      const time_zone = await timeZoneOf(world, system, options.timeZone);
      const mapping = await readMapping(world, options.mapping);
      const source = await openHistory(system, place, time_zone, []);
      const progress = createProgress(world, clock.now);
      try {
        const reconciliation = await withDatabase(world, OPEN_EXISTING, (database) => {
          const importer = createHistoryImporter({ database, clock, ids });
          const { source: source_name } = options;
          const { show } = progress;
          return compareTotals({
            importer,
            context: CONTEXT,
            source,
            source_name,
            mapping,
            onProgress: show,
          });
        });
        print(command, reconciliationJson(reconciliation), reconciliationText(system, reconciliation));
        if (reconciliation.differing.length > 0) world.setExitCode(EXIT.failed);
      } finally {
        progress.end();
        source.close();
      }
    });
}

const withSource = (command: Command): Command =>
  command
    .option(
      "--time-zone <name>",
      "where the machine was whose times have no offset, such as Europe/Berlin",
      timeZone,
    )
    .option("--mapping <file>", "other names for components, and the budget that it goes into: YAML or JSON")
    .option("--source <name>", "tells several old systems of a kind apart", ONLY_SOURCE);
