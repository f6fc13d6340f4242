import { MessageRequestSchema, MessageResponseSchema, answerMessage } from "../messages/answer-message.ts";
import { messageRequestExample } from "./examples.ts";
import { route } from "./route.ts";

export const messageRoutes = [
  route({
    method: "post",
    path: "/api/mcp/message",
    operation_id: "sendMessage",
    tag: "messages",
    summary: "Send a message of Tekton's Multi-Component Protocol",
    description:
      "Seven types are known: budget.allocate_tokens, budget.check_budget, budget.record_usage, " +
      "budget.get_budget_status, budget.get_model_recommendations, budget.route_with_budget_awareness and " +
      "budget.get_usage_analytics. Whatever is wrong with a message that can be read is answered by the status " +
      "`error`, with 200; each type is for the roles of the operation that it stands for.",
    body: MessageRequestSchema,
    body_example: messageRequestExample,
    idempotent_by_key: true,
    success: { status: 200, description: "The answer", schema: MessageResponseSchema },
    problems: ["invalid_value"],
    async handle({ body, context, key }, services) {
      if (key === undefined) throw new Error("sendMessage is for keys, whatever the table says.");
      return { status: 200, body: await answerMessage(body, context, key, services) };
    },
  }),
];
