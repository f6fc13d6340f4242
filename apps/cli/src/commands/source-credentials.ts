import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { toFields } from "../output.ts";
import { openSession, type World } from "../session.ts";

interface SetOptions {
  readonly header: string;
  readonly valueFile: string;
}

/** Commands below `prices sources` for what sources are asked with. */
export function addCredentialCommands(sources: Command, world: World): void {
  const credential = sources.command("credential").description("the header that a source is asked with");

  credential
    .command("set <source>")
    .description("set it; its value is read from standard input, kept encrypted, and never shown again")
    .option("--header <name>", "its name", "Authorization")
    .option("--value-file <path>", "read all of its value from a file, - for standard input", "-")
    .action(async (source: string, { header, valueFile }: SetOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      // A value is no argument, because other users see those.
      const value = (await world.readFile(valueFile)).replace(/\r?\n$/, "");
      if (value === "") {
        const place = valueFile === "-" ? "standard input" : valueFile;
        throw new UsageError(`There is nothing in ${place}: give all of it, such as "Bearer sk-…".`);
      }
      const changed = await client.prices.setCredential(source, { header, value });
      const fields = toFields({
        source: changed.source,
        header: changed.credential?.header ?? null,
        "encrypted with": changed.credential?.key_id ?? null,
        set: changed.credential?.set_at ?? null,
      });
      show(changed, `${fields}\n\nThe next run sends it; to try it now: budget prices update ${source}`);
    });

  credential
    .command("remove <source>")
    .description("ask the source without a header from now on")
    .action(async (source: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const changed = await client.prices.removeCredential(source);
      show(changed, `${changed.source} is asked without a credential from now on.`);
    });
}
