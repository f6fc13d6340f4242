import { expect } from "chai";
import type { Row } from "../src/dialect.ts";
import { balanceFromRow, balanceToRow } from "../src/rows.ts";
import * as tables from "../src/tables.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { TENANT, balance, id, rollup, write } from "./entities.ts";
import { TEST_DATABASES, type TestDatabase } from "./harness/test-databases.ts";
import { rejectionOf } from "./rejection.ts";

for (const kind of TEST_DATABASES) {
  describe(`dialect: ${kind.name}`, () => {
    let test: TestDatabase;
    beforeEach(async () => {
      test = await kind.open();
    });
    afterEach(() => test.close());

    const balances = () => test.knex<Row, Row[]>("balances").orderBy("scope");

    it("binds placeholders by their number, in any order and more than once", async () => {
      const rows = await test.database.transaction(ALL_TENANTS, (transaction) =>
        transaction.query(
          `SELECT policy_id FROM balances WHERE scope = $2 AND tenant_id = $1
           UNION ALL SELECT tenant_id FROM tenants WHERE name = $2 OR tenant_id = $1`,
          [TENANT, "nobody"],
        ),
      );
      expect(rows).to.deep.equal([]);
      await test.database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
      const found = await test.database.transaction(ALL_TENANTS, (transaction) =>
        transaction.query("SELECT name FROM tenants WHERE name = $2 AND tenant_id = $1 AND name = $2", [
          TENANT,
          "tenant",
        ]),
      );
      expect(found).to.deep.equal([{ name: "tenant" }]);
    });

    it("matches any value of a list, none of an empty one", async () => {
      await test.database.transaction(ALL_TENANTS, (transaction) =>
        write.tenants(transaction, id(1), id(2), id(3)),
      );
      const find = (values: readonly string[]) =>
        test.database.transaction(ALL_TENANTS, (transaction) =>
          transaction.query(
            `SELECT tenant_id FROM tenants WHERE ${transaction.dialect.inList("tenant_id", "$1", "uuid")} ORDER BY tenant_id`,
            [values],
          ),
        );
      expect(await find([id(3), id(1), id(9)])).to.deep.equal([{ tenant_id: id(1) }, { tenant_id: id(3) }]);
      expect(await find([])).to.deep.equal([]);
      const byText = await test.database.transaction(ALL_TENANTS, (transaction) =>
        transaction.query(
          `SELECT 1 AS one FROM tenants WHERE ${transaction.dialect.inList("name", "$1", "text")}`,
          [["tenant", `a,"b'{}`]],
        ),
      );
      expect(byText).to.have.length(3);
    });

    it("inserts what is missing, and leaves what is there", async () => {
      const there = balance({ scope: "a", used_tokens: 7 });
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.insert(tables.balances, [balanceToRow(there)]);
        await transaction.insertMissing(tables.balances, [
          balanceToRow(balance({ scope: "a" })),
          balanceToRow(balance({ scope: "b" })),
        ]);
      });
      expect((await balances()).map(balanceFromRow)).to.deep.equal([there, balance({ scope: "b" })]);
    });

    it("refuses to insert a key twice, and keeps nothing of that transaction", async () => {
      const error = await rejectionOf(
        test.database.transaction(ALL_TENANTS, async (transaction) => {
          await transaction.insert(tables.balances, [balanceToRow(balance({ scope: "a" }))]);
          await transaction.insert(tables.balances, [balanceToRow(balance({ scope: "a" }))]);
        }),
      );
      expect(error.message).to.match(/unique/i);
      expect(await balances()).to.have.length(0);
    });

    it("updates the changing columns of many rows at once", async () => {
      const [a, b, c] = ["a", "b", "c"].map((scope) => balance({ scope }));
      const [newA, newC] = [a, c].map((one) =>
        balance({ ...one!, used_cost_nano_usd: 2n ** 63n - 1n, held_tokens: 3 }),
      );
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.insert(
          tables.balances,
          [a, b, c].map((one) => balanceToRow(one!)),
        );
        await transaction.update(
          tables.balances,
          [newC, newA].map((one) => balanceToRow(one!)),
        );
      });
      expect((await balances()).map(balanceFromRow)).to.deep.equal([newA, b, newC]);
    });

    it("adds to rows that are there and inserts the others", async () => {
      const big = 2n ** 62n;
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        await write.rollups(transaction, rollup({ total_cost_nano_usd: big }));
        await write.rollups(
          transaction,
          rollup({ total_cost_nano_usd: big - 1n }),
          rollup({ model: "other" }),
        );
      });
      const rows = await test.knex<Row, Row[]>("usage_rollups").orderBy("model");
      expect(
        rows.map((row) => [row.model, Number(row.request_count), BigInt(row.total_cost_nano_usd as string)]),
      ).to.deep.equal([
        ["gpt", 2, 2n ** 63n - 1n],
        ["other", 1, 7n],
      ]);
    });

    it("refuses a sum that passes 64 bits rather than round it", async () => {
      await test.database.transaction(ALL_TENANTS, (transaction) =>
        write.rollups(transaction, rollup({ total_cost_nano_usd: 2n ** 63n - 1n })),
      );
      await rejectionOf(
        test.database.transaction(ALL_TENANTS, (transaction) => write.rollups(transaction, rollup())),
      );
      const [row] = await test.knex<Row, Row[]>("usage_rollups");
      expect(BigInt(row!.total_cost_nano_usd as string)).to.equal(2n ** 63n - 1n);
    });

    it("finds rows by their keys, in the order of the keys", async () => {
      const keys = ["a", "b", "c"].map((scope): Row => ({ tenant_id: TENANT, policy_id: id(200), scope }));
      const rows = await test.database.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.insert(tables.balances, [
          balanceToRow(balance({ scope: "c" })),
          balanceToRow(balance({ scope: "a" })),
        ]);
        return [
          await transaction.getByKeys(tables.balances, keys),
          await transaction.lockByKeys(tables.balances, keys),
        ];
      });
      for (const found of rows) expect(found.map((row) => row.scope)).to.deep.equal(["a", "c"]);
    });

    it("does nothing for no rows", async () => {
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.insert(tables.balances, []);
        await transaction.insertMissing(tables.balances, []);
        await transaction.update(tables.balances, []);
        await transaction.add(tables.usageRollups, []);
        expect(await transaction.getByKeys(tables.balances, [])).to.deep.equal([]);
        expect(await transaction.lockByKeys(tables.balances, [])).to.deep.equal([]);
      });
      expect(await balances()).to.have.length(0);
    });

    it("does not call a transaction committed in which a statement failed unseen", async () => {
      const failed = test.database.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.insert(tables.balances, [balanceToRow(balance())]);
        await Promise.resolve()
          .then(() => transaction.query("SELECT * FROM nowhere", []))
          .catch(() => undefined);
      });
      // SQLite ends a statement that fails, PostgreSQL the transaction; neither may say yes and keep nothing.
      const committed = await failed.then(
        () => true,
        () => false,
      );
      expect(await balances()).to.have.length(committed ? 1 : 0);
    });

    it("reads one state throughout a snapshot", async () => {
      const other = await kind.open({ file: true });
      try {
        await other.database.snapshot(ALL_TENANTS, async (transaction) => {
          expect(await transaction.query("SELECT * FROM balances", [])).to.have.length(0);
        });
        await rejectionOf(
          other.database.snapshot(ALL_TENANTS, async (transaction) => {
            await transaction.query("SELECT * FROM balances", []);
            throw new Error("stop");
          }),
        );
      } finally {
        await other.close();
      }
    });
  });
}

