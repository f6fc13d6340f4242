import { ALL_TENANTS } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { repairTenant } from "../src/index.ts";
import { CONTEXT, TestEngine, onEveryDatabase, value } from "./support.ts";

/** A day's policy, one by the task, two contexts, a call that is over and one that is half-way. */
async function furnish(test: TestEngine): Promise<void> {
  const { budget_id } = await test.budgetWith({ token_limit: 10_000, cost_limit: 1 });
  const by_task = { budget_id, type: "enforce", period: "per_task", token_limit: 5000 } as const;
  value(await test.engine.policies.create(CONTEXT, by_task));
  for (const [context_id, final] of [
    ["one", true],
    ["two", false],
  ] as const) {
    const { allocation_id } = value(await test.allocate(budget_id, 700, { context_id })).allocation;
    const usage = { allocation_id, input_tokens: 300, output_tokens: 9, final };
    value(await test.engine.usage.record(CONTEXT, usage));
  }
}

const TABLES = ["balances", "allocations", "usage_records", "usage_rollups", "alerts", "policies"] as const;

/** Every row of the tables that a repair could touch, as one text. */
async function dump({ test_database }: TestEngine): Promise<string> {
  const texts: string[] = [];
  for (const table of TABLES) {
    const rows: object[] = await test_database.knex(table);
    const asText = (row: object) =>
      Object.entries(row)
        .map(([name, one]) => `${name}=${String(one)}`)
        .join(" ");
    texts.push(table, ...rows.map(asText).sort());
  }
  return texts.join("\n");
}

onEveryDatabase("repair", (open) => {
  const faults: readonly [string, (knex: TestEngine["test_database"]["knex"]) => Promise<unknown>][] = [
    ["a balance that holds too much", async (knex) => knex("balances").update({ held_tokens: 99_999 })],
    ["a balance that used too little", async (knex) => knex("balances").update({ used_tokens: 1 })],
    ["balances that are missing", async (knex) => knex("balances").delete()],
    [
      "a balance of a context that never was",
      async (knex) => {
        const row = (await knex("balances").where({ scope: "one" }).first()) as object;
        await knex("balances").insert({ ...row, scope: "nobody", held_tokens: 5 });
      },
    ],
    ["allocations that forgot their usage", async (knex) => knex("allocations").update({ tokens_used: 0 })],
    ["rollups that missed requests", async (knex) => knex("usage_rollups").update({ request_count: 7 })],
    ["rollups of another model", async (knex) => knex("usage_rollups").update({ model: "large" })],
    ["rollups that are missing", async (knex) => knex("usage_rollups").delete()],
  ];
  for (const [name, spoil] of faults) {
    it(`mends ${name}, and changes nothing else`, async () => {
      const test = await open();
      await furnish(test);
      const before = await dump(test);
      const { database, knex } = test.test_database;
      await spoil(knex);
      expect((await test.engine.verify(CONTEXT)).differences).to.not.be.empty;
      const repaired = await repairTenant(database, CONTEXT.tenant_id, test.clock);
      expect(repaired).to.not.be.empty;
      expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
      expect(await dump(test)).to.equal(before);
      const events: { payload: string }[] = await knex("events").where({ event_type: "balances.repaired" });
      expect(events.map(({ payload }) => JSON.parse(payload) as unknown)).to.deep.equal([
        { differences: repaired },
      ]);
      const [entry, ...others] = (await test.engine.access.audit(CONTEXT, { action: "balances.repaired" }))
        .items;
      expect(others).to.be.empty;
      expect(entry).to.deep.include({
        kind: "change",
        actor: { key_id: null, name: "local", origin: "", request_id: "" },
        subject_id: CONTEXT.tenant_id,
        before: null,
        after: { differences: repaired },
      });
      expect(await test.engine.access.verifyAudit(CONTEXT)).to.include({ intact: true });
    });
  }

  it("finds nothing to do where all is well, and writes nothing", async () => {
    const test = await open();
    await furnish(test);
    const { database, knex } = test.test_database;
    expect(await repairTenant(database, CONTEXT.tenant_id, test.clock)).to.deep.equal([]);
    expect(await knex("events").where({ event_type: "balances.repaired" })).to.deep.equal([]);
    const entries = await test.engine.access.audit(CONTEXT, { action: "balances.repaired" });
    expect(entries.items).to.deep.equal([]);
  });

  it("leaves alone what is right: other balances, and what was raised as an alert", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 1000, warning_threshold: 0.1 });
    const other = await test.budgetWith({ token_limit: 1000, warning_threshold: 0.1 }, budget_id);
    const call = { context_id: "c", component: "x", provider: "acme", model: "small", output_tokens: 0 };
    const use = (input_tokens: number) =>
      test.engine.usage.record(CONTEXT, { ...call, budget_id: other.budget_id, input_tokens });
    value(await use(200));
    const { knex } = test.test_database;
    const alerts = async () => (await test.engine.alerts.list(CONTEXT, {})).total;
    const raised = await alerts();
    expect(raised).to.be.at.least(2);
    await knex("balances").where({ policy_id }).update({ used_tokens: 7 });
    const repaired = await repairTenant(test.test_database.database, CONTEXT.tenant_id, test.clock);
    expect(repaired).to.deep.equal([
      { subject: `policy ${policy_id}`, field: "used_tokens", recorded: "7", recounted: "200" },
    ]);
    value(await use(1));
    expect(await alerts()).to.equal(raised);
  });

  it("may come while servers decide", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 100_000 });
    value(await test.allocate(budget_id, 1));
    const { database, knex } = test.test_database;
    await knex("balances").update({ held_tokens: 5000, used_tokens: 99 });
    const allocate = () => test.allocate(budget_id, 1);
    const [repaired, ...outcomes] = await Promise.all([
      repairTenant(database, CONTEXT.tenant_id, test.clock),
      ...Array.from({ length: 50 }, allocate),
    ]);
    expect(repaired).to.have.length(2);
    expect(outcomes.every(({ ok }) => ok)).to.equal(true);
    expect(await test.counted(budget_id)).to.include({ used: 0, held: 51 });
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("leaves everything as it was where it cannot mend it: a record that is there twice", async () => {
    const test = await open();
    await furnish(test);
    const { database, knex } = test.test_database;
    const [record]: { timestamp_ms: bigint | string }[] = await knex("usage_records");
    const timestamp_ms = String(BigInt(record!.timestamp_ms) + 1n);
    await knex("usage_records").insert({ ...record, timestamp_ms });
    const before = await dump(test);
    const failure = await repairTenant(database, CONTEXT.tenant_id, test.clock).then(
      () => "repaired",
      (error: unknown) => (error as Error).message,
    );
    expect(failure).to.match(/differences are left/);
    const entries = await test.engine.access.audit(CONTEXT, { action: "balances.repaired" });
    expect(entries.items).to.deep.equal([]);
    expect(await dump(test)).to.equal(before);
  });
});

describe("repair on PostgreSQL", () => {
  it("waits for nobody where all is well", async () => {
    const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;
    const test = await TestEngine.open(postgres);
    await furnish(test);
    const { database } = test.test_database;
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await transaction.lockTenant(CONTEXT.tenant_id, "shared");
      expect(await repairTenant(database, CONTEXT.tenant_id, test.clock)).to.deep.equal([]);
    });
    await test.close();
  });
});
