import { SHARED_TENANT_ID, newTenant } from "@budget/domain";
import { expect } from "chai";
import { AlertRepository } from "../src/alert-repository.ts";
import { AllocationRepository } from "../src/allocation-repository.ts";
import { BudgetRepository } from "../src/budget-repository.ts";
import type { Database } from "../src/database.ts";
import { EventRepository, FIRST_POSITION } from "../src/event-repository.ts";
import { PolicyRepository } from "../src/policy-repository.ts";
import { PriceRepository } from "../src/price-repository.ts";
import { TenantRepository } from "../src/tenant-repository.ts";
import type { Transaction } from "../src/transaction.ts";
import { UsageRecordRepository } from "../src/usage-record-repository.ts";
import { UsageRollupRepository } from "../src/usage-rollup-repository.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import {
  HOUR_MS,
  OTHER_TENANT,
  T0,
  TENANT,
  alert,
  allocation,
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
import { rejectionOf } from "./rejection.ts";

const NOW = T0 + HOUR_MS / 2;
const DAY_MS = 24 * HOUR_MS;

for (const kind of TEST_DATABASES) {
  describe(`repositories: ${kind.name}`, () => {
    let test: TestDatabase;
    let database: Database;
    const within = <T>(work: (transaction: Transaction) => Promise<T>) =>
      database.transaction(ALL_TENANTS, work);
    beforeEach(async () => {
      test = await kind.open();
      ({ database } = test);
      await within(async (transaction) => {
        await write.tenants(transaction, TENANT, OTHER_TENANT, SHARED_TENANT_ID);
        await write.budgets(transaction, budget(), budget({ tenant_id: OTHER_TENANT, name: "theirs" }));
      });
    });
    afterEach(() => test.close());

    describe("tenants", () => {
      const repository = () => new TenantRepository(database);

      it("are made once, changed, and found", async () => {
        const tenant = newTenant(id(9), "nine", T0);
        await within((transaction) => repository().create(transaction, tenant));
        await within((transaction) => repository().create(transaction, { ...tenant, name: "again" }));
        const stored = { ...tenant, default_budget_id: null, catalog_version: 0 };
        expect(await repository().getById(id(9))).to.deep.equal(stored);
        const limits = { max_budgets: 3, max_keys: 5, requests_per_second: null };
        const changed = { name: "neuf", limits, version: 2 };
        await within((transaction) => repository().update(transaction, { ...tenant, ...changed }));
        expect(await repository().getById(id(9))).to.deep.equal({ ...stored, ...changed });
        expect(await repository().getById(id(10))).to.equal(null);
      });

      it("come in the order of their ids, in parts", async () => {
        const ids = async (limit: number, offset: number) =>
          (await repository().getAll(limit, offset)).map((tenant) => tenant.tenant_id);
        expect(await ids(2, 0)).to.deep.equal([SHARED_TENANT_ID, TENANT]);
        expect(await ids(2, 2)).to.deep.equal([OTHER_TENANT]);
      });

      it("are seen from within the transaction that changes them", async () => {
        await within(async (transaction) => {
          await repository().setDefaultBudget(transaction, TENANT, id(100));
          expect((await repository().getById(TENANT, transaction))?.default_budget_id).to.equal(id(100));
        });
        expect((await repository().getById(OTHER_TENANT))?.default_budget_id).to.equal(null);
      });

      it("count the versions of their catalogue each by itself", async () => {
        const bump = (tenant_id: string) =>
          within((transaction) => repository().bumpCatalogVersion(transaction, tenant_id));
        expect(await bump(TENANT)).to.equal(1);
        expect(await bump(TENANT)).to.equal(2);
        expect(await bump(OTHER_TENANT)).to.equal(1);
        expect((await repository().getById(TENANT))?.catalog_version).to.equal(2);
      });

      it("never get the same version twice", async () => {
        const versions = await Promise.all(
          Array.from({ length: 20 }, () =>
            within((transaction) => repository().bumpCatalogVersion(transaction, TENANT)),
          ),
        );
        expect(versions.toSorted((left, right) => left - right)).to.deep.equal(
          Array.from({ length: 20 }, (_, index) => index + 1),
        );
      });

      it("have to be there", async () => {
        for (const work of [
          (transaction: Transaction) => repository().bumpCatalogVersion(transaction, id(99)),
          (transaction: Transaction) => repository().update(transaction, newTenant(id(99), "x", T0)),
          (transaction: Transaction) => repository().setDefaultBudget(transaction, id(99), id(100)),
        ] as ((transaction: Transaction) => Promise<unknown>)[]) {
          expect((await rejectionOf(within(work))).message).to.include(id(99));
        }
      });
    });

    describe("budgets", () => {
      const repository = () => new BudgetRepository(database);

      it("are made, changed, deleted and then found no more", async () => {
        const made = budget({
          budget_id: id(101),
          parent_budget_id: id(100),
          name: "child",
          metadata: { a: ["ü"] },
        });
        await within((transaction) => repository().create(transaction, made, 1));
        expect(await repository().getById(TENANT, id(101))).to.deep.equal(made);
        const changed = budget({
          ...made,
          name: "renamed",
          is_active: false,
          updated_at_ms: NOW,
          version: 2,
        });
        await within((transaction) => repository().update(transaction, changed, 2));
        expect(await repository().getById(TENANT, id(101))).to.deep.equal(changed);
        await within((transaction) => repository().delete(transaction, TENANT, id(101), NOW + 1, 3));
        expect(await repository().getById(TENANT, id(101))).to.equal(null);
        expect((await repository().list(TENANT, {})).total).to.equal(1);
        expect(await repository().getAll(TENANT, 10, 0)).to.have.length(1);
        const [deleted] = await within((transaction) => repository().changedSince(transaction, TENANT, 2));
        expect(deleted).to.deep.equal({
          ...changed,
          updated_at_ms: NOW + 1,
          deleted_at_ms: NOW + 1,
          version: 3,
        });
      });

      it("can be deleted by an update", async () => {
        await within((transaction) => repository().update(transaction, budget({ deleted_at_ms: NOW }), 2));
        expect(await repository().getById(TENANT, id(100))).to.equal(null);
      });

      it("are not changed once they are deleted", async () => {
        await within((transaction) => repository().delete(transaction, TENANT, id(100), NOW, 2));
        await rejectionOf(within((transaction) => repository().update(transaction, budget(), 3)));
        await rejectionOf(within((transaction) => repository().delete(transaction, TENANT, id(100), NOW, 3)));
      });

      it("need a parent of their own tenant", async () => {
        const stranger = budget({ budget_id: id(101), parent_budget_id: id(102) });
        await rejectionOf(within((transaction) => repository().create(transaction, stranger, 1)));
        expect(await repository().getById(TENANT, id(101))).to.equal(null);
      });

      it("are listed oldest first, by page, with their number in all", async () => {
        const more = Array.from({ length: 24 }, (_, index) => budget({ budget_id: id(101 + index) }));
        await within((transaction) => write.budgets(transaction, ...more));
        const ids = (items: readonly { budget_id: string }[]) => items.map((item) => item.budget_id);
        const all = Array.from({ length: 25 }, (_, index) => id(100 + index));
        expect(ids((await repository().list(TENANT, {})).items)).to.deep.equal(all.slice(0, 20));
        const third = await repository().list(TENANT, { page: 3, limit: 10 });
        expect([ids(third.items), third.total]).to.deep.equal([all.slice(20), 25]);
        const beyond = await repository().list(TENANT, { page: 9, limit: 10 });
        expect(beyond).to.deep.equal({ items: [], total: 25 });
        expect(ids(await repository().getAll(TENANT, 3, 4))).to.deep.equal(all.slice(4, 7));
      });

      it("are filtered by activity, owner and exact name, all together", async () => {
        await within((transaction) =>
          write.budgets(
            transaction,
            budget({ budget_id: id(101), owner: "bob" }),
            budget({ budget_id: id(102), is_active: false }),
            budget({ budget_id: id(103), name: "Team" }),
          ),
        );
        const find = async (query: Parameters<BudgetRepository["list"]>[1]) => {
          const { items, total } = await repository().list(TENANT, query);
          expect(total).to.equal(items.length);
          return items.map((item) => item.budget_id);
        };
        expect(await find({ owner: "bob" })).to.deep.equal([id(101)]);
        expect(await find({ is_active: false })).to.deep.equal([id(102)]);
        expect(await find({ is_active: true })).to.deep.equal([id(100), id(101), id(103)]);
        expect(await find({ name: "team" })).to.deep.equal([id(100), id(101), id(102)]);
        expect(await find({ name: "team", owner: "ada", is_active: true })).to.deep.equal([id(100)]);
        expect(await find({ owner: "" })).to.deep.equal([]);
      });

      it("tell what changed since a version", async () => {
        await within(async (transaction) => {
          await repository().create(transaction, budget({ budget_id: id(102) }), 3);
          await repository().create(transaction, budget({ budget_id: id(101) }), 2);
        });
        const since = (version: number) =>
          within(async (transaction) =>
            (await repository().changedSince(transaction, TENANT, version)).map((item) => item.budget_id),
          );
        expect(await since(-1)).to.deep.equal([id(100), id(101), id(102)]);
        expect(await since(1)).to.deep.equal([id(101), id(102)]);
        expect(await since(2)).to.deep.equal([id(102)]);
        expect(await since(3)).to.deep.equal([]);
      });

      it("belong to one tenant", async () => {
        expect(await repository().getById(OTHER_TENANT, id(100))).to.have.property("name", "theirs");
        expect((await repository().list(OTHER_TENANT, {})).items.map((item) => item.name)).to.deep.equal([
          "theirs",
        ]);
        expect((await repository().getAll(OTHER_TENANT, 9, 0)).map((item) => item.name)).to.deep.equal([
          "theirs",
        ]);
        await within((transaction) => repository().update(transaction, budget({ name: "mine" }), 2));
        await within((transaction) => repository().delete(transaction, OTHER_TENANT, id(100), NOW, 2));
        expect(await repository().getById(TENANT, id(100))).to.have.property("name", "mine");
        const [theirs] = await within((transaction) =>
          repository().changedSince(transaction, OTHER_TENANT, -1),
        );
        expect(theirs).to.include({ name: "theirs", tenant_id: OTHER_TENANT });
      });
    });

    describe("policies", () => {
      const repository = () => new PolicyRepository(database);

      it("are made, changed, deleted and then found no more", async () => {
        await within((transaction) => repository().create(transaction, policy(), 1));
        expect(await repository().getById(TENANT, id(200))).to.deep.equal(policy());
        const changed = policy({
          type: "warn",
          tier: "local_midweight",
          provider: "openai",
          token_limit: null,
          cost_limit_nano_usd: 2n ** 63n - 1n,
          warning_threshold: 0.1,
          priority_override: true,
          updated_at_ms: NOW,
          version: 2,
        });
        await within((transaction) => repository().update(transaction, changed, 2));
        expect(await repository().getById(TENANT, id(200))).to.deep.equal(changed);
        await within((transaction) => repository().delete(transaction, TENANT, id(200), NOW + 1, 3));
        expect(await repository().getById(TENANT, id(200))).to.equal(null);
        expect(await repository().list(TENANT, {})).to.deep.equal({ items: [], total: 0 });
        expect(await repository().getAll(TENANT, 10, 0)).to.deep.equal([]);
        const [deleted] = await within((transaction) => repository().changedSince(transaction, TENANT, 2));
        const marks = { enabled: false, updated_at_ms: NOW + 1, deleted_at_ms: NOW + 1, version: 3 };
        expect(deleted).to.deep.equal({ ...changed, ...marks });
        await rejectionOf(within((transaction) => repository().update(transaction, changed, 4)));
        await rejectionOf(within((transaction) => repository().delete(transaction, TENANT, id(200), NOW, 4)));
      });

      it("are listed by what they name", async () => {
        await within((transaction) =>
          write.policies(
            transaction,
            policy(),
            policy({ policy_id: id(201), period: "monthly", tier: "local_midweight", enabled: false }),
            policy({ policy_id: id(202), provider: "openai", component: "apollo", task_type: "chat" }),
          ),
        );
        const find = async (query: Parameters<PolicyRepository["list"]>[1]) =>
          (await repository().list(TENANT, query)).items.map((item) => item.policy_id);
        expect(await find({})).to.deep.equal([id(200), id(201), id(202)]);
        expect(await find({ budget_id: id(100) })).to.have.length(3);
        expect(await find({ budget_id: id(101) })).to.have.length(0);
        expect(await find({ period: "monthly" })).to.deep.equal([id(201)]);
        expect(await find({ tier: "local_midweight" })).to.deep.equal([id(201)]);
        expect(await find({ enabled: true })).to.deep.equal([id(200), id(202)]);
        expect(await find({ provider: "openai" })).to.deep.equal([id(202)]);
        expect(await find({ component: "apollo" })).to.deep.equal([id(202)]);
        expect(await find({ task_type: "chat" })).to.deep.equal([id(202)]);
        expect(await find({ limit: 1, page: 2 })).to.deep.equal([id(201)]);
        expect((await repository().list(TENANT, { limit: 1 })).total).to.equal(3);
        expect((await repository().getAll(TENANT, 1, 2)).map((item) => item.policy_id)).to.deep.equal([
          id(202),
        ]);
      });

      it("belong to one tenant", async () => {
        await within((transaction) => write.policies(transaction, policy()));
        expect(await repository().getById(OTHER_TENANT, id(200))).to.equal(null);
        expect((await repository().list(OTHER_TENANT, {})).total).to.equal(0);
        expect(await repository().getAll(OTHER_TENANT, 9, 0)).to.deep.equal([]);
        expect(
          await within((transaction) => repository().changedSince(transaction, OTHER_TENANT, -1)),
        ).to.deep.equal([]);
        const theirs = policy({ tenant_id: OTHER_TENANT });
        await rejectionOf(within((transaction) => repository().update(transaction, theirs, 2)));
        await rejectionOf(
          within((transaction) => repository().delete(transaction, OTHER_TENANT, id(200), NOW, 2)),
        );
      });
    });

    describe("allocations", () => {
      const repository = () => new AllocationRepository(database);
      const [live, due, released] = [
        allocation({ allocation_id: id(300), expiration_time_ms: NOW + 1 }),
        allocation({ allocation_id: id(301), expiration_time_ms: NOW, context_id: "other" }),
        allocation({ allocation_id: id(302), status: "released", closed_at_ms: T0 + 5, component: "rhetor" }),
      ];
      beforeEach(() => within((transaction) => write.allocations(transaction, live, due, released)));

      it("past their expiry read as expired from that time on", async () => {
        const expired = { ...due, status: "expired", closed_at_ms: NOW };
        expect(await repository().getById(TENANT, id(301), NOW)).to.deep.equal(expired);
        expect(await repository().getById(TENANT, id(301), NOW + 99)).to.deep.equal(expired);
        expect(await repository().getById(TENANT, id(301), NOW - 1)).to.deep.equal(due);
        expect(await repository().getById(TENANT, id(302), NOW + HOUR_MS)).to.deep.equal(released);
        expect((await repository().list(TENANT, {}, NOW)).items).to.deep.equal([released, expired, live]);
        expect(await repository().getAll(TENANT, 2, 1, NOW)).to.deep.equal([expired, live]);
      });

      it("are active while they hold something", async () => {
        const find = async (is_active: boolean, now_ms: number) => {
          const { items, total } = await repository().list(TENANT, { is_active }, now_ms);
          expect(total).to.equal(items.length);
          return items.map((item) => item.allocation_id);
        };
        expect(await find(true, NOW)).to.deep.equal([id(300)]);
        expect(await find(false, NOW)).to.deep.equal([id(302), id(301)]);
        expect(await find(true, NOW - 1)).to.deep.equal([id(301), id(300)]);
        expect(await find(false, NOW - 1)).to.deep.equal([id(302)]);
      });

      it("are listed by budget, context and component, newest first", async () => {
        const find = async (query: Parameters<AllocationRepository["list"]>[1]) =>
          (await repository().list(TENANT, query, NOW)).items.map((item) => item.allocation_id);
        expect(await find({ budget_id: id(100) })).to.deep.equal([id(302), id(301), id(300)]);
        expect(await find({ budget_id: id(101) })).to.deep.equal([]);
        expect(await find({ context_id: "other" })).to.deep.equal([id(301)]);
        expect(await find({ component: "rhetor" })).to.deep.equal([id(302)]);
        expect(await find({ page: 2, limit: 2 })).to.deep.equal([id(300)]);
        expect(await find({ context_id: "session", is_active: false })).to.deep.equal([id(302)]);
      });

      it("belong to one tenant, whatever the filter", async () => {
        expect(await repository().getById(OTHER_TENANT, id(300), NOW)).to.equal(null);
        expect(await repository().getAll(OTHER_TENANT, 9, 0, NOW)).to.deep.equal([]);
        for (const is_active of [true, false]) {
          expect((await repository().list(OTHER_TENANT, { is_active }, NOW)).total).to.equal(0);
        }
      });
    });

    describe("usage records", () => {
      const repository = () => new UsageRecordRepository(database);
      const records = Array.from({ length: 7 }, (_, index) =>
        usageRecord({ record_id: id(400 + index), timestamp_ms: T0 + index * 1000 }),
      );
      const ids = (items: readonly { record_id: string }[]) =>
        items.map((item) => Number(item.record_id.slice(-3)));
      const at = (ms: number) => new Date(ms).toISOString();

      it("are found by their id, newest first in all", async () => {
        await within((transaction) => write.usageRecords(transaction, ...records));
        expect(await repository().getById(TENANT, id(403))).to.deep.equal(records[3]);
        expect(await repository().getById(TENANT, id(499))).to.equal(null);
        expect(ids(await repository().getAll(TENANT, 2, 1))).to.deep.equal([405, 404]);
      });

      it("are listed by page, and tell where the older ones begin", async () => {
        await within((transaction) => write.usageRecords(transaction, ...records));
        const first = await repository().list(TENANT, { limit: 3 });
        expect([ids(first.items), first.total, first.next_cursor]).to.deep.equal([
          [406, 405, 404],
          7,
          id(404),
        ]);
        const last = await repository().list(TENANT, { limit: 3, page: 3 });
        expect([ids(last.items), last.total, last.next_cursor]).to.deep.equal([[400], 7, null]);
        const exact = await repository().list(TENANT, { limit: 7 });
        expect([exact.items.length, exact.next_cursor]).to.deep.equal([7, null]);
      });

      it("are each seen once by a cursor, while newer ones come in", async () => {
        await within((transaction) => write.usageRecords(transaction, ...records));
        const seen: number[] = [];
        let cursor: string | undefined;
        for (let page = 0; page < 4; page += 1) {
          const part = await repository().list(
            TENANT,
            cursor === undefined ? { limit: 2 } : { limit: 2, cursor },
          );
          seen.push(...ids(part.items));
          expect(part.total).to.equal(7 + page);
          await within((transaction) =>
            write.usageRecords(transaction, usageRecord({ record_id: id(450 + page) })),
          );
          cursor = part.next_cursor ?? undefined;
        }
        expect(cursor).to.equal(undefined);
        expect(seen).to.deep.equal([406, 405, 404, 403, 402, 401, 400]);
      });

      it("are filtered by every dimension and by time", async () => {
        await within((transaction) =>
          write.usageRecords(
            transaction,
            usageRecord({ record_id: id(400) }),
            usageRecord({ record_id: id(401), budget_id: id(101), timestamp_ms: T0 + 1 }),
            usageRecord({ record_id: id(402), provider: "anthropic", timestamp_ms: T0 + 2 }),
            usageRecord({ record_id: id(403), model: "claude", timestamp_ms: T0 + 3 }),
            usageRecord({ record_id: id(404), component: "rhetor", timestamp_ms: T0 + 4 }),
            usageRecord({ record_id: id(405), task_type: "chat", timestamp_ms: T0 + 5 }),
            usageRecord({ record_id: id(406), context_id: "c", timestamp_ms: T0 + 6 }),
            usageRecord({ record_id: id(407), allocation_id: id(300), timestamp_ms: T0 + 7 }),
          ),
        );
        const find = async (query: Parameters<UsageRecordRepository["list"]>[1]) => {
          const { items, total } = await repository().list(TENANT, query);
          expect(total).to.equal(items.length);
          return ids(items);
        };
        expect(await find({ budget_id: id(101) })).to.deep.equal([401]);
        expect(await find({ provider: "anthropic" })).to.deep.equal([402]);
        expect(await find({ model: "claude" })).to.deep.equal([403]);
        expect(await find({ component: "rhetor" })).to.deep.equal([404]);
        expect(await find({ task_type: "chat" })).to.deep.equal([405]);
        expect(await find({ context_id: "c" })).to.deep.equal([406]);
        expect(await find({ allocation_id: id(300) })).to.deep.equal([407]);
        expect(await find({ start_time: at(T0 + 6) })).to.deep.equal([407, 406]);
        expect(await find({ end_time: at(T0 + 1) })).to.deep.equal([400]);
        expect(await find({ start_time: at(T0 + 2), end_time: at(T0 + 4) })).to.deep.equal([403, 402]);
        expect(await find({ start_time: "2026-11-23T15:00:00.006+01:00" })).to.deep.equal([407, 406]);
        expect(await find({ provider: "openai", model: "claude" })).to.deep.equal([403]);
      });

      it("belong to one tenant", async () => {
        await within((transaction) => write.usageRecords(transaction, ...records));
        expect(await repository().getById(OTHER_TENANT, id(400))).to.equal(null);
        expect(await repository().getAll(OTHER_TENANT, 9, 0)).to.deep.equal([]);
        expect(await repository().list(OTHER_TENANT, {})).to.deep.equal({
          items: [],
          total: 0,
          next_cursor: null,
        });
        expect((await repository().list(OTHER_TENANT, { cursor: id(999) })).items).to.deep.equal([]);
      });
    });

    describe("rollups", () => {
      const repository = () => new UsageRollupRepository(database);
      const everything = { start_ms: null, end_ms: null };
      const nothing = {
        request_count: 0,
        input_tokens: 0,
        output_tokens: 0,
        total_tokens: 0,
        input_cost_nano_usd: 0n,
        output_cost_nano_usd: 0n,
        other_cost_nano_usd: 0n,
        total_cost_nano_usd: 0n,
      };

      it("of nothing are zero", async () => {
        expect(await repository().sum(TENANT, {}, everything)).to.deep.equal(nothing);
        expect(await repository().daily(TENANT, {}, everything)).to.deep.equal([]);
        expect(await repository().grouped(TENANT, "model", {}, everything)).to.deep.equal([]);
      });

      it("add up exactly", async () => {
        const big = 2n ** 62n;
        await within((transaction) =>
          write.rollups(
            transaction,
            rollup({ total_cost_nano_usd: big, input_cost_nano_usd: 2n ** 53n }),
            rollup({
              model: "other",
              total_tokens: 20,
              total_cost_nano_usd: big - 1n,
              input_cost_nano_usd: 1n,
            }),
          ),
        );
        expect(await repository().sum(TENANT, {}, everything)).to.deep.equal({
          request_count: 2,
          input_tokens: 20,
          output_tokens: 10,
          total_tokens: 35,
          input_cost_nano_usd: 2n ** 53n + 1n,
          output_cost_nano_usd: 4n,
          other_cost_nano_usd: 8n,
          total_cost_nano_usd: 2n ** 63n - 1n,
        });
      });

      it("are chosen by dimension and by hours", async () => {
        await within((transaction) =>
          write.rollups(
            transaction,
            rollup({ request_count: 1 }),
            rollup({ request_count: 2, budget_id: id(101), hour_start_ms: T0 + HOUR_MS }),
            rollup({ request_count: 4, provider: "anthropic", hour_start_ms: T0 + 2 * HOUR_MS }),
            rollup({ request_count: 8, model: "claude", hour_start_ms: T0 + 3 * HOUR_MS }),
            rollup({ request_count: 16, component: "rhetor" }),
            rollup({ request_count: 32, task_type: "chat" }),
            rollup({ request_count: 64, tenant_id: OTHER_TENANT }),
          ),
        );
        const count = async (
          filters: Parameters<UsageRollupRepository["sum"]>[1],
          start_ms: number | null = null,
          end_ms: number | null = null,
        ) => (await repository().sum(TENANT, filters, { start_ms, end_ms })).request_count;
        expect(await count({})).to.equal(63);
        expect(await count({ budget_id: id(101) })).to.equal(2);
        expect(await count({ provider: "anthropic" })).to.equal(4);
        expect(await count({ model: "claude" })).to.equal(8);
        expect(await count({ component: "rhetor" })).to.equal(16);
        expect(await count({ task_type: "chat" })).to.equal(32);
        expect(await count({}, T0 + 2 * HOUR_MS)).to.equal(12);
        expect(await count({}, T0 + 2 * HOUR_MS + 1)).to.equal(12);
        expect(await count({}, null, T0 + 2 * HOUR_MS)).to.equal(51);
        expect(await count({}, null, T0 + 2 * HOUR_MS + 1)).to.equal(55);
        expect(await count({}, T0 + HOUR_MS, T0 + 3 * HOUR_MS)).to.equal(6);
        expect(await count({ provider: "openai" }, T0 + HOUR_MS, T0 + 3 * HOUR_MS)).to.equal(2);
      });

      it("come by each dimension, those of one value together", async () => {
        await within((transaction) =>
          write.rollups(
            transaction,
            rollup({ request_count: 1, task_type: "b", component: "rhetor", model: "a", provider: "x" }),
            rollup({ request_count: 2, task_type: "b", hour_start_ms: T0 + HOUR_MS }),
            rollup({ request_count: 4, task_type: "Z", total_tokens: 100, total_cost_nano_usd: 2n ** 62n }),
            rollup({ request_count: 8, tenant_id: OTHER_TENANT }),
          ),
        );
        const counts = async (group_by: Parameters<UsageRollupRepository["grouped"]>[1]) =>
          (await repository().grouped(TENANT, group_by, {}, everything)).map(({ group, request_count }) => [
            group,
            request_count,
          ]);
        const { component, model, provider } = rollup();
        expect(await counts("task_type")).to.deep.equal([
          ["Z", 4],
          ["b", 3],
        ]);
        expect(await counts("component")).to.have.deep.members([
          ["rhetor", 1],
          [component, 6],
        ]);
        expect(await counts("model")).to.have.deep.members([
          ["a", 1],
          [model, 6],
        ]);
        expect(await counts("provider")).to.have.deep.members([
          ["x", 1],
          [provider, 6],
        ]);
        const late = { start_ms: T0 + HOUR_MS, end_ms: null };
        const [only, ...more] = await repository().grouped(TENANT, "task_type", { model }, late);
        expect([only?.group, only?.request_count, more]).to.deep.equal(["b", 2, []]);
        const [big] = await repository().grouped(TENANT, "task_type", { task_type: "Z" }, everything);
        expect([big?.total_tokens, big?.total_cost_nano_usd]).to.deep.equal([100, 2n ** 62n]);
      });

      it("come by day in UTC, provider, model and component", async () => {
        const midnight = T0 - (T0 % DAY_MS);
        await within((transaction) =>
          write.rollups(
            transaction,
            rollup({ hour_start_ms: midnight - HOUR_MS }),
            rollup({ hour_start_ms: midnight }),
            rollup({ hour_start_ms: midnight + 23 * HOUR_MS, task_type: "chat" }),
            rollup({ hour_start_ms: midnight, component: "rhetor", total_cost_nano_usd: 2n ** 62n }),
            rollup({ hour_start_ms: midnight, provider: "Zed" }),
            rollup({ hour_start_ms: midnight, provider: "anthropic" }),
            rollup({ hour_start_ms: midnight, tenant_id: OTHER_TENANT }),
          ),
        );
        const days = await repository().daily(TENANT, {}, everything);
        expect(
          days.map((day) => [day.day_start_ms - midnight, day.provider, day.component, day.request_count]),
        ).to.deep.equal([
          [-DAY_MS, "openai", "apollo", 1],
          [0, "Zed", "apollo", 1],
          [0, "anthropic", "apollo", 1],
          [0, "openai", "apollo", 2],
          [0, "openai", "rhetor", 1],
        ]);
        expect(days.at(-1)?.total_cost_nano_usd).to.equal(2n ** 62n);
        const chosen = await repository().daily(
          TENANT,
          { component: "rhetor" },
          { start_ms: midnight, end_ms: null },
        );
        expect(chosen).to.have.length(1);
      });
    });

    describe("prices", () => {
      const repository = () => new PriceRepository(database);

      it("are inserted together, and seen by their tenant; shared ones by all", async () => {
        const own = price({ pricing_id: id(600) });
        const shared = price({ tenant_id: SHARED_TENANT_ID, pricing_id: id(601), effective_ms: T0 - 1 });
        const theirs = price({ tenant_id: OTHER_TENANT, pricing_id: id(602) });
        await within((transaction) => repository().insertMany(transaction, [own, shared, theirs], 1));
        expect(await repository().list(TENANT, {})).to.deep.equal({ items: [shared, own], total: 2 });
        expect(await repository().getAll(OTHER_TENANT, 9, 0)).to.deep.equal([shared, theirs]);
        expect(await repository().getById(TENANT, id(600))).to.deep.equal(own);
        expect(await repository().getById(TENANT, id(601))).to.deep.equal(shared);
        expect(await repository().getById(TENANT, id(602))).to.equal(null);
      });

      it("are listed by provider, model and time", async () => {
        const [a, b, c] = [
          price({ pricing_id: id(603), provider: "anthropic", model: "claude" }),
          price({ pricing_id: id(602), effective_ms: T0 + 1 }),
          price({ pricing_id: id(601), effective_ms: T0 }),
        ];
        await within((transaction) => repository().insertMany(transaction, [b, c, a], 1));
        expect((await repository().list(TENANT, {})).items).to.deep.equal([a, c, b]);
        expect((await repository().list(TENANT, { provider: "openai" })).items).to.deep.equal([c, b]);
        expect((await repository().list(TENANT, { model: "claude" })).items).to.deep.equal([a]);
        expect(await repository().list(TENANT, { limit: 1, page: 3 })).to.deep.equal({
          items: [b],
          total: 3,
        });
      });

      it("are closed, and tell others so", async () => {
        await within((transaction) => repository().insertMany(transaction, [price()], 1));
        const closed = price({ end_ms: NOW, status: "verified", verified: true });
        await within((transaction) =>
          repository().updateMany(transaction, [{ ...closed, source: "not written" }], 2),
        );
        expect(await repository().getById(TENANT, id(600))).to.deep.equal(closed);
        const changed = await within((transaction) =>
          repository().changedSince(transaction, [
            { tenant_id: TENANT, catalog_version: 1 },
            { tenant_id: SHARED_TENANT_ID, catalog_version: 0 },
          ]),
        );
        expect(changed).to.deep.equal([closed]);
        await within((transaction) =>
          repository().updateMany(transaction, [price({ tenant_id: OTHER_TENANT, end_ms: 1 })], 2),
        );
        expect(await repository().getById(TENANT, id(600))).to.deep.equal(closed);
      });

      it("change by the version of each tenant's own catalogue", async () => {
        const shared = price({ tenant_id: SHARED_TENANT_ID, pricing_id: id(601) });
        await within(async (transaction) => {
          await repository().insertMany(transaction, [price()], 5);
          await repository().insertMany(transaction, [shared], 1);
        });
        const since = (own: number, common: number) =>
          within(async (transaction) =>
            (
              await repository().changedSince(transaction, [
                { tenant_id: TENANT, catalog_version: own },
                { tenant_id: SHARED_TENANT_ID, catalog_version: common },
              ])
            ).map((one) => one.pricing_id),
          );
        expect(await since(-1, -1)).to.deep.equal([id(600), id(601)]);
        expect(await since(4, 1)).to.deep.equal([id(600)]);
        expect(await since(5, 0)).to.deep.equal([id(601)]);
        expect(await within((transaction) => repository().changedSince(transaction, []))).to.deep.equal([]);
      });
    });

    describe("alerts", () => {
      const repository = () => new AlertRepository(database);

      it("are listed newest first, by budget, severity and whether somebody acknowledged them", async () => {
        const seen = { acknowledged: true, acknowledged_at_ms: NOW };
        await within((transaction) =>
          write.alerts(
            transaction,
            alert({ alert_id: id(500) }),
            alert({ alert_id: id(501), severity: "error", details: { a: 1 } }),
            alert({ alert_id: id(502), budget_id: id(101), policy_id: null, ...seen }),
          ),
        );
        const find = async (query: Parameters<AlertRepository["list"]>[1]) =>
          (await repository().list(TENANT, query)).items.map((item) => item.alert_id);
        expect(await find({})).to.deep.equal([id(502), id(501), id(500)]);
        expect(await find({ severity: "error" })).to.deep.equal([id(501)]);
        expect(await find({ acknowledged: true })).to.deep.equal([id(502)]);
        expect(await find({ acknowledged: false, budget_id: id(100) })).to.deep.equal([id(501), id(500)]);
        expect(await find({ limit: 2, page: 2 })).to.deep.equal([id(500)]);
        expect(await repository().getById(TENANT, id(501))).to.deep.equal(
          alert({ alert_id: id(501), severity: "error", details: { a: 1 } }),
        );
        expect((await repository().getAll(TENANT, 1, 1)).map((item) => item.alert_id)).to.deep.equal([
          id(501),
        ]);
      });

      it("belong to one tenant", async () => {
        await within((transaction) => write.alerts(transaction, alert()));
        expect(await repository().getById(OTHER_TENANT, id(500))).to.equal(null);
        expect((await repository().list(OTHER_TENANT, {})).total).to.equal(0);
        expect(await repository().getAll(OTHER_TENANT, 9, 0)).to.deep.equal([]);
      });
    });

    describe("events", () => {
      const repository = () => new EventRepository(database);

      /** Another database of the same server may keep events waiting for a moment. */
      async function read(after = FIRST_POSITION, limit = 100, tenant_id = TENANT, expected = 1) {
        for (;;) {
          const events = await repository().readAfter(tenant_id, after, limit);
          if (events.length >= Math.min(expected, limit)) return events;
        }
      }

      it("are read in their order, from any position on", async () => {
        for (const batch of [[1, 2], [3], [4, 5]]) {
          await within((transaction) =>
            write.events(transaction, ...batch.map((number) => outboxEvent({ subject_id: id(number) }))),
          );
        }
        const all = await read(FIRST_POSITION, 100, TENANT, 5);
        expect(all.map((event) => event.subject_id)).to.deep.equal([1, 2, 3, 4, 5].map(id));
        expect(await read(all[1]!.position, 2, TENANT, 2)).to.deep.equal(all.slice(2, 4));
        expect(await repository().readAfter(TENANT, all[4]!.position, 9)).to.deep.equal([]);
      });

      it("belong to one tenant", async () => {
        await within((transaction) =>
          write.events(
            transaction,
            outboxEvent(),
            outboxEvent({ tenant_id: OTHER_TENANT, subject_id: id(7) }),
          ),
        );
        expect((await read()).map((event) => event.subject_id)).to.deep.equal([id(400)]);
        expect((await read(FIRST_POSITION, 9, OTHER_TENANT)).map((event) => event.subject_id)).to.deep.equal([
          id(7),
        ]);
      });

      if (kind.name === "postgres") {
        it("of a transaction that commits late are not passed by", async () => {
          await within(async (late) => {
            await write.events(late, outboxEvent({ subject_id: id(1) }));
            await within((early) => write.events(early, outboxEvent({ subject_id: id(2) })));
            expect(await repository().readAfter(TENANT, FIRST_POSITION, 9)).to.deep.equal([]);
          });
          const events = await read(FIRST_POSITION, 9, TENANT, 2);
          expect(events.map((event) => event.subject_id)).to.deep.equal([id(1), id(2)]);
        });

        it("of a transaction that began first and wrote last come first", async () => {
          await within(async (late) => {
            await late.query("SELECT pg_current_xact_id()", []);
            await within((early) => write.events(early, outboxEvent({ subject_id: id(2) })));
            await write.events(late, outboxEvent({ subject_id: id(1) }));
          });
          const events = await read(FIRST_POSITION, 9, TENANT, 2);
          expect(events.map((event) => event.subject_id)).to.deep.equal([id(1), id(2)]);
        });
      }
    });
  });
}
