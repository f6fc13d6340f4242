import { expect } from "chai";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { BY, DAY_MS, MINUTE_MS, START_MS, TestMonitor, components, says, valueOf } from "./support.ts";

const REASON = { withdrawn_by: "ada", why: "the contract ended" };

const byHand = (model: string, input: number, output: number) => ({
  provider: "acme",
  model,
  components: components({ input_tokens: input, output_tokens: output }),
  set_by: "ada",
  why: "contract 7",
});

for (const kind of TEST_DATABASES) {
  describe(`prices of the operator on ${kind.name}`, () => {
    let test: TestMonitor;

    beforeEach(async () => {
      test = await TestMonitor.open(kind);
      test.first.says(says("one", 1, 2), says("two", 3, 4));
      test.second.says(says("one", 1, 2), says("two", 3, 4));
    });
    afterEach(() => test.close());

    const setByHand = async (...price: Parameters<typeof byHand>) =>
      valueOf(await test.monitor.setByHand(byHand(...price), BY));

    it("are charged without a vote, whatever sources say", async () => {
      await test.run();
      const { price, observation_id } = await setByHand("one", 0.5, 50);
      expect(price?.evidence).to.deep.equal([observation_id]);
      expect(price?.source).to.equal("by_hand");
      expect(await test.inForce("one")).to.deep.equal([0.5, 50, "manual"]);
      test.first.says(says("one", 1.1, 2.2), says("two", 3, 4));
      test.second.says(says("one", 1.1, 2.2), says("two", 3, 4));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([0.5, 50, "manual"]);
      expect(await test.reviews("open")).to.be.empty;
      expect(await test.inForce("two")).to.deep.equal([3, 4, "verified"]);
    });

    it("price what no source knows", async () => {
      await setByHand("local-model", 0, 0);
      expect(await test.inForce("local-model")).to.deep.equal([0, 0, "manual"]);
    });

    it("replace each other, and give way when they are taken back", async () => {
      await test.run();
      await setByHand("one", 0.5, 0.6);
      const { observation_id } = await setByHand("one", 0.7, 0.8);
      expect(await test.inForce("one")).to.deep.equal([0.7, 0.8, "manual"]);
      test.clock.now_ms += MINUTE_MS;
      valueOf(await test.monitor.withdrawByHand(observation_id, REASON, BY));
      expect(await test.inForce("one")).to.deep.equal([1, 2, "verified"]);
      const again = await test.monitor.withdrawByHand(observation_id, REASON, BY);
      expect(!again.ok && again.rejection.code).to.equal("price_observation_not_found");
    });

    it("begin when they say", async () => {
      await test.run();
      const effective_ms = test.clock.now_ms + DAY_MS;
      const set = valueOf(await test.monitor.setByHand({ ...byHand("one", 5, 6), effective_ms }, BY));
      expect(set.price).to.equal(null);
      expect(await test.inForce("one")).to.deep.equal([1, 2, "verified"]);
      test.clock.now_ms = effective_ms;
      expect(await test.monitor.isDue()).to.equal(true);
      await test.run([]);
      expect(await test.inForce("one")).to.deep.equal([5, 6, "manual"]);
    });

    it("end when they say, and what the sources say is charged from then on", async () => {
      await test.run();
      const end_ms = test.clock.now_ms + DAY_MS;
      const { price } = valueOf(await test.monitor.setByHand({ ...byHand("one", 50, 60), end_ms }, BY));
      expect(price?.end_ms).to.equal(end_ms);
      await test.run([]);
      expect((await test.prices("one")).at(-1)).to.deep.equal(price);
      valueOf(await test.monitor.setByHand({ ...byHand("one", 50, 60), end_ms: end_ms + DAY_MS }, BY));
      expect((await test.prices("one")).at(-1)?.end_ms).to.equal(end_ms + DAY_MS);
      test.clock.now_ms = end_ms + DAY_MS;
      expect(await test.monitor.isDue()).to.equal(true);
      await test.run([]);
      expect(await test.inForce("one")).to.deep.equal([1, 2, "verified"]);
      expect(await test.reviews("open")).to.be.empty;
    });

    it("give way to what one source alone says, however far it lies from them", async () => {
      test.third.says(says("three", 1, 2));
      await test.run();
      for (const [input, output] of [
        [100, 200],
        [1, 2],
      ] as const) {
        const { observation_id } = await setByHand("three", input, output);
        expect(await test.inForce("three")).to.deep.equal([input, output, "manual"]);
        test.clock.now_ms += MINUTE_MS;
        valueOf(await test.monitor.withdrawByHand(observation_id, REASON, BY));
        expect(await test.inForce("three")).to.deep.equal([1, 2, "provisional"]);
      }
      expect(await test.reviews("open")).to.be.empty;
    });

    it("leave no price where they are taken back and nobody says anything", async () => {
      const { observation_id } = await setByHand("local-model", 1, 2);
      test.clock.now_ms += MINUTE_MS;
      valueOf(await test.monitor.withdrawByHand(observation_id, REASON, BY));
      const prices = await test.prices("local-model");
      expect(prices.map(({ end_ms }) => end_ms)).to.deep.equal([test.clock.now_ms]);
      await test.run([]);
      expect(await test.prices("local-model")).to.deep.equal(prices);
    });

    it("are charged from when they are dated back to, as far as nothing else was", async () => {
      const effective_ms = START_MS - DAY_MS;
      const dated = { ...byHand("local-model", 1, 2), effective_ms };
      const { price, observation_id } = valueOf(await test.monitor.setByHand(dated, BY));
      expect(price?.effective_ms).to.equal(effective_ms);
      test.clock.now_ms += MINUTE_MS;
      const ended_ms = test.clock.now_ms;
      valueOf(await test.monitor.withdrawByHand(observation_id, REASON, BY));
      test.clock.now_ms += MINUTE_MS;
      const again = valueOf(await test.monitor.setByHand({ ...dated, ...byHand("local-model", 3, 4) }, BY));
      expect(again.price?.effective_ms).to.equal(ended_ms);
      await test.run();
      const before_ms = test.clock.now_ms;
      const over = valueOf(await test.monitor.setByHand({ ...byHand("one", 5, 6), effective_ms }, BY));
      expect(over.price?.effective_ms).to.equal(before_ms);
    });

    it("are told with all that they rest on", async () => {
      await test.run();
      test.third.says(says("one", 9, 9));
      await test.run();
      const before = valueOf(await test.monitor.evidence("ACME", "One"));
      expect(before.prices.map(({ status }) => status)).to.deep.equal(["verified_with_dissent"]);
      const sources = before.observations.map(({ source }) => source);
      expect(sources).to.have.members(["first", "second", "third"]);
      const agreeing = before.observations.filter((one) =>
        before.prices[0]?.evidence.includes(one.observation_id),
      );
      expect(agreeing.map(({ source }) => source)).to.have.members(["first", "second"]);
      expect(before.observations[0]?.raw).to.deep.equal({ model: "one", input: 1, output: 2 });
      await setByHand("one", 5, 6);
      const after = valueOf(await test.monitor.evidence("acme", "one"));
      const own = after.observations.find(({ source }) => source === "by_hand");
      expect(own).to.deep.include({ address: "ada", raw: { set_by: "ada", why: "contract 7" } });
      const unknown = await test.monitor.evidence("acme", "nobody");
      expect(!unknown.ok && unknown.rejection.code).to.equal("price_not_found");
    });

    it("are not set while prices are being updated, and nothing of them is kept then", async () => {
      const [one, other] = await Promise.all([
        test.monitor.setByHand(byHand("one", 5, 6), BY),
        test.monitor.setByHand(byHand("two", 7, 8), BY),
      ]);
      expect([one.ok, other.ok].filter(Boolean)).to.have.length(1);
      const lost = one.ok ? "two" : "one";
      await test.run();
      expect((await test.inForce(lost))?.[2]).to.equal("verified");
    });
  });

  describe(`markups on ${kind.name}`, () => {
    let test: TestMonitor;
    afterEach(() => test.close());

    const openWith = async (percent: number, before?: TestMonitor) => {
      const markup = { provider: "acme", model: null, markup_ppm: percent * 10_000 };
      test = await TestMonitor.open(kind, { markups: percent === 0 ? [] : [markup], before });
      return test;
    };

    it("are part of what is charged, and of no vote", async () => {
      await openWith(50);
      test.first.says(says("one", 1, 2));
      test.second.says(says("one", 1, 2));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([1.5, 3, "verified"]);
      const [price] = await test.prices("one");
      expect(price?.markup_ppm).to.equal(500_000);
      await test.run();
      expect(await test.prices("one")).to.have.length(1);
      test.first.says(says("one", 2, 4));
      test.second.says(says("one", 2, 4));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([3, 6, "verified"]);
    });

    it("change what is charged when they change, even in a conflict, and where nobody says anything", async () => {
      await openWith(0);
      test.first.says(says("one", 1, 2), says("two", 1, 2), says("own", 1, 2));
      test.second.says(says("one", 1, 2), says("two", 1, 2));
      await test.run();
      test.first.says(says("two", 8, 9), says("own", 1, 2), says("one", 1, 2));
      await test.run();
      expect(await test.reviews("open")).to.have.length(1);
      await openWith(100, test);
      await test.run([]);
      expect(await test.inForce("one")).to.deep.equal([2, 4, "verified"]);
      expect((await test.inForce("two"))?.slice(0, 2)).to.deep.equal([2, 4]);
      expect(await test.reviews("open")).to.have.length(1);
      await test.run([]);
      expect(await test.prices("two")).to.have.length(2);
      await openWith(0, test);
      await test.run([]);
      expect((await test.inForce("two"))?.slice(0, 2)).to.deep.equal([1, 2]);
      expect((await test.inForce("own"))?.slice(0, 2)).to.deep.equal([1, 2]);
    });

    it("are not added to what the operator says", async () => {
      await openWith(50);
      valueOf(await test.monitor.setByHand(byHand("one", 1, 2), BY));
      expect(await test.inForce("one")).to.deep.equal([1, 2, "manual"]);
      expect(test.clock.now_ms).to.equal(START_MS);
    });
  });
}
