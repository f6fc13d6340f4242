import { isoTime, type AlertSeverity, type OutboxEvent } from "@budget/domain";
import { SENDER } from "./answer-message.ts";

/** An event as Tekton's components read it. */
export interface TektonEvent {
  readonly message_id: string;
  readonly sender: typeof SENDER;
  readonly message_type: "budget.event";
  readonly timestamp: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** One of ours, such as `alert.raised`. */
  readonly event_type: string;
  readonly severity: AlertSeverity;
}

/** What deserves a look; alerts say it themselves. */
const SEVERITIES: ReadonlyMap<string, AlertSeverity> = new Map([
  ["allocation.refused", "warning"],
  ["balances.repaired", "warning"],
]);

const isSeverity = (word: unknown): word is AlertSeverity =>
  word === "info" || word === "warning" || word === "error";

/**
 * An event of ours in Tekton's shape: what it happened to, and what it says, are the payload.
 * @param message_id the same for the same event, so that a listener that gets it twice can tell
 */
export function toTektonEvent(event: OutboxEvent, message_id: string): TektonEvent {
  const { event_type, budget_id, subject_id, payload, created_at_ms } = event;
  const said = event_type === "alert.raised" ? payload.severity : undefined;
  return {
    message_id,
    sender: SENDER,
    message_type: "budget.event",
    timestamp: isoTime(created_at_ms),
    payload: { ...payload, budget_id, subject_id },
    event_type,
    severity: isSeverity(said) ? said : (SEVERITIES.get(event_type) ?? "info"),
  };
}
