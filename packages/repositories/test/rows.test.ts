import {
  ALLOCATION_STATUSES,
  EVENT_TYPES,
  PERIODS,
  POLICY_TYPES,
  PRICE_STATUSES,
  PRICE_TYPES,
  SERVICE_TIERS,
  TIERS,
  USAGE_UNITS,
  type CostComponent,
  type Metadata,
  type UsageUnit,
} from "@budget/domain";
import { expect } from "chai";
import fc from "fast-check";
import type { Row, Table } from "../src/dialect.ts";
import * as rows from "../src/rows.ts";
import * as tables from "../src/tables.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import {
  TENANT,
  alert,
  allocation,
  balance,
  budget,
  id,
  outboxEvent,
  policy,
  price,
  rollup,
  usageRecord,
  write,
} from "./entities.ts";
import { TEST_DATABASES, type TestDatabase } from "./harness/test-databases.ts";

// PostgreSQL's text has no NUL; free data may have one, because it is kept as JSON.
const text = fc.string({ unit: "binary" }).map((value) => value.replaceAll("\0", ""));
const cost = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, 2n ** 53n + 1n, 2n ** 63n - 1n),
);
const tokens = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, Number.MAX_SAFE_INTEGER));
const time = fc.integer({ min: 0, max: 8_640_000_000_000_000 });
const share = fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0);
const uuid = fc.uuid({ version: 7 });
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const metadata = fc
  .dictionary(fc.string({ unit: "binary" }), fc.jsonValue())
  .map((value) => JSON.parse(JSON.stringify(value)) as Metadata);
const units = fc.constantFrom(...(Object.keys(USAGE_UNITS) as UsageUnit[]));
const quantity = fc.double({ min: 0, max: 1e12, noNaN: true }).map((value) => value + 0);
const femto = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });

const costComponent: fc.Arbitrary<CostComponent> = fc.record({
  unit: units,
  quantity,
  amount_femto_usd: femto,
  cost_nano_usd: cost,
  estimated: fc.boolean(),
});

const dimensions = { tier: fc.constantFrom(...TIERS), component: text, task_type: text };

interface Case {
  readonly table: Table;
  /** What goes in, as a row. */
  readonly entity: fc.Arbitrary<object>;
  readonly toRow: (entity: never) => Row;
  readonly fromRow: (row: Row) => object;
}

const CASES: readonly Case[] = [
  {
    table: tables.budgets,
    entity: fc
      .record({
        name: text,
        description: text,
        owner: text,
        is_active: fc.boolean(),
        metadata,
        creation_time_ms: time,
        updated_at_ms: time,
        deleted_at_ms: orNull(time),
        version: tokens,
      })
      .map(budget),
    toRow: (entity) => rows.budgetToRow(entity, 1),
    fromRow: rows.budgetFromRow,
  },
  {
    table: tables.policies,
    entity: fc
      .record({
        type: fc.constantFrom(...POLICY_TYPES),
        period: fc.constantFrom(...PERIODS),
        time_zone: text,
        tier: orNull(dimensions.tier),
        provider: orNull(text),
        model: orNull(text),
        component: orNull(text),
        task_type: orNull(text),
        token_limit: orNull(tokens),
        cost_limit_nano_usd: orNull(cost),
        warning_threshold: share,
        action_threshold: share,
        enabled: fc.boolean(),
        end_ms: orNull(time),
        priority_override: fc.boolean(),
        allow_unpriced: fc.boolean(),
        created_at_ms: time,
        updated_at_ms: time,
        deleted_at_ms: orNull(time),
      })
      .map(policy),
    toRow: (entity) => rows.policyToRow(entity, 1),
    fromRow: rows.policyFromRow,
  },
  {
    table: tables.balances,
    entity: fc
      .record({
        scope: text,
        window_start_ms: time,
        used_tokens: tokens,
        used_cost_nano_usd: cost,
        held_tokens: tokens,
        held_cost_nano_usd: cost,
        alerts_raised: fc.nat({ max: 63 }),
      })
      .map(balance),
    toRow: rows.balanceToRow,
    fromRow: rows.balanceFromRow,
  },
  {
    table: tables.allocations,
    entity: fc
      .record({
        ...dimensions,
        context_id: text,
        provider: orNull(text),
        model: orNull(text),
        priority: fc.integer({ min: 1, max: 10 }),
        tokens_allocated: tokens,
        tokens_used: tokens,
        cost_allocated_nano_usd: cost,
        cost_used_nano_usd: cost,
        status: fc.constantFrom(...ALLOCATION_STATUSES),
        creation_time_ms: time,
        expiration_time_ms: time,
        closed_at_ms: orNull(time),
        metadata,
      })
      .map(allocation),
    toRow: rows.allocationToRow,
    fromRow: rows.allocationFromRow,
  },
  {
    table: tables.usageRecords,
    entity: fc
      .record({
        ...dimensions,
        allocation_id: orNull(uuid),
        context_id: text,
        provider: text,
        model: text,
        input_tokens: tokens,
        output_tokens: tokens,
        total_tokens: tokens,
        usage: fc.dictionary(units, quantity, { noNullPrototype: true }),
        input_cost_nano_usd: cost,
        output_cost_nano_usd: cost,
        other_cost_nano_usd: cost,
        total_cost_nano_usd: cost,
        cost_components: fc.array(costComponent, { maxLength: 3 }),
        pricing_id: orNull(uuid),
        overage_tokens: tokens,
        overage_cost_nano_usd: cost,
        timestamp_ms: time,
        operation_id: orNull(text),
        request_id: orNull(text),
        user_id: orNull(text),
        metadata,
      })
      .map(usageRecord),
    toRow: rows.usageRecordToRow,
    fromRow: rows.usageRecordFromRow,
  },
  {
    table: tables.alerts,
    entity: fc
      .record({
        policy_id: orNull(uuid),
        message: text,
        details: metadata,
        acknowledged: fc.boolean(),
        acknowledged_at_ms: orNull(time),
        created_at_ms: time,
      })
      .map(alert),
    toRow: rows.alertToRow,
    fromRow: rows.alertFromRow,
  },
  {
    table: tables.events,
    entity: fc
      .record({
        event_type: fc.constantFrom(...EVENT_TYPES),
        budget_id: orNull(uuid),
        payload: metadata,
        created_at_ms: time,
      })
      .map(outboxEvent),
    toRow: rows.eventToRow,
    fromRow(row) {
      const { position: _position, ...rest } = rows.eventFromRow(row);
      return rest;
    },
  },
  {
    table: tables.prices,
    entity: fc
      .record({
        provider: text,
        model: text,
        scope: text,
        price_type: fc.constantFrom(...PRICE_TYPES),
        service_tier: fc.constantFrom(...SERVICE_TIERS),
        time_of_day: orNull(fc.constant({ start: "16:30:00", end: "00:30:00" })),
        components: fc.array(
          fc.record({ unit: units, amount_femto_usd: femto, above_input_tokens: fc.maxSafeNat() }),
          { maxLength: 3 },
        ),
        effective_ms: time,
        end_ms: orNull(time),
        source: text,
        status: fc.constantFrom(...PRICE_STATUSES),
        verified: fc.boolean(),
        evidence: fc.array(fc.uuid(), { maxLength: 2 }),
        created_at_ms: time,
      })
      .map(price),
    toRow: (entity) => rows.priceToRow(entity, 1),
    fromRow: rows.priceFromRow,
  },
];

