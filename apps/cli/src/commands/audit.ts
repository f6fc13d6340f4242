import type { AuditEntry, BudgetClient } from "@budget/client-js";
import { Option, type Command } from "commander";
import { EXIT } from "../exit-codes.ts";
import { wholeNumber } from "../options.ts";
import { toTable } from "../output.ts";
import { given, openSession, type World } from "../session.ts";

const PAGE = 1000;

/** Every entry, oldest first. What is added meanwhile comes at the end. */
async function* allEntries(client: BudgetClient): AsyncGenerator<AuditEntry> {
  const { total } = await client.audit.list({ limit: 1 });
  for (let page = Math.ceil(total / PAGE); page >= 1; page -= 1)
    yield* (await client.audit.list({ limit: PAGE, page })).items.toReversed();
}

export function addAuditCommands(program: Command, world: World): void {
  const audit = program.command("audit").description("the record of changes and denials (for admins)");

  audit
    .command("list")
    .description("list entries, newest first")
    .addOption(new Option("--kind <kind>", "only these").choices(["change", "denial"]))
    .option("--subject <id>", "what was done to this thing")
    .option("--limit <n>", "at most so many", wholeNumber)
    .action(
      async (options: { kind?: "change" | "denial"; subject?: string; limit?: number }, command: Command) => {
        const { client, show } = await openSession(command, world);
        const { kind, subject, limit } = options;
        const list = await client.audit.list(given({ kind, subject_id: subject, limit }));
        const rows = list.items.map((entry) => [
          entry.sequence,
          entry.at.slice(0, 19),
          entry.kind,
          entry.action,
          entry.actor,
          entry.origin,
        ]);
        show(list, toTable(["no", "at (UTC)", "kind", "action", "by", "from"], rows));
      },
    );

  audit
    .command("verify")
    .description("see whether the record is as it was written; fails where it is not")
    .action(async (_options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const found = await client.audit.verify();
      const text = found.intact
        ? `${found.entries} entries are as they were written. Head: ${found.head}`
        : `Entry ${found.first_wrong ?? 0}: ${found.what}`;
      show(found, text);
      if (!found.intact) world.setExitCode(EXIT.failed);
    });

  audit
    .command("export")
    .description("print every entry as a line of JSON, oldest first")
    .action(async (_options: unknown, command: Command) => {
      const { client } = await openSession(command, world);
      let last = 0;
      for await (const entry of allEntries(client)) {
        // Entries that came while pages were read move others onto the next page.
        if (entry.sequence <= last) continue;
        last = entry.sequence;
        world.stdout(`${JSON.stringify(entry)}\n`);
      }
    });
}
