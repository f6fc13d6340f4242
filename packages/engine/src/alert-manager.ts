import {
  SHARED_TENANT_ID,
  accepted,
  balanceInWindow,
  changeBy,
  createWindowCache,
  isInForce,
  toAlertWire,
  type Alert,
  type AlertQuery,
  type Balance,
  type BudgetPolicy,
  type Outcome,
  type Window,
} from "@budget/domain";
import { AlertRepository, AuditRepository, listBalances, type LedgerSession } from "@budget/repositories";
import { newAlert, thresholdAlerts } from "./alerts.ts";
import type { AlertManager, CommandContext, Page } from "./engine.ts";
import { DEFAULT_TENANT_ID } from "./first-start.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import { invalid, notFound } from "./requests.ts";

export function createAlertManager(runner: LedgerRunner): AlertManager {
  const { database, clock, ids } = runner;
  const alerts = new AlertRepository(database);
  const audit = new AuditRepository(database);

  /** The balances of a policy, and the alerts that are due on them and were not raised in their windows. */
  async function evaluate(
    session: LedgerSession,
    policy: BudgetPolicy,
    windowAt: (start_ms: number) => Window,
    now_ms: number,
  ): Promise<readonly Alert[]> {
    const due: Alert[] = [];
    const balances: Balance[] = [];
    for (const recorded of await listBalances(session.transaction, session.tenant_id, policy.policy_id)) {
      // A server whose clock is behind must not look at a window that another one has closed already.
      const window = windowAt(Math.max(now_ms, recorded.window_start_ms));
      const balance = balanceInWindow(recorded, window);
      let { alerts_raised } = balance;
      for (const reason of thresholdAlerts(policy, balance)) {
        if ((alerts_raised & reason.bit) !== 0) continue;
        alerts_raised |= reason.bit;
        due.push(newAlert(ids.next(now_ms), policy, balance, reason, window.end_ms, now_ms));
      }
      balances.push({ ...balance, alerts_raised });
    }
    if (due.length > 0) await session.replaceBalances(policy.policy_id, balances);
    return due;
  }

  return {
    list(context: CommandContext, query: AlertQuery): Promise<Page<Alert>> {
      return alerts.list(context.tenant_id, query);
    },

    async get(context: CommandContext, alert_id: string): Promise<Outcome<Alert>> {
      const alert = await alerts.getById(context.tenant_id, alert_id);
      return alert === null ? notFound("alert", alert_id) : accepted(alert);
    },

    acknowledge(context: CommandContext, alert_id: string): Promise<Outcome<Alert>> {
      const mayAnswerShared = context.tenant_id === DEFAULT_TENANT_ID;
      const work = async (session: LedgerSession): Promise<Outcome<Alert>> => {
        const alert = await alerts.getById(context.tenant_id, alert_id, session.transaction);
        if (alert === null) return notFound("alert", alert_id);
        if (alert.tenant_id !== context.tenant_id && !mayAnswerShared) {
          const detail =
            "This alert is about prices that all tenants share; the installation's own tenant answers it.";
          return invalid("/alert_id", detail);
        }
        if (alert.acknowledged) return accepted(alert);
        const now_ms = clock.now();
        const acknowledged: Alert = { ...alert, acknowledged: true, acknowledged_at_ms: now_ms };
        await alerts.acknowledge(session.transaction, acknowledged);
        const change = {
          action: "alert.acknowledged",
          subject_id: alert_id,
          before: toAlertWire(alert),
          after: toAlertWire(acknowledged),
          at_ms: now_ms,
        };
        await audit.append(session.transaction, session.tenant_id, [changeBy(context, change)]);
        await session.writeEvents([
          {
            tenant_id: context.tenant_id,
            event_type: "alert.acknowledged",
            budget_id: alert.budget_id,
            subject_id: alert_id,
            payload: toAlertWire(acknowledged),
            created_at_ms: now_ms,
          },
        ]);
        return accepted(acknowledged);
      };
      return runner.exclusively(context.tenant_id, work, mayAnswerShared ? SHARED_TENANT_ID : undefined);
    },

    check(context: CommandContext): Promise<readonly Alert[]> {
      return runner.exclusively(context.tenant_id, async (session, tree) => {
        const windowAt = createWindowCache();
        const now_ms = clock.now();
        const raised: Alert[] = [];
        for (const policy of tree.policies().filter((one) => isInForce(one, now_ms))) {
          const windowOf = (start_ms: number) => windowAt(policy.period, policy.time_zone, start_ms);
          raised.push(...(await evaluate(session, policy, windowOf, now_ms)));
        }
        await session.writeAlerts(raised);
        return raised;
      });
    },
  };
}
