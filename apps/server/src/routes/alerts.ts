import { AlertQuerySchema, AlertSchema, listOf, toAlertWire } from "@budget/domain";
import { Type } from "typebox";
import { answerTo, fingerprinted, listAnswer, route, sliceAnswer } from "./route.ts";

const params = Type.Object({ alert_id: AlertSchema.properties.alert_id });

/** As many of the alerts that a check raised as are answered; all are listed. */
const MOST_ANSWERED = 1000;

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
  route({
    method: "post",
    path: "/api/alerts/check",
    operation_id: "checkAlerts",
    tag: "alerts",
    summary: "Look at every limit now, and raise the alerts that are due",
    description:
      "Usage raises alerts as it is booked. This raises what is due without any, such as after a policy was changed; " +
      "each alert is raised once in a window.",
    success: {
      status: 200,
      description: "The alerts that were raised, the first 1,000 of them",
      schema: listOf(AlertSchema),
    },
    problems: ["invalid_value"],
    async handle({ context }, { engine }) {
      const raised = await engine.alerts.check(context);
      return sliceAnswer(raised.map(toAlertWire), { limit: MOST_ANSWERED });
    },
  }),
  route({
    method: "get",
    path: "/api/alerts/{alert_id}",
    operation_id: "getAlert",
    tag: "alerts",
    summary: "Read an alert",
    params,
    success: { status: 200, description: "The alert", schema: AlertSchema, etag: true },
    problems: ["invalid_value", "alert_not_found"],
    async handle({ context, params: { alert_id } }, services) {
      const outcome = await services.engine.alerts.get(context, alert_id);
      return answerTo(outcome, services, (alert) => fingerprinted(200, toAlertWire(alert)));
    },
  }),
  route({
    method: "post",
    path: "/api/alerts/{alert_id}/acknowledge",
    operation_id: "acknowledgeAlert",
    tag: "alerts",
    summary: "Mark an alert as seen",
    description: "One that is marked already stays as it is.",
    params,
    success: { status: 200, description: "The alert", schema: AlertSchema },
    problems: ["invalid_value", "alert_not_found"],
    async handle({ context, params: { alert_id } }, services) {
      const outcome = await services.engine.alerts.acknowledge(context, alert_id);
      return answerTo(outcome, services, (alert) => ({ status: 200, body: toAlertWire(alert) }));
    },
  }),
];
