import { STANDARD_TERMS, createPriceBook } from "@budget/domain";
import { AuditRepository, PriceRepository } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { importHistoricPrices, type HistoricPrice } from "../src/index.ts";
import { CONTEXT, DAY_MS, START_MS, TestEngine, ids } from "./support.ts";

const NANO = 1_000_000n;
const price = (model: string, input: bigint, output: bigint): HistoricPrice => ({
  provider: "acme",
  model,
  input_femto_usd: input,
  output_femto_usd: output,
});
const SPAN = { from_ms: START_MS - 100 * DAY_MS, until_ms: START_MS };
const WRITE = { dry_run: false };

for (const kind of TEST_DATABASES) {
  describe(`prices of an older system, on ${kind.name}`, () => {
    let test: TestEngine;
    beforeEach(async () => {
      test = await TestEngine.open(kind);
    });
    afterEach(() => test.close());

    const run = (prices: readonly HistoricPrice[], options = WRITE, span = SPAN) => {
      const { database } = test.test_database;
      return importHistoricPrices(
        { database, clock: test.clock, ids },
        CONTEXT,
        "rhetor",
        prices,
        span,
        options,
      );
    };
    const stored = () => new PriceRepository(test.test_database.database).getAll(CONTEXT.tenant_id, 100, 0);

    it("hold for the span of its history, unverified, and change nothing that is in force now", async () => {
      const [report, other] = await run([price("small", 5n * NANO, 7n * NANO), price("own", 1n, 2n)]);
      expect([report?.result, other?.result, other?.differs_from]).to.deep.equal([
        "imported",
        "imported",
        null,
      ]);
      const all = await stored();
      expect(all.find(({ model }) => model === "own")).to.deep.include({
        tenant_id: CONTEXT.tenant_id,
        source: "rhetor",
        status: "provisional",
        verified: false,
        effective_ms: SPAN.from_ms,
        end_ms: SPAN.until_ms,
        components: [
          { unit: "input_tokens", amount_femto_usd: 1n, above_input_tokens: 0 },
          { unit: "output_tokens", amount_femto_usd: 2n, above_input_tokens: 0 },
        ],
      });
      const book = createPriceBook(all);
      const sourceAt = (at_ms: number) =>
        book.find({ provider: "acme", model: "small", ...STANDARD_TERMS }, at_ms)?.price.source;
      expect([sourceAt(SPAN.from_ms - 1), sourceAt(SPAN.from_ms), sourceAt(START_MS - 1)]).to.deep.equal([
        "test",
        "rhetor",
        "rhetor",
      ]);
      expect(sourceAt(START_MS)).to.equal("test");
      const cost = await test.engine.prices.current(CONTEXT, { provider: "acme", model: "small" });
      expect(cost).to.have.nested.property("value.price.source", "test");
    });

    it("are on record, and are not kept twice, whatever they say then", async () => {
      await run([price("own", 1n, 2n)]);
      const before = await stored();
      expect((await run([price("own", 3n, 4n)])).map(({ result }) => result)).to.deep.equal(["unchanged"]);
      expect(await stored()).to.deep.equal(before);
      const { database } = test.test_database;
      const { items } = await new AuditRepository(database).list(CONTEXT.tenant_id, { page: 1, limit: 10 });
      expect(items.map(({ action, after }) => [action, after])).to.deep.equal([
        ["prices.imported", { source: "rhetor", prices: 1 }],
      ]);
    });

    it("are only told of in a dry run, and where there is no history", async () => {
      const before = await stored();
      expect((await run([price("own", 1n, 2n)], { dry_run: true }))[0]?.result).to.equal("imported");
      await run([price("own", 1n, 2n)], WRITE, { from_ms: START_MS, until_ms: START_MS });
      expect(await stored()).to.deep.equal(before);
    });

    /** `acme/small` costs 1,000 and 4,000 nano-dollars for a token of input and of output. */
    const amounts: readonly (readonly [bigint, bigint, boolean])[] = [
      [1000n * NANO, 4000n * NANO, false],
      [990n * NANO, 4040n * NANO, false],
      [989n * NANO, 4000n * NANO, true],
      [1000n * NANO, 4041n * NANO, true],
      [0n, 4000n * NANO, true],
    ];
    for (const [input, output, differs] of amounts) {
      it(`${differs ? "differ" : "do not differ"} from what is charged where they are ${input} and ${output}`, async () => {
        const [report] = await run([price("small", input, output)], { dry_run: true });
        const other = { source: "test", input_femto_usd: 1000n * NANO, output_femto_usd: 4000n * NANO };
        if (differs) expect(report?.differs_from).to.deep.include(other);
        else expect(report?.differs_from).to.equal(null);
      });
    }
  });
}
