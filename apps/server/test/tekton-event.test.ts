import { EVENT_TYPES, type OutboxEvent } from "@budget/domain";
import { expect } from "chai";
import { toTektonEvent } from "../src/messages/tekton-event.ts";

const SUBJECT = "01a208da-4fb9-7400-8c89-be97a00e5a1c";
const BUDGET = "01a208da-4ef8-7032-a79d-c4536e8e813b";
const EVENT: OutboxEvent = {
  tenant_id: "01a208da-0000-7000-8000-000000000000",
  event_type: "allocation.granted",
  budget_id: BUDGET,
  subject_id: SUBJECT,
  payload: {},
  created_at_ms: Date.parse("2026-11-23T09:30:00.000Z"),
};

describe("an event of ours for Tekton's components", () => {
  it("says what happened to what, and not whose it is", () => {
    expect(toTektonEvent(EVENT, "42")).to.deep.equal({
      message_id: "42",
      sender: "budget",
      message_type: "budget.event",
      timestamp: "2026-11-23T09:30:00.000Z",
      payload: { budget_id: BUDGET, subject_id: SUBJECT },
      event_type: "allocation.granted",
      severity: "info",
    });
  });

  it("of an alert has what the alert says, and how serious it is", () => {
    const policy_id = "01a208da-5555-7000-8000-000000000000";
    const payload = { kind: "limit_exceeded", severity: "error", policy_id, message: "110 of 100." };
    expect(toTektonEvent({ ...EVENT, event_type: "alert.raised", payload }, "43")).to.deep.equal({
      message_id: "43",
      sender: "budget",
      message_type: "budget.event",
      timestamp: "2026-11-23T09:30:00.000Z",
      payload: { ...payload, budget_id: BUDGET, subject_id: SUBJECT },
      event_type: "alert.raised",
      severity: "error",
    });
  });

  it("is information, but for refusals and repairs", () => {
    const severities = EVENT_TYPES.map((event_type) => toTektonEvent({ ...EVENT, event_type }, "1"))
      .filter(({ severity }) => severity !== "info")
      .map(({ event_type, severity }) => `${event_type} ${severity}`);
    expect(severities).to.deep.equal(["allocation.refused warning", "balances.repaired warning"]);
  });

  it("that is about prices names no budget", () => {
    const event = { ...EVENT, event_type: "price.changed" as const, budget_id: null };
    expect(toTektonEvent(event, "1").payload).to.deep.equal({ budget_id: null, subject_id: SUBJECT });
  });
});
