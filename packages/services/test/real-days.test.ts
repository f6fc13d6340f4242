import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { componentsFingerprint, pricedThingKey, type SourceReading } from "@budget/domain";
import { readLiteLlm } from "@budget/price-sources";
import { PriceRepository } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { TestMonitor, reading } from "./support.ts";

const folder = join(process.env.BUDGET_FIXTURES ?? "", "price-sources");

function readDay(day: string): SourceReading {
  const outcome = readLiteLlm(
    gunzipSync(readFileSync(join(folder, `litellm-${day}.json.gz`))).toString("utf8"),
  );
  if (!outcome.ok) throw new Error(outcome.detail);
  return outcome.reading;
}

const amountsByThing = ({ observations }: SourceReading): ReadonlyMap<string, string> =>
  new Map(observations.map((one) => [pricedThingKey(one), componentsFingerprint(one.components)]));

if (process.env.BUDGET_FIXTURES !== undefined && existsSync(folder)) {
  for (const kind of TEST_DATABASES) {
    describe(`two days of the real LiteLLM map on ${kind.name}`, () => {
      let test: TestMonitor;
      before(async () => (test = await TestMonitor.open(kind)));
      after(() => test.close());

      it("change exactly the prices that changed, dated, guarded, and announced once", async () => {
        const [first, second] = [readDay("2025-11-28"), readDay("2026-07-24")];
        // A fifth of the keys may go at once; between these days, eight months apart, more did, so the rows that went
        // are said to be there still.
        const still = new Set(second.observations.map(pricedThingKey));
        const gone = first.observations.filter((one) => !still.has(pricedThingKey(one)));
        test.first.saysAll(first);
        const before = await test.run(["first"]);
        test.first.saysAll(reading([...second.observations, ...gone]));
        const after = await test.run(["first"]);

        const [old, now] = [amountsByThing(first), amountsByThing(second)];
        const changed = [...now].filter(([key, amounts]) => old.has(key) && old.get(key) !== amounts);
        const added = [...now].filter(([key]) => !old.has(key));
        const { verification, sources } = after.report!;
        console.log(
          `        ${old.size} and ${now.size} prices; ${added.length} new, ${changed.length} changed, of which ` +
            `${verification.prices_changed} are applied and ${verification.prices_held_back} held back; ` +
            `${before.report!.verification.duration_ms} and ${verification.duration_ms} ms`,
        );
        expect(sources[0]).to.deep.include({
          new: added.length,
          changed: changed.length,
          withdrawn: changed.length,
        });
        const applied = new Set<string>();
        const prices = await new PriceRepository(test.database).shared("", 100_000);
        for (const price of prices) {
          if (price.effective_ms === test.clock.now_ms) applied.add(pricedThingKey(price));
        }
        const changedKeys = new Set(changed.map(([key]) => key));
        expect([...applied].filter((key) => !changedKeys.has(key))).to.deep.equal([]);
        expect(applied.size).to.equal(verification.prices_changed);
        expect(verification.prices_changed).to.be.greaterThan(100);
        expect(verification.prices_held_back).to.be.greaterThan(0);
        const announced = (await test.alerts()).filter(({ kind: what }) => what === "price_changed");
        expect(announced).to.have.length(1);

        const again = await test.run(["first"]);
        expect(again.report!.sources[0]).to.deep.include({ new: 0, changed: 0, withdrawn: 0 });
        expect(again.report!.verification).to.deep.include({
          prices_added: 0,
          prices_changed: 0,
          reviews_opened: 0,
          reviews_settled: 0,
        });
        expect(await new PriceRepository(test.database).shared("", 100_000)).to.deep.equal(prices);
      }).timeout(60_000);
    });
  }
}
