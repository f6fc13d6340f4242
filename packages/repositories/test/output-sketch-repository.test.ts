import { expect } from "chai";
import type { Database } from "../src/database.ts";
import { OutputSketchRepository, type StoredOutputSketch } from "../src/output-sketch-repository.ts";
import type { Transaction } from "../src/transaction.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { HOUR_MS, OTHER_TENANT, T0, TENANT } from "./entities.ts";
import { TEST_DATABASES, type TestDatabase } from "./harness/test-databases.ts";
import { rejectionOf } from "./rejection.ts";

const sketch = (fields: Partial<StoredOutputSketch> = {}): StoredOutputSketch => ({
  tenant_id: TENANT,
  provider: "openai",
  model: "gpt-4o",
  component: "rhetor",
  task_type: "chat",
  current: "AQID",
  previous: null,
  samples: 3,
  updated_at_ms: T0,
  ...fields,
});

for (const kind of TEST_DATABASES) {
  describe(`output sketches: ${kind.name}`, () => {
    let test: TestDatabase;
    let database: Database;
    let repository: OutputSketchRepository;
    const within = <T>(work: (transaction: Transaction) => Promise<T>) =>
      database.transaction(ALL_TENANTS, work);
    const store = (...sketches: readonly StoredOutputSketch[]) =>
      within(async (transaction) => {
        await repository.lockMany(transaction, sketches, T0);
        await repository.updateMany(transaction, sketches);
      });
    beforeEach(async () => {
      test = await kind.open();
      ({ database } = test);
      repository = new OutputSketchRepository(database);
    });
    afterEach(() => test.close());

    it("are made without a sample where they are locked the first time, then written and found", async () => {
      const locked = await within((transaction) => repository.lockMany(transaction, [sketch()], T0));
      const empty = sketch({ current: "", samples: 0 });
      expect(locked).to.deep.equal([empty]);
      expect(await repository.getById(sketch())).to.deep.equal(empty);
      const full = sketch({ previous: "BAUG", samples: 2 ** 53 - 1, updated_at_ms: T0 + 1 });
      await store(full);
      expect(await repository.getById(sketch())).to.deep.equal(full);
      expect(
        await within((transaction) => repository.lockMany(transaction, [sketch()], T0 + 2)),
      ).to.deep.equal([full]);
    });

    it("are one for each combination of tenant, provider, model, component and task type", async () => {
      const others = [
        sketch({ tenant_id: OTHER_TENANT }),
        sketch({ provider: "azure" }),
        sketch({ model: "gpt-4o-mini" }),
        sketch({ component: "apollo" }),
        sketch({ task_type: "coding" }),
      ].map((one, index) => ({ ...one, samples: 10 + index }));
      await store(...others);
      expect(await repository.getById(sketch())).to.equal(null);
      for (const one of others) expect(await repository.getById(one)).to.deep.equal(one);
      const found = await within((transaction) => repository.findMany(transaction, [sketch(), ...others]));
      expect(found).to.deep.equal(others);
      expect(await within((transaction) => repository.findMany(transaction, []))).to.deep.equal([]);
    });

    it("are listed for their tenant in the order of their keys, and for all by who learned last", async () => {
      const [a, b, c] = [
        sketch({ component: "a", updated_at_ms: T0 + 2 }),
        sketch({ component: "b", updated_at_ms: T0 + 3 }),
        sketch({ tenant_id: OTHER_TENANT, component: "c", updated_at_ms: T0 + 4 }),
      ];
      await store(b, c, a);
      expect(await repository.getAll(TENANT, 10, 0)).to.deep.equal([a, b]);
      expect(await repository.getAll(TENANT, 1, 1)).to.deep.equal([b]);
      expect(await repository.getLatest(2)).to.deep.equal([c, b]);
    });

    it("are added to by one transaction at a time", async () => {
      const keys = ["x", "y", "z"].map((component) => sketch({ component }));
      await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          within(async (transaction) => {
            const wanted = index % 2 === 0 ? keys : keys.slice(1);
            const rows = await repository.lockMany(transaction, wanted, T0);
            await repository.updateMany(
              transaction,
              rows.map((row) => ({ ...row, samples: row.samples + 1 })),
            );
          }),
        ),
      );
      const samples = (await repository.getAll(TENANT, 10, 0)).map((one) => one.samples);
      expect(samples).to.deep.equal([4, 8, 8]);
    });

    it("go where they learned nothing for long", async () => {
      const [old, young] = [sketch(), sketch({ model: "o3", updated_at_ms: T0 + HOUR_MS })];
      await store(old, young);
      expect(await repository.deleteUnusedSince(T0 + HOUR_MS)).to.equal(1);
      expect(await repository.getAll(TENANT, 10, 0)).to.deep.equal([young]);
      expect(await repository.deleteUnusedSince(T0 + HOUR_MS)).to.equal(0);
    });

    it("that went before they could be locked fail the transaction", async () => {
      const [first, second] = [sketch(), sketch({ model: "o3" })];
      const failed = within((transaction) => {
        const lockByKeys = transaction.lockByKeys.bind(transaction);
        transaction.lockByKeys = (table, keys) => lockByKeys(table, keys.slice(1));
        return repository.lockMany(transaction, [first, second], T0);
      });
      expect((await rejectionOf(failed)).message).to.include("1 output sketches were deleted");
      expect(await repository.getAll(TENANT, 10, 0)).to.deep.equal([]);
    });
  });
}
