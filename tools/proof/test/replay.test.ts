import { expect } from "chai";
import type { Facts } from "../src/facts.ts";
import { replay } from "../src/replay.ts";
import { SyntheticHistory, tokens } from "./synthetic-history.ts";

const HOUR_MS = 3_600_000;

/** One budget `b` with a policy `p` of 1000 tokens. */
const oneBudget = (): SyntheticHistory => new SyntheticHistory().budget("b").limit("p", "b", 1000);

const kindsIn = (facts: Facts): readonly string[] => replay(facts).findings.map(({ kind }) => kind);

describe("the replay of a history", () => {
  it("finds nothing where everything was right, and counts it", () => {
    const history = oneBudget()
      .grant("a1", "b", 600)
      .nextTransaction()
      .grant("a2", "b", 400)
      .refuse("b", 0, { p: [1000, 0, 1000, 100] })
      .nextTransaction()
      .use("a1", "b", 200, false)
      .nextTransaction()
      .use("a1", "b", 100)
      .nextTransaction()
      .close("a2", "b", "released")
      .refuse("b", 700, { p: [1000, 300, 0, 701] })
      .nextTransaction()
      .grant("a3", "b", 600)
      .nextTransaction()
      .extend("a3", "b", 100);
    const verdict = replay(history.facts());
    expect(verdict.findings).to.deep.equal([]);
    expect(verdict.counts).to.include({
      transactions: 8,
      granted: 3,
      extended: 1,
      refused: 2,
      settled: 1,
      released: 1,
      usage_records: 2,
    });
    expect(verdict.policies[0]?.highest.tokens).to.equal(1);
    expect(verdict.room_at_last_refusal.get("b")).to.equal(700n);
  });

  describe("tells a limit that was passed", () => {
    it("by two grants that were decided side by side", () => {
      const history = oneBudget().grant("a1", "b", 600).nextTransaction().grant("a2", "b", 401);
      const { findings } = replay(history.facts());
      expect(findings).to.have.length(1);
      expect(findings[0]).to.include({ kind: "limit passed", sequence: 3 });
      expect(findings[0]?.detail).to.contain("1001 of 1000");
    });

    it("by an extension", () => {
      const history = oneBudget().grant("a1", "b", 600).nextTransaction().extend("a1", "b", 401);
      expect(kindsIn(history.facts())).to.deep.equal(["limit passed"]);
    });

    it("of a budget above", () => {
      const history = new SyntheticHistory()
        .budget("root")
        .budget("b1", "root")
        .budget("b2", "root")
        .limit("p", "root", 1000)
        .limit("p1", "b1", 900)
        .limit("p2", "b2", 900)
        .grant("a1", "b1", 600)
        .nextTransaction()
        .grant("a2", "b2", 600);
      expect(kindsIn(history.facts())).to.deep.equal(["limit passed"]);
    });

    it("by a server that did not know yet of a lowered limit", () => {
      const history = oneBudget().grant("a1", "b", 600).limit("p", "b", 500).close("a1", "b", "released");
      expect(kindsIn(history.facts())).to.deep.equal([]);
      history.nextTransaction().grant("a2", "b", 501);
      expect(kindsIn(history.facts())).to.deep.equal(["limit passed"]);
    });

    it("but not by what was granted before the limit was lowered", () => {
      const history = oneBudget()
        .grant("a1", "b", 600)
        .grant("a2", "b", 400)
        .limit("p", "b", 500)
        .use("a1", "b", 600)
        .nextTransaction()
        .close("a2", "b", "expired");
      expect(kindsIn(history.facts())).to.deep.equal([]);
    });

    it("but not by usage that nothing was held for, which is told apart", () => {
      const history = oneBudget().grant("a1", "b", 600).nextTransaction().use("a1", "b", 1200);
      expect(kindsIn(history.facts())).to.deep.equal(["overage"]);
    });

    it("in the window that it happened in, and in no other", () => {
      const history = new SyntheticHistory().budget("b").limit("p", "b", 1000, "hourly");
      history.grant("a1", "b", 900).nextTransaction().use("a1", "b", 900).nextTransaction();
      history.now_ms += HOUR_MS;
      history.grant("a2", "b", 900).nextTransaction();
      expect(kindsIn(history.facts())).to.deep.equal([]);
      history.grant("a3", "b", 101);
      expect(kindsIn(history.facts())).to.deep.equal(["limit passed"]);
    });
  });

  describe("tells a phantom refusal", () => {
    it("that counted a hold which was released", () => {
      const history = oneBudget()
        .grant("a1", "b", 600)
        .nextTransaction()
        .close("a1", "b", "released")
        .nextTransaction()
        .refuse("b", 400, { p: [1000, 0, 600, 500] });
      const { findings } = replay(history.facts());
      expect(findings.map(({ kind }) => kind)).to.deep.equal(["phantom refusal"]);
      expect(findings[0]).to.include({ sequence: 4 });
    });

    it("that counted a hold past its time, though nothing had expired it", () => {
      const history = oneBudget().grant("a1", "b", 600, 2000).nextTransaction();
      history.now_ms += 1999;
      history.refuse("b", 400, { p: [1000, 0, 600, 500] });
      expect(kindsIn(history.facts())).to.deep.equal([]);
      history.now_ms += 1;
      history.nextTransaction().refuse("b", 400, { p: [1000, 0, 600, 500] });
      expect(kindsIn(history.facts())).to.deep.equal(["phantom refusal"]);
    });

    it("by a server that did not know yet of a raised limit", () => {
      const history = oneBudget()
        .grant("a1", "b", 600)
        .limit("p", "b", 2000)
        .refuse("b", 400, { p: [1000, 0, 600, 500] });
      expect(kindsIn(history.facts())).to.deep.equal(["phantom refusal"]);
    });

    it("that counted the usage of the hour before", () => {
      const history = new SyntheticHistory().budget("b").limit("p", "b", 1000, "hourly");
      history.grant("a1", "b", 900).nextTransaction().use("a1", "b", 900).nextTransaction();
      history.now_ms += HOUR_MS;
      history.refuse("b", 100, { p: [1000, 900, 0, 200] });
      expect(kindsIn(history.facts())).to.deep.equal(["phantom refusal"]);
    });
  });

  describe("tells a refusal that was right and said something untrue", () => {
    const rows = [
      ["of what is used", 400, { p: [1000, 1, 600, 500] }],
      ["of what is held", 400, { p: [1000, 0, 599, 500] }],
      ["of the limit", 400, { p: [999, 0, 600, 500] }],
      ["of what would fit", 399, { p: [1000, 0, 600, 500] }],
      ["of a policy that had room", 400, { p: [1000, 0, 600, 500], roomy: [5000, 0, 600, 500] }],
    ] as const;
    for (const [what, tokens_that_fit, sums] of rows) {
      it(what, () => {
        const history = oneBudget()
          .limit("roomy", "b", 5000)
          .grant("a1", "b", 600)
          .nextTransaction()
          .refuse("b", tokens_that_fit, sums);
        expect(kindsIn(history.facts())).to.deep.equal(["untrue refusal"]);
      });
    }

    it("by leaving out a policy that had no room", () => {
      const history = oneBudget()
        .limit("also", "b", 900)
        .grant("a1", "b", 600)
        .nextTransaction()
        .refuse("b", 300, { p: [1000, 0, 600, 500] });
      expect(kindsIn(history.facts())).to.deep.equal(["untrue refusal"]);
    });
  });

  it("goes by the order of sequences, not by that of transactions", () => {
    const history = oneBudget()
      .grant("a1", "b", 600)
      .nextTransaction()
      .close("a1", "b", "released")
      .nextTransaction()
      .grant("a2", "b", 900);
    const facts = history.facts();
    expect(kindsIn(facts)).to.deep.equal([]);
    const [created, granted, released, granted_again] = facts.events;
    const swapped = [created!, granted!, granted_again!, released!];
    expect(kindsIn({ ...facts, events: swapped })).to.deep.equal(["limit passed"]);
  });

  it("counts the changes of a limit that another server was the first to decide under", () => {
    const history = oneBudget()
      .limit("p", "b", 900)
      .grant("a1", "b", 100)
      .limit("p", "b", 800)
      .grant("a2", "b", 100);
    const servers = new Map(
      history.events.map(({ transaction_id, subject_id }) => [
        transaction_id,
        subject_id === "a1" ? "server 2" : "server 1",
      ]),
    );
    const { counts } = replay({ ...history.facts(), servers });
    expect(counts).to.include({ policies_lowered: 2, policies_bound_elsewhere: 1 });
  });

  describe("tells a history that is not of one piece", () => {
    it("where a row is not what its events led to, as after a lost update", () => {
      const history = oneBudget().grant("a1", "b", 600).nextTransaction().use("a1", "b", 100, false);
      const change = history.allocations.at(-1)!;
      history.allocations[1] = { ...change, after: { ...change.after, used: tokens(50) } };
      expect(kindsIn(history.facts())).to.deep.equal(["inconsistent history"]);
    });

    it("where an event has no row", () => {
      const history = oneBudget().grant("a1", "b", 600);
      expect(kindsIn({ ...history.facts(), allocations: [] })).to.include("inconsistent history");
    });

    it("where a row has no event", () => {
      const history = oneBudget().grant("a1", "b", 600).nextTransaction().use("a1", "b", 100);
      const events = history.events.filter(({ event_type }) => event_type !== "usage.recorded");
      expect(kindsIn({ ...history.facts(), events })).to.include("inconsistent history");
    });

    it("where the rows that are there in the end are others", () => {
      const facts = oneBudget().grant("a1", "b", 600).facts();
      expect(kindsIn({ ...facts, final_allocations: new Map() })).to.deep.equal(["inconsistent history"]);
      const final_usage = { ...tokens(1), records: 1 };
      expect(kindsIn({ ...facts, final_usage })).to.include("inconsistent history");
      expect(kindsIn({ ...facts, rewritten_usage: ["usage 1"] })).to.deep.equal(["inconsistent history"]);
    });
  });
});