describe("dialect: postgres, with several connections", () => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await TEST_DATABASES.find((kind) => kind.name === "postgres")!.open();
  });
  afterEach(() => test.close());

  /** A transaction that stays open until it is told to end. */
  async function opened(work: Parameters<TestDatabase["database"]["transaction"]>[1]) {
    let end!: () => void;
    const ending = new Promise<void>((resolve) => (end = resolve));
    let entered!: () => void;
    const inside = new Promise<void>((resolve) => (entered = resolve));
    const done = test.database.transaction(ALL_TENANTS, async (transaction) => {
      await work(transaction);
      entered();
      await ending;
    });
    await Promise.race([inside, done]);
    return {
      async end() {
        end();
        await done;
      },
    };
  }

  const waiting = async (): Promise<number> => {
    const { rows } = await test.database.knex.raw<{ rows: Row[] }>(
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
    );
    return rows.length;
  };

  it("lets shared holders of a tenant's lock run together, and an exclusive one alone", async () => {
    const one = await opened((transaction) => transaction.lockTenant(TENANT, "shared"));
    const other = await opened((transaction) => transaction.lockTenant(TENANT, "shared"));
    const order: string[] = [];
    const exclusive = test.database
      .transaction(ALL_TENANTS, (transaction) => transaction.lockTenant(TENANT, "exclusive"))
      .then(() => order.push("exclusive"));
    while ((await waiting()) === 0);
    await (await opened((transaction) => transaction.lockTenant(id(2), "exclusive"))).end();
    order.push("shared");
    await one.end();
    await other.end();
    await exclusive;
    expect(order).to.deep.equal(["shared", "exclusive"]);
  });

  it("keeps locked rows from others until the transaction ends", async () => {
    const key = { tenant_id: TENANT, policy_id: id(200), scope: "" };
    await test.database.transaction(ALL_TENANTS, (transaction) =>
      transaction.insert(tables.balances, [balanceToRow(balance())]),
    );
    const first = await opened((transaction) => transaction.lockByKeys(tables.balances, [key]));
    const seen = test.database.transaction(ALL_TENANTS, (transaction) =>
      transaction.lockByKeys(tables.balances, [key]),
    );
    while ((await waiting()) === 0);
    await first.end();
    expect(await seen).to.have.length(1);
  });

  it("keeps a snapshot as it was while others write", async () => {
    await test.database.snapshot(ALL_TENANTS, async (transaction) => {
      expect(await transaction.query("SELECT * FROM balances", [])).to.have.length(0);
      await test.database.transaction(ALL_TENANTS, (other) =>
        other.insert(tables.balances, [balanceToRow(balance())]),
      );
      expect(await transaction.query("SELECT * FROM balances", [])).to.have.length(0);
    });
    expect(await test.knex<Row, Row[]>("balances")).to.have.length(1);
  });
});
