import { SHARED_TENANT_ID } from "@budget/domain";
import { ALL_TENANTS, PriceRepository, TenantRepository } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { v7 } from "uuid";
import { BY, TestMonitor, components, says, valueOf } from "./support.ts";

const WHY = "The maker's page says so.";

for (const kind of TEST_DATABASES) {
  describe(`deciding price reviews on ${kind.name}`, () => {
    let test: TestMonitor;
    let review_id: string;
    beforeEach(async () => {
      test = await TestMonitor.open(kind);
      test.first.says(says("one", 3, 15));
      test.second.says(says("one", 3, 15));
      await test.run();
      test.second.says(says("one", 4, 15));
      await test.run();
      review_id = (await test.reviews("open"))[0]?.review_id ?? "";
    });
    afterEach(() => test.close());

    /** Runs, and does something once, after the run has read the reviews, before it writes. */
    async function runWhile(work: () => Promise<void>): Promise<void> {
      const seen = { areReviewsRead: false, isDone: false };
      const see = (_rows: unknown, { sql }: { sql: string }): void => {
        seen.areReviewsRead ||= /from [`"]price_reviews/.test(sql);
      };
      test.database.knex.on("query-response", see);
      test.whileResting = async () => {
        if (!seen.areReviewsRead || seen.isDone) return;
        seen.isDone = true;
        await work();
      };
      await test.run();
      test.database.knex.off("query-response", see);
      expect(seen.isDone).to.equal(true);
    }

    const decide = (decision: Parameters<TestMonitor["monitor"]["decide"]>[1]) =>
      test.monitor.decide(review_id, decision, "ada", WHY, BY);

    it("takes a source's price from now on, with its evidence, who and why", async () => {
      const review = valueOf(await decide({ kind: "accept", source: "second" }));
      expect(review).to.deep.include({ status: "accepted", decided_by: "ada", why: WHY });
      const [before, after] = await test.prices("one");
      expect(before?.end_ms).to.equal(test.clock.now_ms);
      expect(after).to.deep.include({
        effective_ms: test.clock.now_ms,
        end_ms: null,
        source: "second",
        status: "manual",
        verified: true,
        evidence: [review.candidates.find(({ source }) => source === "second")?.observation_id],
      });
      expect(await test.inForce("one")).to.deep.equal([4, 15, "manual"]);
    });

    it("takes a price that was entered", async () => {
      const entered = components({ input_tokens: 3.5, output_tokens: 14 });
      expect(valueOf(await decide({ kind: "enter", components: entered })).status).to.equal("entered");
      expect(await test.inForce("one")).to.deep.equal([3.5, 14, "manual"]);
    });

    it("leaves what is charged where it is rejected", async () => {
      expect(valueOf(await decide({ kind: "reject" })).status).to.equal("rejected");
      expect(await test.inForce("one")).to.deep.equal([3, 15, "verified"]);
      expect(await test.prices("one")).to.have.length(1);
    });

    for (const decision of [
      { kind: "accept", source: "second" },
      { kind: "enter", components: components({ input_tokens: 3.5, output_tokens: 14 }) },
      { kind: "reject" },
    ] as const) {
      it(`remembers a decision (${decision.kind}) as long as the sources say the same`, async () => {
        valueOf(await decide(decision));
        const decided = await test.inForce("one");
        const alerts = await test.alerts();
        await test.run();
        await test.run();
        expect(await test.inForce("one")).to.deep.equal(decided);
        expect(await test.reviews("open")).to.be.empty;
        expect(await test.alerts()).to.deep.equal(alerts);
        test.second.says(says("one", 5, 15));
        await test.run();
        expect(await test.reviews("open")).to.have.length(1);
      });
    }

    it("gives a decided price up to sources that come to agree on another one", async () => {
      valueOf(await decide({ kind: "accept", source: "second" }));
      test.first.says(says("one", 3.2, 15));
      test.second.says(says("one", 3.2, 15));
      await test.run();
      expect(await test.inForce("one")).to.deep.equal([3.2, 15, "verified"]);
    });

    for (const [what, decision, decided] of [
      ["accepts", { kind: "accept", source: "second" }, [4, 15, "manual"]],
      ["rejects", { kind: "reject" }, [3, 15, "verified"]],
    ] as const) {
      it(`is not overwritten by a run that read the review before a person ${what} a price`, async () => {
        test.second.says(says("one", 5, 15));
        await runWhile(async () => {
          valueOf(await decide(decision));
        });
        const [review, ...others] = await test.reviews();
        expect(others).to.be.empty;
        expect(review).to.deep.include({ decided_by: "ada", why: WHY });
        expect(review?.status).to.equal(`${decision.kind}ed`);
        expect(await test.inForce("one")).to.deep.equal(decided);
        await test.run();
        expect(await test.reviews("open")).to.have.length(1);
      });
    }

    it("leaves a price that another server added or changed while a run read", async () => {
      const prices = new PriceRepository(test.database);
      const [one] = await test.prices("one");
      const own = {
        ...one!,
        pricing_id: v7({ msecs: test.clock.now_ms }),
        model: "new",
        status: "manual" as const,
      };
      test.third.says(says("new", 1, 2), says("one", 3, 15));
      test.second.says(says("one", 3, 15));
      await runWhile(() =>
        test.database.transaction(ALL_TENANTS, async (transaction) => {
          const tenants = new TenantRepository(test.database);
          const version = await tenants.bumpCatalogVersion(transaction, SHARED_TENANT_ID);
          await prices.insertMany(transaction, [own], version);
          await prices.updateMany(transaction, [{ ...one!, status: "manual", evidence: [] }], version);
        }),
      );
      expect(await test.prices("new")).to.deep.equal([own]);
      expect((await test.prices("one"))[0]).to.deep.include({ status: "manual", evidence: [] });
    });

    it("refuses sources that say nothing, reviews that are closed, and those that there are not", async () => {
      const codeOf = (outcome: Awaited<ReturnType<typeof decide>>) =>
        outcome.ok ? "ok" : outcome.rejection.code;
      expect(codeOf(await decide({ kind: "accept", source: "third" }))).to.equal("invalid_value");
      expect(codeOf(await decide({ kind: "reject" }))).to.equal("ok");
      expect(codeOf(await decide({ kind: "reject" }))).to.equal("price_review_closed");
      review_id = "00000000-0000-7000-8000-000000000000";
      expect(codeOf(await decide({ kind: "reject" }))).to.equal("price_review_not_found");
    });
  });
}
