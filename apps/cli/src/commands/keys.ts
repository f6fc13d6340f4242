import type { Key, NewKey, Role } from "@budget/client-js";
import { ROLES } from "@budget/domain";
import { newKeyText } from "@budget/engine";
import { randomBytes } from "node:crypto";
import { Option, type Command } from "commander";
import { v7 } from "uuid";
import { wholeNumber } from "../options.ts";
import { toFields, toTable } from "../output.ts";
import { given, openSession, type World } from "../session.ts";
import { findBudget } from "./budgets.ts";

const stateOf = ({ expires_at, revoked_at }: Key): string =>
  revoked_at !== null ? `revoked ${revoked_at}` : expires_at === null ? "open" : `until ${expires_at}`;

/** The same by the day, for a list that is no wider than a screen. */
const stateInList = ({ expires_at, revoked_at }: Key): string => {
  const day = (revoked_at ?? expires_at)?.slice(0, 10);
  return day === undefined ? "open" : `${revoked_at === null ? "until" : "revoked"} ${day}`;
};

const showKey = (key: Key): string =>
  toFields({
    id: key.key_id,
    name: key.name,
    owner: key.owner === "" ? null : key.owner,
    role: key.role,
    "bound to": [...key.budget_ids, ...key.components].join(", ") || null,
    state: stateOf(key),
    made: key.created_at,
    "last used": key.last_used_at,
  });

const showNewKey = (made: NewKey): string =>
  `${showKey(made)}\n\n${made.key}\n\nThis is shown only now. Whoever has it can do what its role may.`;

interface CreateOptions {
  readonly role: Role;
  readonly owner?: string;
  readonly budget?: readonly string[];
  readonly component?: readonly string[];
  readonly expires?: string;
}

export function addKeyCommands(program: Command, world: World): void {
  const keys = program.command("keys").description("what lets programs in (for admins)");

  keys
    .command("list")
    .description("list keys, newest first, without their secrets")
    .option("--limit <n>", "at most so many", wholeNumber)
    .action(async (options: { limit?: number }, command: Command) => {
      const { client, show } = await openSession(command, world);
      const list = await client.keys.list(given(options));
      const rows = list.items.map((key) => [key.key_id, key.name, key.role, stateInList(key)]);
      show(list, toTable(["id", "name", "role", "state"], rows));
    });

  keys
    .command("create <name>")
    .description("make a key, and show it once")
    .addOption(new Option("--role <role>", "what it may do").choices([...ROLES]).makeOptionMandatory())
    .option("--owner <name>", "who answers for it")
    .option("--budget <budgets...>", "budgets that an agent is bound to, by id or name")
    .option("--component <components...>", "components that an agent is bound to")
    .option("--expires <time>", "when it ends, such as 2027-01-01T00:00:00Z")
    .action(async (name: string, options: CreateOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { role, owner, budget = [], component, expires } = options;
      const budget_ids: string[] = [];
      for (const one of budget) budget_ids.push((await findBudget(client, one)).budget_id);
      const made = await client.keys.create({
        name,
        role,
        ...given({ owner, expires_at: expires }),
        ...(budget_ids.length === 0 ? {} : { budget_ids }),
        ...(component === undefined ? {} : { components: [...component] }),
      });
      show(made, showNewKey(made));
    });

  keys
    .command("show <key>")
    .description("show a key, without its secret")
    .action(async (key_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const key = await client.keys.get(key_id);
      show(key, showKey(key));
    });

  keys
    .command("rotate <key>")
    .description("give a key another secret, and show it once")
    .option("--overlap <seconds>", "for how long the old secret still opens", wholeNumber)
    .action(async (key_id: string, { overlap }: { overlap?: number }, command: Command) => {
      const { client, show } = await openSession(command, world);
      const made = await client.keys.rotate(key_id, given({ overlap_s: overlap }));
      show(made, showNewKey(made));
    });

  keys
    .command("revoke <key>")
    .description("let a key open nothing any more, on all servers within a second")
    .action(async (key_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const key = await client.keys.revoke(key_id);
      show(key, showKey(key));
    });

  keys
    .command("generate")
    .description("print a new key for BUDGET_ADMIN_KEY; asks no server")
    .action(() => {
      const ids = { next: (msecs: number) => v7({ msecs }) };
      world.stdout(`${newKeyText(ids, { bytes: (count) => randomBytes(count) }, Date.now())}\n`);
    });
}
