import { TEST_DATABASES } from "@budget/repositories/testing";
import {
  ALL_TENANTS,
  ModelRepository,
  PriceObservationRepository,
  PriceRunRepository,
} from "@budget/repositories";
import { expect } from "chai";
import { v7 } from "uuid";
import {
  BY,
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  START_MS,
  TestMonitor,
  components,
  dollarsOf,
  reading,
  says,
  valueOf,
} from "./support.ts";

for (const kind of TEST_DATABASES) {
  describe(`price monitor on ${kind.name}`, () => {
    let test: TestMonitor;
    beforeEach(async () => (test = await TestMonitor.open(kind)));
    afterEach(() => test.close());

    it("applies what sources agree on, with its evidence, and changes nothing the second time", async () => {
      test.first.says(says("one", 3, 15));
      test.second.says(says("one", 3, 15));
      const run = await test.run();
      const [price, ...others] = await test.prices("one");
      expect(others).to.be.empty;
      expect(price).to.deep.include({ status: "verified", verified: true, source: "first", effective_ms: 0 });
      expect(price?.evidence).to.have.length(2);
      expect(run.report?.verification).to.deep.include({ things: 1, verified: 1, prices_added: 1 });
      expect(
        run.report?.sources.map(({ outcome, new: added, agreed }) => [outcome, added, agreed]),
      ).to.deep.equal([
        ["read", 1, 1],
        ["read", 1, 1],
        ["not_modified", 0, 0],
      ]);

      const again = await test.run();
      expect(again.report?.verification).to.deep.include({ prices_added: 0, prices_changed: 0 });
      expect(again.report?.sources.map(({ new: added, changed }) => added + changed)).to.deep.equal([
        0, 0, 0,
      ]);
      expect(await test.prices("one")).to.deep.equal([price]);
      expect(await test.alerts()).to.be.empty;
    });

    it("closes a price and follows it by a dated one, announced once", async () => {
      test.first.says(says("one", 3, 15), says("two", 1, 2));
      test.second.says(says("one", 3, 15), says("two", 1, 2));
      await test.run();
      test.first.says(says("one", 2, 10), says("two", 1, 2));
      test.second.says(says("one", 2, 10), says("two", 1, 2));
      const run = await test.run();
      expect(run.report?.verification.prices_changed).to.equal(1);
      const prices = await test.prices("one");
      expect(prices.map(({ effective_ms, end_ms }) => [effective_ms, end_ms])).to.deep.equal([
        [0, test.clock.now_ms],
        [test.clock.now_ms, null],
      ]);
      expect(await test.inForce("one")).to.deep.equal([2, 10, "verified"]);
      expect(await test.inForce("two")).to.deep.equal([1, 2, "verified"]);
      await test.run();
      expect(await test.alerts()).to.deep.equal([
        { kind: "price_changed", message: "1 price has changed: acme/one." },
      ]);
    });

    it("keeps the price in force in a conflict, with one alert for all runs, and settles it when sources agree", async () => {
      test.first.says(says("one", 3, 15));
      test.second.says(says("one", 3, 15));
      await test.run();
      test.second.says(says("one", 4, 15));
      const run = await test.run();
      expect(run.report?.verification).to.deep.include({
        conflict: 1,
        prices_held_back: 1,
        reviews_opened: 1,
      });
      expect(await test.inForce("one")).to.deep.equal([3, 15, "verified"]);
      test.second.says(says("one", 5, 15));
      await test.run();
      await test.run();
      const [review, ...others] = await test.reviews();
      expect(others).to.be.empty;
      expect(review).to.deep.include({ kind: "conflict", status: "open", provider: "acme", model: "one" });
      expect(
        review?.candidates.map(({ source, address, components: [input] }) => [
          source,
          address,
          input?.amount_femto_usd,
        ]),
      ).to.deep.equal([
        ["first", "https://first.example/prices", 3_000_000_000n],
        ["second", "https://second.example/prices", 5_000_000_000n],
      ]);
      expect((await test.alerts()).map(({ kind: what }) => what)).to.deep.equal(["price_review"]);
      test.second.says(says("one", 3, 15));
      const settled = await test.run();
      expect(settled.report?.verification.reviews_settled).to.equal(1);
      expect((await test.reviews()).map(({ status }) => status)).to.deep.equal(["settled"]);
    });

    it("charges the highest amount where nothing was charged before a conflict", async () => {
      test.first.says(says("one", 3, 15));
      test.second.says(says("one", 4, 12));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([4, 15, "conflict"]);
    });

    it("is not moved by a price that is 1000 times too high, wherever it comes from", async () => {
      for (const source of [test.first, test.second, test.third])
        source.says(says("one", 3, 15), says("two", 1, 2));
      await test.run();
      for (const poisoned of [test.first, test.second, test.third]) {
        const before = poisoned.answer;
        poisoned.says(says("one", 3000, 15_000), says("two", 1, 2));
        const run = await test.run();
        expect(run.report?.sources.find(({ source }) => source === poisoned.name)?.rejected).to.equal(1);
        expect(await test.inForce("one")).to.deep.equal([3, 15, "verified"]);
        poisoned.answer = before;
      }
      expect(await test.reviews()).to.be.empty;
    });

    it("goes on after an amount below 0, which is shown and never charged", async () => {
      test.first.says(says("one", 3, 15), says("two", -1, 2));
      test.second.says(says("one", 3, 15), says("two", 1, -2));
      await test.run();
      test.second.says(says("one", 4, 15), says("two", 1, -2));
      test.third.says(says("one", 4, 15));
      const run = await test.run();
      expect(run.report?.verification).to.deep.include({ things: 2, rejected: 1 });
      expect(await test.inForce("one")).to.deep.equal([4, 15, "verified_with_dissent"]);
      expect(await test.inForce("two")).to.equal(null);
      const [review, ...others] = await test.reviews("open");
      expect(others).to.be.empty;
      expect(review?.candidates.map(({ components: said }) => dollarsOf(said))).to.deep.equal([
        [-1, 2],
        [1, -2],
      ]);
      const accept = { kind: "accept", source: "first" } as const;
      const decided = await test.monitor.decide(review!.review_id, accept, "ada", "It is a credit.", BY);
      expect(decided.ok ? null : decided.rejection.code).to.equal("invalid_value");
      await test.run();
      expect(await test.prices("two")).to.be.empty;
    });

    it("guards many small changes as the large one that they are", async () => {
      let input = 0.1;
      for (let step = 0; step < 7; step += 1) {
        test.third.says(says("one", input, 500));
        await test.run();
        input *= 3.4;
      }
      expect(await test.inForce("one")).to.deep.equal([0.34, 500, "provisional"]);
      expect((await test.reviews("open")).map(({ kind: why }) => why)).to.deep.equal(["guarded_change"]);
      test.clock.now_ms += 31 * DAY_MS;
      test.third.says(says("one", 1.156, 500));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([1.156, 500, "provisional"]);
    });

    it("keeps a reset of trust that comes while a source is read, whatever becomes of it", async () => {
      const names = Array.from({ length: 40 }, (_, index) => `model-${index}`);
      for (const source of [test.first, test.second]) source.says(...names.map((name) => says(name, 3, 15)));
      await test.run();
      const { answer } = test.first;
      for (const next of [
        answer,
        { status: "not_modified" },
        { status: "failed", fault: "HTTP", detail: "It does not." },
      ] as const) {
        test.first.answer = answer;
        test.first.read = async () => {
          valueOf(await test.monitor.resetTrust("first", BY));
          return next;
        };
        await test.run(["first"]);
        const [state] = await test.monitor.sources();
        expect(state, next.status).to.deep.include({ trust_ppm: 900_000, agreed: 0, differed: 0 });
        expect(state?.attempted_at_ms).to.equal(test.clock.now_ms);
      }
    });

    it("measures changes from what a person decided", async () => {
      test.third.says(says("one", 1, 50));
      await test.run();
      test.third.says(says("one", 20, 50));
      await test.run();
      const [review] = await test.reviews("open");
      const accept = { kind: "accept", source: "third" } as const;
      valueOf(await test.monitor.decide(review!.review_id, accept, "ada", "The maker's page says so.", BY));
      test.second.says(says("one", 25, 50));
      test.third.says(says("one", 25, 50));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([25, 50, "verified"]);
    });

    it("asks about a part that one source alone names, and charges the rest", async () => {
      for (const source of [test.first, test.second]) source.says(says("one", 3, 15));
      await test.run();
      test.first.says(says("one", 4, 15));
      test.second.says(says("one", 4, 15));
      test.third.says(
        says("one", 4, 15, {
          components: components({ input_tokens: 4, output_tokens: 15, requests: 5000 }),
        }),
      );
      await test.run();
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([4, 15, "verified"]);
      expect((await test.reviews("open")).map(({ kind: why }) => why)).to.deep.equal(["unconfirmed_change"]);
      const asked = (await test.alerts()).filter(({ kind: what }) => what === "price_review");
      expect(asked.map(({ message }) => message)).to.deep.equal([
        "The price of acme/one needs a review. One source alone says that it changed, or that it has a part which no other source names; that is not charged.",
      ]);
    });

    it("is not moved by two sources of one lineage that are wrong together", async () => {
      const copier = { ...says("one", 30, 150) };
      for (const source of [test.first, test.second, test.third]) source.says(says("one", 3, 15));
      await test.run();
      Object.assign(test.second, { lineage: "third" });
      Object.assign(test.third, { lineage: "third" });
      test.second.says(copier);
      test.third.says(copier);
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([3, 15, "verified"]);
      expect((await test.reviews()).map(({ kind: why }) => why)).to.deep.equal(["conflict"]);
    });

    it("keeps what a source said while it fails, waits longer each time, and tells people once", async () => {
      test.first.says(says("one", 3, 15));
      await test.run();
      test.first.fails("HTTP", "The server answered 500.");
      const waits: number[] = [];
      for (let attempt = 0; attempt < 5; attempt += 1) {
        await test.run();
        const [state] = await test.monitor.sources();
        waits.push(((state?.due_at_ms ?? 0) - test.clock.now_ms) / MINUTE_MS);
      }
      expect(waits).to.deep.equal([2, 4, 8, 16, 32]);
      expect(await test.inForce("one")).to.deep.equal([3, 15, "provisional"]);
      const [state] = await test.monitor.sources();
      expect(state).to.deep.include({ failures: 5, fault: "HTTP", detail: "The server answered 500." });
      expect((await test.alerts()).map(({ kind: what }) => what)).to.deep.equal(["price_source_unhealthy"]);
      test.first.says(says("one", 3, 15));
      await test.run();
      expect((await test.monitor.sources())[0]).to.deep.include({ failures: 0, fault: null, detail: null });
    });

    it("tells people at once of a page that changed its form, and believes nothing of it", async () => {
      test.first.says(says("one", 3, 15));
      await test.run();
      test.first.fails("MISSING_REQUIRED", "There is no column for output; there are Model, Price.");
      await test.run();
      await test.run();
      expect(await test.alerts()).to.deep.equal([
        {
          kind: "price_source_unhealthy",
          message:
            "The price source first gives no prices (MISSING_REQUIRED): There is no column for output; there are Model, Price. Its last good prices stay in use.",
        },
      ]);
      expect(await test.inForce("one")).to.deep.equal([3, 15, "provisional"]);
    });

    it("believes nothing of a source that lost more than a fifth of its rows", async () => {
      const names = Array.from({ length: 10 }, (_, index) => `model-${index}`);
      test.first.says(...names.map((name) => says(name, 3, 15)));
      await test.run();
      test.first.says(...names.slice(0, 7).map((name) => says(name, 4, 15)));
      const run = await test.run(["first"]);
      expect(run.report?.sources[0]).to.deep.include({
        outcome: "failed",
        fault: "LOW_ROWS",
        detail:
          "It has 7 of the 10 prices that it had. If that is right, ask for it by its name once it has failed 3 times in a row.",
      });
      expect(await test.inForce("model-0")).to.deep.equal([3, 15, "provisional"]);
      test.first.says(...names.slice(0, 8).map((name) => says(name, 4, 15)));
      await test.run(["first"]);
      expect(await test.inForce("model-0")).to.deep.equal([4, 15, "provisional"]);
      // What no source says any more is still charged: usage of it may come in.
      expect(await test.inForce("model-9")).to.deep.equal([3, 15, "provisional"]);
    });

    it("believes a source that has other rows than before once a person asks for it after 3 failures", async () => {
      const names = Array.from({ length: 10 }, (_, index) => `model-${index}`);
      test.first.says(...names.map((name) => says(name, 3, 15)));
      await test.run(["first"]);
      test.first.says(...names.map((name) => says(`new-${name}`, 4, 15)));
      for (let failures = 1; failures <= 4; failures += 1) {
        test.clock.now_ms += DAY_MS;
        const run = valueOf(await test.monitor.run("schedule", ["first"]));
        expect(run.report?.sources[0]?.fault).to.equal("LOW_ROWS");
      }
      expect((await test.run(["first"])).report?.sources[0]).to.deep.include({ outcome: "read", new: 10 });
      expect(await test.inForce("new-model-0")).to.deep.equal([4, 15, "provisional"]);
    });

    it("keeps every observation, withdrawn ones with the time, and the source's own row", async () => {
      test.first.says(says("one", 3, 15));
      await test.run();
      const first_ms = test.clock.now_ms;
      test.first.says(says("one", 4, 15));
      await test.run();
      const kept = await new PriceObservationRepository(test.database).ofModels([
        { provider: "acme", model: "one" },
      ]);
      expect(
        kept.map(({ source, raw, observed_at_ms, withdrawn_at_ms }) => [
          source,
          raw,
          observed_at_ms,
          withdrawn_at_ms,
        ]),
      ).to.deep.equal([
        ["first", { model: "one", input: 3, output: 15 }, first_ms, test.clock.now_ms],
        ["first", { model: "one", input: 4, output: 15 }, test.clock.now_ms, null],
      ]);
    });

    it("goes on where it was interrupted", async () => {
      test.first.says(says("one", 3, 15), says("two", 1, 2));
      test.second.says(says("one", 3, 15));
      await test.run();
      test.first.says(says("one", 2, 10), says("two", 1, 2));
      test.second.says(says("one", 2, 10));
      // The server dies after it has written what is new, before it withdraws what is old.
      const observations = new PriceObservationRepository(test.database);
      const kept = await observations.ofModels([{ provider: "acme", model: "one" }]);
      const old = kept.find(({ source }) => source === "first");
      if (old === undefined) throw new Error("nothing was kept");
      await test.database.transaction(ALL_TENANTS, (transaction) =>
        observations.insertMany(transaction, [
          {
            ...old,
            observation_id: v7({ msecs: test.clock.now_ms + 1 }),
            components: components({ input_tokens: 2, output_tokens: 10 }),
          },
        ]),
      );
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([2, 10, "verified"]);
      const said = await observations.stillSaid("first", "", 100);
      expect(said.filter(({ model }) => model === "one")).to.have.length(1);
    });

    it("lets one run go on at a time, and forgets one whose server died", async () => {
      let finish: () => void = () => undefined;
      const waiting = new Promise<void>((resolve) => (finish = resolve));
      test.first.read = () => waiting.then(() => ({ status: "not_modified" }));
      const going = test.monitor.run("request", ["first"]);
      await new Promise((resolve) => setImmediate(resolve));
      for (;;) {
        const { total } = await test.monitor.runs({});
        if (total === 1) break;
      }
      const second = await test.monitor.run("request", ["second"]);
      expect(second.ok ? null : second.rejection.code).to.equal("price_run_active");
      test.clock.now_ms += HOUR_MS;
      valueOf(await test.monitor.run("request", ["second"]));
      finish();
      valueOf(await going);
    });

    it("takes a source that cannot be read, or whose prices cannot be kept, for one that failed", async () => {
      test.first.says(says("one", 3, 15));
      test.second.says(says("one", 3, 15));
      await test.run();
      test.first.read = () => Promise.reject(new Error("https://user:secret@first.example"));
      test.second.says(says("one", 3, 15), says("two", 1, 2, { price_type: null as never }));
      test.third.says(says("one", 3, 15), says("three", 5, 6));
      const run = await test.run();
      const reports = run.report?.sources.map(({ outcome, fault, detail }) => [outcome, fault, detail]);
      const failed = "Reading it, or keeping what it says, failed with";
      expect(reports?.[0]).to.deep.equal(["failed", "NOT_READABLE", `${failed} Error.`]);
      expect(reports?.[1]?.slice(0, 2)).to.deep.equal(["failed", "NOT_READABLE"]);
      expect(reports?.[2]).to.deep.equal(["read", null, null]);
      expect(await test.inForce("one")).to.deep.equal([3, 15, "verified"]);
      expect(await test.inForce("three")).to.deep.equal([5, 6, "provisional"]);
      for (const { source, failures, due_at_ms, etag } of await test.monitor.sources())
        expect([failures, due_at_ms, etag], source).to.deep.equal(
          source === "third"
            ? [0, test.clock.now_ms + HOUR_MS, '"2"']
            : [1, test.clock.now_ms + 2 * MINUTE_MS, '"1"'],
        );
    });

    it("ends a run that fails, and those that an earlier server died over", async () => {
      const away = Object.assign(new Error("the database stands still"), { code: "57014" });
      test.first.read = () => Promise.reject(away);
      const failed = await test.monitor.run("request", ["first"]).catch((error: unknown) => String(error));
      expect(failed).to.equal("Error: the database stands still");
      await test.run(["second"]);
      const repository = new PriceRunRepository(test.database);
      const left = {
        run_id: v7({ msecs: test.clock.now_ms + 1 }),
        trigger: "schedule" as const,
        started_at_ms: test.clock.now_ms,
        ended_at_ms: null,
        report: null,
      };
      await test.database.transaction(ALL_TENANTS, (transaction) => repository.create(transaction, left));
      const stopped = await test.monitor.run("request", ["second"]);
      expect(stopped.ok ? null : stopped.rejection.code).to.equal("price_run_active");
      await test.monitor.endInterrupted();
      valueOf(await test.monitor.run("request", ["second"]));
      expect((await repository.getById(left.run_id))?.ended_at_ms).to.equal(test.clock.now_ms);
    });

    it("reads only what is due, and says when something is", async () => {
      expect(await test.monitor.isDue()).to.be.true;
      valueOf(await test.monitor.run("schedule"));
      expect([test.first, test.second, test.third].map(({ asked }) => asked.length)).to.deep.equal([1, 1, 1]);
      expect(await test.monitor.isDue()).to.be.false;
      await test.run(["second"]);
      test.clock.now_ms = START_MS + HOUR_MS;
      const run = valueOf(await test.monitor.run("schedule"));
      expect(run.report?.sources.map(({ source }) => source)).to.deep.equal(["first", "third"]);
      const unknown = await test.monitor.run("request", ["fourth"]);
      expect(unknown.ok ? null : unknown.rejection.code).to.equal("price_source_not_found");
    });

    it("asks a source only for what changed", async () => {
      test.first.says(says("one", 3, 15));
      await test.run();
      await test.run();
      expect(test.first.asked).to.deep.equal([
        { etag: null, last_modified: null },
        { etag: '"1"', last_modified: null },
      ]);
    });

    it("votes again when a dated price begins", async () => {
      const change_ms = START_MS + DAY_MS;
      test.first.says(
        says("one", 3, 15, { end_ms: change_ms }),
        says("one", 4, 20, { effective_ms: change_ms }),
      );
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([3, 15, "provisional"]);
      test.clock.now_ms = START_MS + HOUR_MS - 1;
      expect(await test.monitor.isDue()).to.be.false;
      test.clock.now_ms = change_ms;
      for (const source of [test.first, test.second, test.third]) source.answer = { status: "not_modified" };
      valueOf(await test.monitor.run("schedule"));
      expect(await test.inForce("one")).to.deep.equal([4, 20, "provisional"]);
    });

    it("moves trust slowly by who was right, only where something new was said, and resets it", async () => {
      const names = Array.from({ length: 40 }, (_, index) => `model-${index}`);
      test.first.says(...names.map((name) => says(name, 3, 15)));
      test.second.says(...names.map((name) => says(name, 3, 15)));
      test.third.says(...names.map((name, index) => says(name, index % 2 === 0 ? 3 : 4, 15)));
      await test.run();
      const trust = async () => (await test.monitor.sources()).map(({ trust_ppm }) => trust_ppm);
      expect(await trust()).to.deep.equal([905_000, 810_000, 690_000]);
      await test.run();
      expect(await trust()).to.deep.equal([905_000, 810_000, 690_000]);
      expect((await test.monitor.sources())[2]).to.deep.include({ agreed: 20, differed: 20 });
      valueOf(await test.monitor.resetTrust("third", BY));
      expect((await test.monitor.sources())[2]).to.deep.include({
        trust_ppm: 700_000,
        agreed: 0,
        differed: 0,
      });
    });

    it("never verifies a name that moves from model to model, and asks nobody about it", async () => {
      test.first.says(says("big-latest", 2, 6));
      test.second.says(says("big-latest", 0.5, 1.5));
      await test.run();
      expect(await test.inForce("big-latest")).to.deep.equal([2, 6, "provisional"]);
      expect(await test.reviews()).to.be.empty;
    });

    it("keeps the other names of models, and what they can do", async () => {
      const can = {
        context_tokens: 200_000,
        max_output_tokens: 64_000,
        tools: true,
        vision: null,
        reasoning: false,
      };
      test.first.saysAll(
        reading([says("one", 3, 15)], {
          aliases: [{ provider: "acme", alias: "latest", model: "one" }],
          capabilities: [{ provider: "acme", model: "one", ...can }],
        }),
      );
      await test.run();
      const models = new ModelRepository(test.database);
      expect(await models.sharedAliases()).to.deep.equal([
        { provider: "acme", alias: "latest", model: "one" },
      ]);
      expect(await models.capabilities()).to.deep.equal([{ provider: "acme", model: "one", ...can }]);
      test.first.saysAll(
        reading([says("one", 3, 15)], {
          capabilities: [{ provider: "acme", model: "one", ...can, vision: true }],
        }),
      );
      await test.run();
      expect(await models.capabilities("first")).to.deep.equal([
        { provider: "acme", model: "one", ...can, vision: true },
      ]);
    });
  });
}
