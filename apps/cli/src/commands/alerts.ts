import type { Alert } from "@budget/client-js";
import type { Command } from "commander";
import { wholeNumber } from "../options.ts";
import { toFields, toTable } from "../output.ts";
import { given, openSession, type World } from "../session.ts";

const tableOf = (alerts: readonly Alert[]): string =>
  toTable(
    ["id", "severity", "what"],
    alerts.map(({ alert_id, severity, kind, message }) => [alert_id, severity, `${kind}: ${message}`]),
  );

const showAlert = (alert: Alert): string =>
  toFields({
    id: alert.alert_id,
    at: alert.created_at,
    severity: alert.severity,
    kind: alert.kind,
    what: alert.message,
    budget: alert.budget_id,
    policy: alert.policy_id,
    seen: alert.acknowledged_at,
  });

export function addAlertCommands(program: Command, world: World): void {
  const alerts = program.command("alerts").description("notices about limits and prices");

  alerts
    .command("list", { isDefault: true })
    .description("list alerts, newest first")
    .option("--open", "only those that nobody has marked as seen")
    .option("--limit <n>", "at most so many", wholeNumber)
    .action(async ({ open, limit }: { open?: true; limit?: number }, command: Command) => {
      const { client, show } = await openSession(command, world);
      const list = await client.alerts.list({ ...given({ limit }), ...(open && { acknowledged: false }) });
      show(list, tableOf(list.items));
    });

  alerts
    .command("show <alert>")
    .description("show an alert")
    .action(async (alert_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const alert = await client.alerts.get(alert_id);
      show(alert, showAlert(alert));
    });

  alerts
    .command("ack <alert>")
    .description("mark an alert as seen")
    .action(async (alert_id: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const alert = await client.alerts.acknowledge(alert_id);
      show(alert, showAlert(alert));
    });

  alerts
    .command("check")
    .description("look at every limit now, and raise the alerts that are due")
    .action(async (_options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const raised = await client.alerts.check();
      show(raised, raised.total === 0 ? "No alert is due." : tableOf(raised.items));
    });
}
