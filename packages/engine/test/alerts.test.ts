import { expect } from "chai";
import { CONTEXT, DAY_MS, code, onEveryDatabase, value, type TestEngine } from "./support.ts";

const NOBODY = "01890000-0000-7000-8000-00000000dead";

onEveryDatabase("alerts", (open) => {
  let test: TestEngine;
  beforeEach(async () => {
    test = await open();
  });

  const use = async (budget_id: string, tokens: number, context_id = "c") =>
    value(
      await test.engine.usage.record(CONTEXT, {
        budget_id,
        context_id,
        component: "x",
        provider: "acme",
        model: "small",
        input_tokens: tokens,
      }),
    );
  const kinds = async (budget_id: string) =>
    (await test.engine.alerts.list(CONTEXT, { budget_id })).items.map(({ kind: raised }) => raised);

  it("are marked as seen once, with who did it", async () => {
    const { budget_id } = await test.budgetWith({ type: "warn", token_limit: 100 });
    await use(budget_id, 90);
    const [alert] = (await test.engine.alerts.list(CONTEXT, { budget_id })).items;
    const alert_id = alert!.alert_id;
    test.clock.now_ms += 1000;
    const actor = { key_id: NOBODY, name: "ada", origin: "", request_id: "" };
    const seen = value(await test.engine.alerts.acknowledge({ ...CONTEXT, actor }, alert_id));
    expect(seen).to.deep.equal({ ...alert, acknowledged: true, acknowledged_at_ms: test.clock.now_ms });
    test.clock.now_ms += 1000;
    expect(value(await test.engine.alerts.acknowledge(CONTEXT, alert_id))).to.deep.equal(seen);
    expect(value(await test.engine.alerts.get(CONTEXT, alert_id))).to.deep.equal(seen);
    const entries = await test.engine.access.audit(CONTEXT, { action: "alert.acknowledged" });
    expect(entries.items.map(({ actor: by, subject_id }) => [by.name, subject_id])).to.deep.equal([
      ["ada", alert_id],
    ]);
    const open = await test.engine.alerts.list(CONTEXT, { budget_id, acknowledged: false });
    expect(open.total).to.equal(0);
  });

  it("are not there for another tenant, nor where there are none", async () => {
    const { budget_id } = await test.budgetWith({ token_limit: 100 });
    await use(budget_id, 90);
    const [alert] = (await test.engine.alerts.list(CONTEXT, { budget_id })).items;
    const other = value(await test.engine.tenants.create(CONTEXT, { name: "other" }));
    const context = { tenant_id: other.tenant_id };
    for (const [caller, id] of [
      [context, alert!.alert_id],
      [CONTEXT, NOBODY],
    ] as const) {
      expect(code(await test.engine.alerts.get(caller, id))).to.equal("alert_not_found");
      expect(code(await test.engine.alerts.acknowledge(caller, id))).to.equal("alert_not_found");
    }
  });

  it("are raised by a check where a policy was made or changed over usage, once in a window", async () => {
    const { budget_id } = await test.budgetWith({ type: "log", token_limit: 1000 });
    await use(budget_id, 90);
    expect(await test.engine.alerts.check(CONTEXT)).to.deep.equal([]);
    value(
      await test.engine.policies.create(CONTEXT, {
        ...{ budget_id, type: "enforce", period: "daily" },
        ...{ token_limit: 100, cost_limit: "0.00005" },
      }),
    );
    const raised = await test.engine.alerts.check(CONTEXT);
    expect(raised.map(({ kind: raised_for, severity }) => `${raised_for} ${severity}`)).to.deep.equal([
      "warning_threshold warning",
      "limit_exceeded error",
    ]);
    expect(await test.engine.alerts.check(CONTEXT)).to.deep.equal([]);
    await use(budget_id, 1);
    expect(await kinds(budget_id)).to.deep.equal(["overage", "limit_exceeded", "warning_threshold"]);
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
    // Nothing is used in the next window, and nothing is due.
    test.clock.now_ms += DAY_MS;
    expect(await test.engine.alerts.check(CONTEXT)).to.deep.equal([]);
  });

  it("are raised by a check for each context, and not for a policy that is disabled", async () => {
    const { budget_id } = await test.budgetWith({ type: "log", token_limit: 1000 });
    await use(budget_id, 90, "a");
    await use(budget_id, 10, "b");
    await use(budget_id, 101, "c");
    const limited = { budget_id, type: "warn", token_limit: 100 };
    value(await test.engine.policies.create(CONTEXT, { ...limited, period: "per_session" }));
    value(await test.engine.policies.create(CONTEXT, { ...limited, period: "daily", enabled: false }));
    const raised = await test.engine.alerts.check(CONTEXT);
    expect(raised.map((alert) => `${String(alert.details.context_id)} ${alert.kind}`)).to.deep.equal([
      "a warning_threshold",
      "c limit_exceeded",
    ]);
  });
});
