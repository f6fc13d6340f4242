import { OutputSketchRepository, openDatabase } from "@budget/repositories";
import { expect } from "chai";
import fc from "fast-check";
import { MAX_KEYS, MIN_SAMPLES, OutputEstimates } from "../src/output-estimates.ts";
import { GENERATION_SAMPLES, RELATIVE_ERROR } from "../src/output-sketch.ts";
import { CONTEXT, DAY_MS, onEveryDatabase, type TestEngine } from "./support.ts";

const KIND = {
  tenant_id: CONTEXT.tenant_id,
  provider: "acme",
  model: "small",
  component: "rhetor",
  task_type: "chat",
};
const OTHER_KIND = { ...KIND, task_type: "coding" };

/** What a server of its own knows; all of a test share its database. */
const server = (test: TestEngine): OutputEstimates =>
  new OutputEstimates({ database: test.test_database.database, clock: test.clock });

function learn(estimates: OutputEstimates, count: number, output_tokens: number, kind = KIND): void {
  for (let index = 0; index < count; index += 1) estimates.observe(kind, output_tokens);
}

onEveryDatabase("estimates of output", (open) => {
  it("need 30 samples of exactly this kind of call", async () => {
    const estimates = server(await open());
    learn(estimates, MIN_SAMPLES - 1, 400);
    expect(estimates.quantile(KIND, 0.95)).to.equal(null);
    learn(estimates, 1, 400);
    expect(estimates.quantile(KIND, 0.95)).to.deep.equal({ output_tokens: 400, samples: MIN_SAMPLES });
    for (const [dimension, value] of Object.entries({
      tenant_id: "01930000-0000-7000-8000-000000000009",
      provider: "other",
      model: "large",
      component: "apollo",
      task_type: "coding",
    })) {
      expect(estimates.quantile({ ...KIND, [dimension]: value }, 0.95), dimension).to.equal(null);
    }
  });

  it("are within the relative error of the exact quantile, before and after a restart", async () => {
    const test = await open();
    let kinds = 0;
    const values = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: MIN_SAMPLES, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(values, fc.constantFrom(0.5, 0.95, 0.99), async (outputs, share) => {
        const kind = { ...KIND, task_type: `kind ${(kinds += 1)}` };
        const estimates = server(test);
        for (const output_tokens of outputs) estimates.observe(kind, output_tokens);
        const found = estimates.quantile(kind, share);
        const exact = outputs.toSorted((a, b) => a - b)[Math.ceil(share * outputs.length) - 1]!;
        expect(found?.samples).to.equal(outputs.length);
        expect(found?.output_tokens).to.be.at.least(exact);
        expect(found?.output_tokens).to.be.at.most(Math.ceil(exact * (1 + RELATIVE_ERROR)));
        expect(found?.output_tokens).to.be.at.most(Math.max(...outputs));
        await estimates.flush();
        expect(estimates.quantile(kind, share)).to.deep.equal(found);
        const restarted = server(test);
        await restarted.load();
        expect(restarted.quantile(kind, share)).to.deep.equal(found);
      }),
      { numRuns: 25 },
    );
  });

  it("of two servers add up, and each answers from both after its next flush", async () => {
    const test = await open();
    const [one, two] = [server(test), server(test)];
    learn(one, 20, 100);
    learn(two, 20, 900);
    await Promise.all([one.flush(), two.flush()]);
    await Promise.all([one.flush(), two.flush()]);
    for (const estimates of [one, two]) {
      // The one that stored first reads the other's on the next flush after somebody asked.
      estimates.quantile(KIND, 0.5);
      await estimates.flush();
      expect(estimates.quantile(KIND, 0.5)?.output_tokens).to.be.within(100, 102);
      expect(estimates.quantile(KIND, 0.95)).to.deep.equal({ output_tokens: 900, samples: 40 });
    }
  });

  it("lose no sample where many servers store the same kinds at once", async () => {
    const test = await open();
    const kinds = Array.from({ length: 20 }, (_, index) => ({ ...KIND, task_type: `kind ${index}` }));
    const servers = Array.from({ length: 6 }, () => server(test));
    for (let round = 0; round < 3; round += 1) {
      await Promise.all(
        servers.map(async (estimates, index) => {
          const mine = index % 2 === 0 ? kinds : kinds.toReversed();
          for (const kind of mine) learn(estimates, 5, 100 + index, kind);
          await estimates.flush();
        }),
      );
    }
    const fresh = server(test);
    await fresh.load();
    for (const kind of kinds) expect(fresh.quantile(kind, 1)?.samples).to.equal(6 * 3 * 5);
  });

  it("count what comes in during a flush, once", async () => {
    const estimates = server(await open());
    learn(estimates, 40, 100);
    const flushed = [estimates.flush(), estimates.flush()];
    await Promise.resolve();
    learn(estimates, 2, 100);
    await Promise.all(flushed);
    learn(estimates, 1, 100);
    expect(estimates.quantile(KIND, 1)?.samples).to.equal(43);
    await estimates.flush();
    expect(estimates.quantile(KIND, 1)?.samples).to.equal(43);
  });

  it("are kept where a flush fails, and stored by the next one", async () => {
    const test = await open();
    const { knex } = test.test_database.database;
    const estimates = server(test);
    learn(estimates, 40, 100);
    await knex.schema.renameTable("output_sketches", "elsewhere");
    const failing = estimates.flush();
    learn(estimates, 2, 100);
    let failed = false;
    await failing.catch(() => {
      failed = true;
    });
    await knex.schema.renameTable("elsewhere", "output_sketches");
    expect(failed).to.equal(true);
    expect(estimates.quantile(KIND, 1)?.samples).to.equal(42);
    await estimates.flush();
    const restarted = server(test);
    await restarted.load();
    expect(restarted.quantile(KIND, 1)?.samples).to.equal(42);
  });

  it("that another server has stored come with the next flush after they were asked for", async () => {
    const test = await open();
    const [one, two] = [server(test), server(test)];
    learn(one, 50, 100);
    await one.flush();
    expect(two.quantile(KIND, 0.5)).to.equal(null);
    await two.flush();
    expect(two.quantile(KIND, 0.5)).to.deep.equal({ output_tokens: 100, samples: 50 });
  });

  it("follow a change of behaviour", async () => {
    const test = await open();
    const estimates = server(test);
    learn(estimates, GENERATION_SAMPLES, 4000);
    await estimates.flush();
    learn(estimates, GENERATION_SAMPLES - 1, 200);
    await estimates.flush();
    expect(estimates.quantile(KIND, 0.95)).to.deep.equal({
      output_tokens: 4000,
      samples: 2 * GENERATION_SAMPLES - 1,
    });
    learn(estimates, 1, 200);
    for (const known of [estimates, server(test)]) {
      await known.flush();
      await known.load();
      expect(known.quantile(KIND, 0.99)).to.deep.equal({ output_tokens: 200, samples: GENERATION_SAMPLES });
    }
  });

  it("that learned nothing for 90 days are forgotten", async () => {
    const test = await open();
    const repository = new OutputSketchRepository(test.test_database.database);
    const estimates = server(test);
    learn(estimates, 40, 100);
    await estimates.flush();
    test.clock.now_ms += 90 * DAY_MS;
    learn(estimates, 40, 100, OTHER_KIND);
    await estimates.flush();
    expect(await repository.getById(KIND)).to.not.equal(null);
    test.clock.now_ms += DAY_MS;
    await estimates.flush();
    expect(await repository.getById(KIND)).to.equal(null);
    expect((await repository.getById(OTHER_KIND))?.samples).to.equal(40);
  });

  it("drop the kind that was longest unused where there are too many", async () => {
    const estimates = server(await open());
    learn(estimates, 40, 100);
    learn(estimates, 40, 100, OTHER_KIND);
    for (let index = 0; index < MAX_KEYS - 1; index += 1) {
      estimates.observe({ ...KIND, task_type: `kind ${index}` }, 1);
      expect(estimates.quantile(OTHER_KIND, 0.5)).to.not.equal(null);
    }
    expect(estimates.quantile(KIND, 0.5)).to.equal(null);
  });
});

describe("estimates of output on a file of SQLite", () => {
  it("outlive the server", async () => {
    const { TEST_DATABASES } = await import("@budget/repositories/testing");
    const kind = TEST_DATABASES.find(({ name }) => name === "sqlite")!;
    const file = await kind.open({ file: true });
    const clock = { now: () => 0 };
    const before = new OutputEstimates({ database: file.database, clock });
    learn(before, 40, 321);
    await before.flush();
    await file.database.close();
    const database = openDatabase({ url: file.url });
    const after = new OutputEstimates({ database, clock });
    await after.load();
    expect(after.quantile(KIND, 0.99)).to.deep.equal({ output_tokens: 321, samples: 40 });
    await database.close();
    await file.close();
  });
});
