import { Command, CommanderError, Help } from "commander";
import { addAlertCommands } from "./commands/alerts.ts";
import { addAllocationCommands } from "./commands/allocations.ts";
import { addAuditCommands } from "./commands/audit.ts";
import { addBudgetCommands } from "./commands/budgets.ts";
import { addConfigurationCommands } from "./commands/configuration.ts";
import { addDatabaseCommands } from "./commands/database.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addExplainCommands } from "./commands/explain.ts";
import { addKeyCommands } from "./commands/keys.ts";
import { addMigrateCommands } from "./commands/migrate.ts";
import { addPolicyCommands } from "./commands/policies.ts";
import { addPriceCommands } from "./commands/prices.ts";
import { addStatusCommands } from "./commands/status.ts";
import { addTenantCommands } from "./commands/tenants.ts";
import { addUsageCommands } from "./commands/usage.ts";
import { addVerifyCommand } from "./commands/verify.ts";
import { EXIT, exitCodeOf, messageOf } from "./exit-codes.ts";
import { DEFAULT_URL, urlOf, type World } from "./session.ts";

const HELP = `
Environment:
  BUDGET_URL           address of the server (${DEFAULT_URL})
  BUDGET_API_KEY       key to ask with; else admin.key beside the database,
                       for this machine
  BUDGET_CONFIG_FILE   configuration of a server that is started here
                       (config.yaml)
  BUDGET_DATABASE_URL  database of "db", "verify", "migrate" and "doctor"
                       (sqlite:./data/budget.db)
  BUDGET_DATABASE_KEY  what its SQLite file is encrypted with
  BUDGET_SECRET_KEYS   what "db rotate-secrets" encrypts with: the first key

Exit codes:
  0 done   1 failed, or differences found
  2 typed wrongly, or a wrong configuration
  3 refused by a budget   4 not found   5 no server   6 not allowed`;

const help = new Help();

export function createProgram(world: World): Command {
  const program = new Command("budget")
    .description("Token and cost budgets for LLM calls.")
    .option("--url <address>", `address of the server; BUDGET_URL, else ${DEFAULT_URL}`)
    .option("--json", "print the server's JSON")
    .addHelpText("after", HELP)
    .configureHelp({
      // Descriptions beside long names are broken on a screen of 80 columns, too.
      minWidthToWrap: 20,
      optionDescription: (option) =>
        `${help.optionDescription(option)}${option.mandatory ? " (required)" : ""}`,
    })
    .configureOutput({ writeOut: world.stdout, writeErr: world.stderr })
    .exitOverride();
  addStatusCommands(program, world);
  addAlertCommands(program, world);
  addBudgetCommands(program, world);
  addPolicyCommands(program, world);
  addAllocationCommands(program, world);
  addExplainCommands(program, world);
  addUsageCommands(program, world);
  addPriceCommands(program, world);
  addKeyCommands(program, world);
  addAuditCommands(program, world);
  addTenantCommands(program, world);
  addDatabaseCommands(program, world);
  addVerifyCommand(program, world);
  addMigrateCommands(program, world);
  addConfigurationCommands(program, world);
  addDoctorCommand(program, world);
  inherit(program);
  return program;
}

/** Every command, at any depth, writes and ends like the program itself. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    command.hook("preSubcommand", refuseUnknownCommand);
    inherit(command);
  }
}

/** A word that names no command would be taken for an argument of the one that runs where none is named. */
function refuseUnknownCommand(parent: Command): void {
  const [word] = parent.args;
  if (word === undefined || word.startsWith("-")) return;
  if (parent.commands.some((command) => [command.name(), ...command.aliases()].includes(word))) return;
  const names = parent.commands.map((command) => command.name()).join(", ");
  parent.error(`error: unknown command '${word}' of ${parent.name()}; there are ${names}`);
}

/**
 * Runs the command line.
 * @param words what was typed after `budget`
 * @returns the exit code
 */
export async function run(words: readonly string[], world: Omit<World, "setExitCode">): Promise<number> {
  let code: number = EXIT.ok;
  const program = createProgram({ ...world, setExitCode: (other) => (code = other) });
  try {
    await program.parseAsync(words, { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
    world.stderr(`${messageOf(error, urlOf(program, world.environment))}\n`);
    return exitCodeOf(error);
  }
}
