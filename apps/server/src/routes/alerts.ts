import { AlertQuerySchema, AlertSchema, listOf, toAlertWire } from "@budget/domain";
import { listAnswer, route } from "./route.ts";

export const alertRoutes = [
  route({
    method: "get",
    path: "/api/alerts",
    operation_id: "listAlerts",
    tag: "alerts",
    summary: "List alerts",
    query: AlertQuerySchema,
    success: { status: 200, description: "Alerts, newest first", schema: listOf(AlertSchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return listAnswer(await engine.alerts.list(context, query), query, toAlertWire);
    },
  }),
];