for (const kind of TEST_DATABASES) {
  describe(`rows: ${kind.name}`, () => {
    let test: TestDatabase;
    before(async () => {
      test = await kind.open();
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        await write.tenants(transaction, TENANT);
        await write.budgets(transaction, budget({ budget_id: id(100) }));
      });
    });
    after(() => test.close());

    for (const { table, entity, toRow, fromRow } of CASES) {
      it(`come back from ${table.name} as they went in`, async () => {
        const undone = new Error("rolled back");
        await fc.assert(
          fc.asyncProperty(entity, async (one) => {
            const attempt = test.database.transaction(ALL_TENANTS, async (transaction) => {
              await transaction.query(`DELETE FROM policies`, []);
              await transaction.query(`DELETE FROM ${table.name}`, []);
              await transaction.insert(table, [toRow(one as never)]);
              const [row] = await transaction.query(`SELECT * FROM ${table.name}`, []);
              expect(fromRow(row!)).to.deep.equal(one);
              // The builder of Knex reads the same values by another way.
              const [again] = await transaction.run(test.knex<Row, Row[]>(table.name));
              expect(fromRow(again!)).to.deep.equal(one);
              throw undone;
            });
            await attempt.catch((error: unknown) => {
              if (error !== undone) throw error;
            });
          }),
          { numRuns: 60 },
        );
      });
    }

    it("keep the tenant's name, default budget and catalogue version", async () => {
      const tenant_id = id(77);
      await test.database.transaction(ALL_TENANTS, (transaction) =>
        transaction.insert(tables.tenants, [
          {
            ...{ tenant_id, name: "Ünïcode 🏦", default_budget_id: id(5), catalog_version: 7 },
            ...{ max_budgets: 1, max_keys: null, requests_per_second: 3, version: 4, created_at_ms: 8 },
          },
        ]),
      );
      const [row] = await test.knex<Row, Row[]>("tenants").where({ tenant_id });
      expect(rows.tenantFromRow(row!)).to.deep.equal({
        tenant_id,
        name: "Ünïcode 🏦",
        limits: { max_budgets: 1, max_keys: null, requests_per_second: 3 },
        version: 4,
        default_budget_id: id(5),
        catalog_version: 7,
        created_at_ms: 8,
      });
    });

    it("keep the sums of a rollup", async () => {
      await test.database.transaction(ALL_TENANTS, (transaction) =>
        write.rollups(transaction, rollup({ total_cost_nano_usd: 2n ** 63n - 1n })),
      );
      const [row] = await test.knex<Row, Row[]>("usage_rollups");
      expect(BigInt(row!.total_cost_nano_usd as string)).to.equal(2n ** 63n - 1n);
    });
  });
}
