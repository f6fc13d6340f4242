import type { Command } from "commander";
import { readLocalConfiguration } from "../local-configuration.ts";
import { toFields } from "../output.ts";
import { printer, type World } from "../session.ts";

export function addConfigurationCommands(program: Command, world: World): void {
  const print = printer(world);

  const config = program
    .command("config")
    .description("the settings of a server that is started here; no server is needed");

  config
    .command("check")
    .description(
      "check the environment and config.yaml as a server does; fails with 2 and names every mistake",
    )
    .action(async (_options: unknown, command: Command) => {
      await readLocalConfiguration(world);
      print(command, { mistakes: [] }, "The configuration is right.");
    });

  config
    .command("show")
    .description("list every setting with its value and where that comes from; secrets are masked")
    .action(async (_options: unknown, command: Command) => {
      const { settings } = await readLocalConfiguration(world);
      const lines = settings.map(
        ({ path, shown, origin }) => [path, `${shown || "not set"} (${origin})`] as const,
      );
      const shown = settings.map(({ path, variable, shown: value, origin }) => ({
        setting: path,
        variable,
        value,
        origin,
      }));
      print(command, shown, toFields(Object.fromEntries(lines)));
    });
}
