import { PortError, portOverEngine } from "@budget/adapter-port";
import { createApolloAdapter } from "@budget/adapters-apollo";
import { createRhetorAdapter, createTokenCounter } from "@budget/adapters-rhetor";
import { Dimension, Label, closed, isoTime, nullable, type ApiKey, type Metadata } from "@budget/domain";
import type { CommandContext } from "@budget/engine";
import { Type, type Static } from "typebox";
import { holdToKey } from "../bound-keys.ts";
import { denialOf, whyForbidden } from "../guard.ts";
import type { Services } from "../routes/route.ts";
import { letOthersGoOn, uuidSource } from "../world.ts";
import { MESSAGE_TYPES, type MessageScope, type MessageType } from "./message-types.ts";

/** A message of Tekton's Multi-Component Protocol. */
export const MessageRequestSchema = Type.Object(
  {
    message_id: Type.Optional(Label("Id of the message at its sender; made here if left out")),
    sender: Dimension("The component that sends it"),
    message_type: Label("What it wants, in any case"),
    timestamp: Type.Optional(Label("When it was sent, as its sender's clock says it")),
    payload: Type.Optional(nullable(Type.Record(Type.String(), Type.Unknown()))),
    reply_to: Type.Optional(nullable(Label("Where an answer goes that is sent later; this one is not"))),
    timeout: Type.Optional(
      nullable(Type.Number({ minimum: 0, description: "Seconds; the sender keeps to it" })),
    ),
  },
  closed,
);
export type MessageRequest = Static<typeof MessageRequestSchema>;

export const MessageResponseSchema = Type.Object({
  message_id: Type.String(),
  sender: Type.Literal("budget"),
  message_type: Type.String(),
  timestamp: Type.String({ format: "date-time" }),
  payload: Type.Record(Type.String(), Type.Unknown()),
  request_id: Type.String({ description: "The message_id that it answers" }),
  status: Type.Enum(["success", "error"]),
  error: nullable(Type.String({ description: "What is wrong, and what would be right" })),
  code: nullable(Type.String({ description: "Stable name of what is wrong" })),
});
export type MessageResponse = Static<typeof MessageResponseSchema>;

export const SENDER = "budget";

/** One for all messages, so that each tokenizer is loaded once. */
const tokens = createTokenCounter({ rest: letOthersGoOn });

interface Verdict {
  readonly message_type: string;
  readonly payload: Metadata;
  readonly error: string | null;
  readonly code: string | null;
}

/**
 * Answers a message. What is wrong with it is an answer as well, of the type that its sender waits for: senders look at
 * `status`, and not at the status of HTTP.
 */
export async function answerMessage(
  message: MessageRequest,
  context: CommandContext,
  key: ApiKey,
  services: Services,
): Promise<MessageResponse> {
  const now_ms = services.now();
  const { message_type, payload, error, code } = await judge(message, context, key, services);
  return {
    message_id: uuidSource.next(now_ms),
    sender: SENDER,
    message_type,
    timestamp: isoTime(now_ms),
    payload,
    request_id: message.message_id ?? uuidSource.next(now_ms),
    status: error === null ? "success" : "error",
    error,
    code,
  };
}

async function judge(
  message: MessageRequest,
  context: CommandContext,
  key: ApiKey,
  services: Services,
): Promise<Verdict> {
  const type = MESSAGE_TYPES.get(message.message_type.trim().toLowerCase());
  if (type === undefined) {
    const known = [...MESSAGE_TYPES.keys()].join(", ");
    const error = `Unknown message type: ${message.message_type}. Known are ${known}.`;
    return { message_type: "budget.error", payload: {}, error, code: "unknown_message_type" };
  }
  const failed = (error: string, code: string): Verdict => ({
    message_type: type.answered_by,
    payload: type.failed,
    error,
    code,
  });
  // Python's components say null where they mean nothing.
  const payload = Object.fromEntries(
    Object.entries(message.payload ?? {}).filter(([, value]) => value !== null),
  );
  const forbidden = whyForbidden(key, type.operation_id);
  if (forbidden !== null && context.actor !== undefined)
    services.engine.access.deny(key.tenant_id, denialOf(type.operation_id, context.actor));
  const refused = forbidden ?? type.validate(payload);
  const named = namedIn(payload, message);
  const wrong = refused ?? (await holdToKey(key, { params: {}, body: named, context }, services.engine));
  if (wrong !== null) return failed(wrong.body.detail, wrong.body.code);
  return carryOut(type, payload, scopeOf(named, context, services), failed);
}

/** What a key can be bound to, where the sender stands for the component that is not named. */
interface Named {
  readonly component: string;
  /** A bound key fills it in. */
  budget_id?: string;
  readonly allocation_id?: string;
}

/** @param payload found valid; what else is in it says nothing, and is not read as a part of a request */
function namedIn(payload: object, { sender }: MessageRequest): Named {
  const { component = sender, budget_id, allocation_id } = payload as Partial<Named>;
  return {
    component,
    ...(budget_id !== undefined && { budget_id }),
    ...(allocation_id !== undefined && { allocation_id }),
  };
}

function scopeOf(
  { component, budget_id }: Named,
  context: CommandContext,
  { engine, now }: Services,
): MessageScope {
  const port = portOverEngine(engine, context);
  const of_budget = budget_id === undefined ? {} : { budget_id };
  const clock = { now };
  return {
    port,
    portFor: (asked) => portOverEngine(engine, { ...context, asked }),
    apollo: createApolloAdapter({ port, clock, ...of_budget }),
    rhetor: createRhetorAdapter({ port, tokens, clock, ...of_budget }),
    component,
    budget_id,
  };
}

async function carryOut(
  type: MessageType,
  payload: object,
  scope: MessageScope,
  failed: (error: string, code: string) => Verdict,
): Promise<Verdict> {
  try {
    const { payload: answer, error } = await type.handle(payload as never, scope);
    return {
      message_type: type.answered_by,
      payload: answer,
      error,
      code: error === null ? null : "insufficient_budget",
    };
  } catch (error) {
    if (!(error instanceof PortError)) throw error;
    return failed(error.detail, error.code);
  }
}
