import { Command, CommanderError } from "commander";
import { addAllocationCommands } from "./commands/allocations.ts";
import { addBudgetCommands } from "./commands/budgets.ts";
import { addConfigurationCommands } from "./commands/configuration.ts";
import { addDoctorCommand } from "./commands/doctor.ts";
import { addExplainCommands } from "./commands/explain.ts";
import { addLocalCommands } from "./commands/local.ts";
import { addPolicyCommands } from "./commands/policies.ts";
import { addPriceCommands } from "./commands/prices.ts";
import { addStatusCommands } from "./commands/status.ts";
import { addUsageCommands } from "./commands/usage.ts";
import { EXIT, exitCodeOf, messageOf } from "./exit-codes.ts";
import { DEFAULT_URL, urlOf, type World } from "./session.ts";

const HELP = `
Environment:
  BUDGET_URL           address of the server (${DEFAULT_URL})
  BUDGET_API_KEY       key that the server asks for
  BUDGET_CONFIG_FILE   configuration of a server that is started here (config.yaml)
  BUDGET_DATABASE_URL  database of "db", "verify" and "doctor" (sqlite:./data/budget.db)

Exit codes:
  0 done   1 failed, or differences found   2 typed wrongly, or a wrong configuration
  3 refused by a budget   4 not found   5 no server`;

export function createProgram(world: World): Command {
  const program = new Command("budget")
    .description("Token and cost budgets for LLM calls.")
    .option("--url <address>", `address of the server; BUDGET_URL, else ${DEFAULT_URL}`)
    .option("--json", "print the server's JSON")
    .addHelpText("after", HELP)
    .configureOutput({ writeOut: world.stdout, writeErr: world.stderr })
    .exitOverride();
  addStatusCommands(program, world);
  addBudgetCommands(program, world);
  addPolicyCommands(program, world);
  addAllocationCommands(program, world);
  addExplainCommands(program, world);
  addUsageCommands(program, world);
  addPriceCommands(program, world);
  addLocalCommands(program, world);
  addConfigurationCommands(program, world);
  addDoctorCommand(program, world);
  inherit(program);
  return program;
}

/** Every command, at any depth, writes and ends like the program itself. */
function inherit(parent: Command): void {
  for (const command of parent.commands) {
    command.copyInheritedSettings(parent);
    inherit(command);
  }
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
