import type { Command } from "commander";
import { examine } from "../doctor/examine.ts";
import { EXIT } from "../exit-codes.ts";
import { toParagraphs } from "../output.ts";
import { openSession, printer, urlOf, type World } from "../session.ts";

export function addDoctorCommand(program: Command, world: World): void {
  const print = printer(world);

  program
    .command("doctor")
    .description(
      "check configuration, database, clock, server, keys, prices and balances; says of each what to do, if anything",
    )
    .action(async (_options: unknown, command: Command) => {
      const findings = await examine(
        await openSession(command, world),
        urlOf(command, world.environment),
        () => Date.now(),
      );
      const lines = findings.map(({ check, status, text }) => [check, `${status}: ${text}`] as const);
      print(command, findings, toParagraphs(Object.fromEntries(lines)));
      if (findings.some(({ status }) => status === "to do")) world.setExitCode(EXIT.failed);
    });
}
