import type { Clock, IdSource } from "@budget/domain";
import { DEFAULT_TENANT_ID, type CommandContext } from "@budget/engine";
import { v7 } from "uuid";

export const clock = { now: () => Date.now() } satisfies Clock;

export const ids: IdSource = { next: (at_ms) => v7({ msecs: at_ms }) };

/** Whoever has the database itself works for its first tenant. */
export const CONTEXT: CommandContext = { tenant_id: DEFAULT_TENANT_ID };
