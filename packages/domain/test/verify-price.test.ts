import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import {
  failedGate,
  verifyPrice,
  type PriceComponent,
  type PriceInForce,
  type PriceStatus,
  type UsageUnit,
  type Witness,
} from "../src/index.ts";

/** Prices in nano-USD for a million tokens, which is the same number as femto-USD for one. */
const priced = (amounts: Partial<Record<UsageUnit, number>>, above_input_tokens = 0): PriceComponent[] =>
  Object.entries(amounts).map(([unit, dollars]) => ({
    unit: unit as UsageUnit,
    amount_femto_usd: BigInt(Math.round(dollars * 1_000_000_000)),
    above_input_tokens,
  }));

/** Input and output in dollars for a million tokens. */
const inOut = (input: number, output: number): PriceComponent[] =>
  priced({ input_tokens: input, output_tokens: output });

const TRUST: Readonly<Record<string, number>> = {
  genai_prices: 900_000,
  models_dev: 800_000,
  litellm: 700_000,
  llm_prices: 700_000,
  portkey: 700_000,
};

const witness = (source: string, components: PriceComponent[], more: Partial<Witness> = {}): Witness => ({
  source,
  lineage: source,
  trust_ppm: TRUST[source] ?? 500_000,
  observation_id: `of ${source}`,
  components,
  past: [],
  future: [],
  ...more,
});

const inForce = (
  components: PriceComponent[],
  status: PriceStatus = "provisional",
  earlier: PriceComponent[] = [],
): PriceInForce => ({ components, status, earlier });

const dollars = (components: readonly PriceComponent[] | null): number[] | null =>
  components === null ? null : components.map(({ amount_femto_usd }) => Number(amount_femto_usd) / 1e9);

describe("gates", () => {
  const CASES: readonly [what: string, components: PriceComponent[], gate: string | undefined][] = [
    ["an ordinary price", inOut(3, 15), undefined],
    ["a free one", inOut(0, 0), undefined],
    ["a model that puts nothing out", inOut(0.1, 0), undefined],
    ["output at half of input", inOut(2, 1), undefined],
    ["output below half of input", inOut(1.41, 0.35), "inverted"],
    ["a negative amount", inOut(-1, 15), "negative"],
    ["a million tokens at $1,000", inOut(1000, 1000), undefined],
    ["a million tokens above $1,000", inOut(15_000, 60_000), "range"],
    ["an image above $0.001", priced({ output_images: 40_000 }), undefined],
    ["an image at $6", priced({ output_images: 6_000_000 }), undefined],
    ["an image above $6", priced({ output_images: 6_000_001 }), "range"],
    ["a request above $0.6", priced({ requests: 600_001 }), "range"],
    ["a search above $0.35", priced({ web_searches: 350_001 }), "range"],
    ["a second above $7.5", priced({ output_seconds: 7_500_001 }), "range"],
    ["a page above $0.1", priced({ input_document_pages: 100_001 }), "range"],
    ["a million characters above $1,800", priced({ input_characters: 1801 }), "range"],
    ["cached input above input", priced({ input_tokens: 1, cache_read_tokens: 1.1 }), "cache_above_input"],
    [
      "a tier by itself",
      [...inOut(3, 15), ...priced({ input_tokens: 6, output_tokens: 2.9 }, 200_000)],
      "inverted",
    ],
  ];
  for (const [what, components, gate] of CASES) {
    it(`${gate === undefined ? "let" : "stop"} ${what}`, () => expect(failedGate(components)).to.equal(gate));
  }
});

describe("a vote on a price", () => {
  const CASES: readonly [
    what: string,
    witnesses: readonly Witness[],
    now: PriceInForce | null,
    expected: { status: PriceStatus; charged: number[] | null; objection: string | null },
  ][] = [
    [
      "is verified where two lineages agree",
      [witness("litellm", inOut(3, 15)), witness("models_dev", inOut(3, 15))],
      null,
      { status: "verified", charged: [3, 15], objection: null },
    ],
    [
      "takes amounts within 1 % for the same, and the most trusted one's",
      [witness("litellm", inOut(3, 15)), witness("models_dev", inOut(3.02, 15))],
      null,
      { status: "verified", charged: [3.02, 15], objection: null },
    ],
    [
      "takes a regional premium of a tenth for another price",
      [witness("litellm", inOut(3.3, 16.5)), witness("models_dev", inOut(3, 15))],
      null,
      { status: "conflict", charged: [3.3, 16.5], objection: "conflict" },
    ],
    [
      "is provisional with a single source",
      [witness("litellm", inOut(3, 15))],
      null,
      { status: "provisional", charged: [3, 15], objection: null },
    ],
    [
      "counts copies once, against the third that holds",
      [
        witness("copier", inOut(30, 150), { lineage: "litellm", trust_ppm: 600_000 }),
        witness("litellm", inOut(30, 150)),
        witness("genai_prices", inOut(3, 15)),
      ],
      inForce(inOut(3, 15), "verified"),
      { status: "conflict", charged: null, objection: "conflict" },
    ],
    [
      "needs 60 % of the trust",
      [
        witness("genai_prices", inOut(5.5, 27.5)),
        witness("litellm", inOut(5.5, 27.5)),
        witness("models_dev", inOut(5, 25)),
        witness("portkey", inOut(5, 25)),
      ],
      null,
      { status: "conflict", charged: [5.5, 27.5], objection: "conflict" },
    ],
    [
      "keeps the price in force in a conflict",
      [witness("litellm", inOut(4, 20)), witness("models_dev", inOut(5, 25))],
      inForce(inOut(3, 15), "verified"),
      { status: "conflict", charged: null, objection: "conflict" },
    ],
    [
      "is rejected where every witness is gated",
      [witness("litellm", inOut(15_000, 60_000)), witness("models_dev", inOut(-1, 3))],
      inForce(inOut(3, 15)),
      { status: "rejected", charged: null, objection: "all_gated" },
    ],
    [
      "guards a change above 3.5 times that one source says",
      [witness("litellm", inOut(12, 15))],
      inForce(inOut(3, 15)),
      { status: "provisional", charged: null, objection: "guarded_change" },
    ],
    [
      "guards a change above 3.5 times of what was charged earlier",
      [witness("litellm", inOut(12, 15))],
      inForce(inOut(5, 15), "provisional", inOut(3, 15)),
      { status: "provisional", charged: null, objection: "guarded_change" },
    ],
    [
      "asks a person about a change of 10 times of what was charged earlier",
      [witness("litellm", inOut(30, 15)), witness("models_dev", inOut(30, 15))],
      inForce(inOut(10, 15), "verified", inOut(3, 15)),
      { status: "verified", charged: null, objection: "guarded_change" },
    ],
    [
      "lets two lineages change a price by 4 times",
      [witness("litellm", inOut(12, 15)), witness("models_dev", inOut(12, 15))],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: [12, 15], objection: null },
    ],
    [
      "asks a person about a change of 10 times, whoever says it",
      [witness("litellm", inOut(30, 15)), witness("models_dev", inOut(30, 15))],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: null, objection: "guarded_change" },
    ],
    [
      "asks a person where a price becomes free",
      [witness("litellm", inOut(0, 0)), witness("models_dev", inOut(0, 0))],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: null, objection: "guarded_change" },
    ],
    [
      "lets no single source change a verified price",
      [witness("litellm", inOut(4, 15))],
      inForce(inOut(3, 15), "verified"),
      { status: "provisional", charged: null, objection: "unconfirmed_change" },
    ],
    [
      "lets no single source take a part away from a verified price",
      [witness("litellm", inOut(3, 15))],
      inForce(priced({ input_tokens: 3, output_tokens: 15, cache_read_tokens: 0.3 }), "verified"),
      { status: "provisional", charged: null, objection: "unconfirmed_change" },
    ],
    [
      "lets a single source change what it alone says",
      [witness("litellm", inOut(4, 15))],
      inForce(inOut(3, 15)),
      { status: "provisional", charged: [4, 15], objection: null },
    ],
    [
      "keeps an amount in force to the last digit where somebody still says it",
      [witness("litellm", inOut(3, 15)), witness("models_dev", inOut(3.02, 15))],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: [3, 15], objection: null },
    ],
    [
      "hears no source that still has a price which is over",
      [
        witness("genai_prices", inOut(2, 8), { past: [inOut(10, 40)] }),
        witness("models_dev", inOut(2, 8)),
        witness("llm_prices", inOut(10, 40)),
        witness("portkey", inOut(10, 40)),
      ],
      null,
      { status: "verified_with_dissent", charged: [2, 8], objection: null },
    ],
    [
      "lets no single source call all others stale",
      [
        witness("genai_prices", inOut(0.002, 0.008), { past: [inOut(2, 8)] }),
        witness("models_dev", inOut(2, 8)),
        witness("litellm", inOut(2, 8)),
      ],
      null,
      { status: "verified_with_dissent", charged: [2, 8], objection: null },
    ],
    [
      "lets no single source say of all others that their price is to come",
      [
        witness("genai_prices", inOut(0.75, 3.75), { future: [inOut(1.5, 7.5)] }),
        witness("litellm", inOut(1.5, 7.5)),
        witness("llm_prices", inOut(1.5, 7.5)),
      ],
      null,
      { status: "verified_with_dissent", charged: [1.5, 7.5], objection: null },
    ],
    [
      "keeps a verified price where one source says that it is to come",
      [
        witness("genai_prices", inOut(0.75, 3.75), { future: [inOut(1.5, 7.5)] }),
        witness("litellm", inOut(1.5, 7.5)),
        witness("llm_prices", inOut(1.5, 7.5)),
      ],
      inForce(inOut(1.5, 7.5), "verified"),
      { status: "verified_with_dissent", charged: [1.5, 7.5], objection: null },
    ],
    [
      "hears no source that has a price which is to come, where two others say what holds now",
      [
        witness("genai_prices", inOut(0.75, 3.75), { future: [inOut(1.5, 7.5)] }),
        witness("models_dev", inOut(0.75, 3.75)),
        witness("litellm", inOut(1.5, 7.5)),
        witness("llm_prices", inOut(1.5, 7.5)),
      ],
      null,
      { status: "verified_with_dissent", charged: [0.75, 3.75], objection: null },
    ],
    [
      "judges each component by itself: one that a single source has does not lower the rest",
      [
        witness("litellm", priced({ input_tokens: 3, output_tokens: 15, cache_read_tokens: 0.3 })),
        witness("models_dev", inOut(3, 15)),
      ],
      null,
      { status: "verified", charged: [3, 15, 0.3], objection: null },
    ],
    [
      "puts no part in a verified price that one source alone names",
      [
        witness("litellm", [...inOut(4, 15), ...priced({ requests: 5000 })]),
        witness("models_dev", inOut(4, 15)),
      ],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: [4, 15], objection: "unconfirmed_change" },
    ],
    [
      "puts no context tier in a manual price that one source alone names",
      [
        witness("litellm", [...inOut(3, 15), ...priced({ input_tokens: 900 }, 1)]),
        witness("models_dev", inOut(3, 15)),
      ],
      inForce(inOut(3, 15), "manual"),
      { status: "verified", charged: [3, 15], objection: "unconfirmed_change" },
    ],
    [
      "puts no part in a verified price that sources do not agree on",
      [
        witness("litellm", [...inOut(3, 15), ...priced({ cache_write_tokens: 375 })]),
        witness("models_dev", [...inOut(3, 15), ...priced({ cache_write_tokens: 3.75 })]),
      ],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: [3, 15], objection: "conflict" },
    ],
    [
      "puts a part in a verified price that two sources name",
      [
        witness("litellm", [...inOut(3, 15), ...priced({ cache_write_tokens: 3.75 })]),
        witness("models_dev", [...inOut(3, 15), ...priced({ cache_write_tokens: 3.75 })]),
      ],
      inForce(inOut(3, 15), "verified"),
      { status: "verified", charged: [3, 15, 3.75], objection: null },
    ],
    [
      "takes a part of one source into a new price up to 10 times its base",
      [
        witness("litellm", [...inOut(3, 15), ...priced({ input_tokens: 30, output_tokens: 151 }, 5)]),
        witness("models_dev", inOut(3, 15)),
      ],
      null,
      { status: "verified", charged: [3, 15, 30], objection: "unconfirmed_change" },
    ],
    [
      "takes tokens of sound into a new price up to 100 times their text",
      [
        witness("litellm", [
          ...inOut(1, 5),
          ...priced({ input_audio_tokens: 100, output_audio_tokens: 501 }),
        ]),
        witness("models_dev", inOut(1, 5)),
      ],
      null,
      { status: "verified", charged: [1, 5, 100], objection: "unconfirmed_change" },
    ],
    [
      "takes no part of one source into a new price that the gates would stop in the whole",
      [
        witness("litellm", priced({ cache_read_tokens: 4 })),
        ...["models_dev", "portkey"].map((source) => witness(source, inOut(3, 15))),
      ],
      null,
      { status: "verified", charged: [3, 15], objection: "unconfirmed_change" },
    ],
    [
      "charges nothing where what is agreed on is no price as a whole",
      [
        ...["litellm", "models_dev"].map((source) => witness(source, priced({ input_tokens: 30 }))),
        ...["genai_prices", "portkey"].map((source) => witness(source, priced({ output_tokens: 3 }))),
      ],
      inForce(inOut(3, 15), "verified"),
      { status: "rejected", charged: null, objection: "all_gated" },
    ],
  ];
  for (const [what, witnesses, now, { status, charged, objection }] of CASES) {
    it(what, () => {
      const verdict = verifyPrice(witnesses, now);
      expect([verdict.status, dollars(verdict.components)?.sort(), verdict.objection]).to.deep.equal([
        status,
        charged?.sort(),
        objection,
      ]);
    });
  }

  describe("whose sources have other bounds of one context tier", () => {
    const tiered = (above_input_tokens: number, input = 6) => [
      ...inOut(3, 15),
      ...priced({ input_tokens: input, output_tokens: 30 }, above_input_tokens),
    ];
    const boundsOf = (...args: Parameters<typeof verifyPrice>) =>
      verifyPrice(...args).components?.map(({ above_input_tokens, status }) => [above_input_tokens, status]);
    const BOTH = [witness("litellm", tiered(271_999)), witness("models_dev", tiered(272_000))];

    it("takes that of the most trusted one", () => {
      expect(boundsOf(BOTH, null)).to.deep.equal([
        [0, "verified"],
        [0, "verified"],
        [272_000, "verified"],
        [272_000, "verified"],
      ]);
      const apart = [witness("litellm", tiered(200_000)), witness("models_dev", tiered(272_000))];
      expect(
        boundsOf(apart, null)
          ?.slice(2)
          .map(([bound]) => bound),
      ).to.have.members([272_000, 272_000, 200_000, 200_000]);
    });

    it("keeps the one in force while anybody says it", () => {
      const charged = (bound: number) => inForce(tiered(bound), "verified");
      expect(boundsOf(BOTH, charged(271_999))?.[2]).to.deep.equal([271_999, "verified"]);
      expect(boundsOf(BOTH, charged(271_000))?.[2]).to.deep.equal([272_000, "verified"]);
      const changed = verifyPrice([witness("litellm", tiered(271_999, 7))], charged(272_000));
      expect(changed.objection).to.equal("unconfirmed_change");
    });
  });

  it("says of each witness how it came out", () => {
    const verdict = verifyPrice(
      [
        witness("genai_prices", inOut(2, 8), { past: [inOut(10, 40)] }),
        witness("models_dev", inOut(2, 8)),
        witness("mirror", inOut(2, 8), { lineage: "models_dev" }),
        witness("llm_prices", inOut(10, 40)),
        witness("litellm", inOut(2.2, 8.8)),
        witness("portkey", inOut(2000, 8000)),
      ],
      null,
    );
    expect(Object.fromEntries(verdict.testimonies.map(({ source, kind }) => [source, kind]))).to.deep.equal({
      genai_prices: "agrees",
      models_dev: "agrees",
      mirror: "copy",
      llm_prices: "stale",
      litellm: "dissents",
      portkey: "gated",
    });
  });

  const amount = fc.integer({ min: 0, max: 2000 });
  const anyWitness = fc
    .record({
      source: fc.constantFrom("a", "b", "c", "d"),
      lineage: fc.constantFrom("a", "b", "c"),
      trust_ppm: fc.integer({ min: 1, max: 1_000_000 }),
      input: amount,
      output: amount,
    })
    .map(({ source, lineage, trust_ppm, input, output }) =>
      witness(source, inOut(input, output), { lineage, trust_ppm }),
    );
  const anyWitnesses = fc.uniqueArray(anyWitness, { selector: ({ source }) => source, maxLength: 4 });

  it("never charges what no witness says, and nothing as verified that one lineage alone says", () => {
    fc.assert(
      fc.property(anyWitnesses, fc.option(fc.tuple(amount, amount)), (witnesses, now) => {
        const before = now && inForce(inOut(...now), "verified");
        const { components } = verifyPrice(witnesses, before);
        for (const { unit, amount_femto_usd, status } of components ?? []) {
          const saying = witnesses.filter((one) =>
            one.components.some(
              (component) => component.unit === unit && component.amount_femto_usd === amount_femto_usd,
            ),
          );
          expect(saying).to.not.be.empty;
          if (status === "verified" || status === "verified_with_dissent") {
            const near = witnesses.filter((one) =>
              one.components.some((component) => {
                const gap = component.amount_femto_usd - amount_femto_usd;
                const most = component.amount_femto_usd + amount_femto_usd;
                return component.unit === unit && (gap < 0n ? -gap : gap) * 50n <= most;
              }),
            );
            expect(new Set(near.map(({ lineage }) => lineage)).size).to.be.at.least(2);
          }
        }
      }),
    );
  });

  it("is the same whichever order sources of different trust come in, and again over its own result", () => {
    const ranked = anyWitnesses.map((witnesses) =>
      witnesses.map((one, index) => ({ ...one, trust_ppm: 500_000 + index * 100_000 })),
    );
    fc.assert(
      fc.property(ranked, (witnesses) => {
        const verdict = verifyPrice(witnesses, null);
        expect(verifyPrice([...witnesses].reverse(), null)).to.deep.equal(verdict);
        if (verdict.components === null) return;
        const again = verifyPrice(witnesses, inForce([...verdict.components], verdict.status));
        expect(again.components).to.deep.equal(verdict.components);
      }),
    );
  });
});

const fixtures = process.env.BUDGET_FIXTURES ?? "";
const conflictsFile = join(fixtures, "price-sources", "conflicts.json");

interface RecordedConflict {
  readonly key: string;
  readonly class: string;
  readonly sources: Readonly<
    Record<string, { readonly input_nano_per_1m: string; readonly output_nano_per_1m: string }>
  >;
  readonly expected_by_rule: {
    readonly decision: string;
    readonly value?: readonly [number, number];
    readonly from?: string;
    readonly rejected: Readonly<Record<string, string>>;
  };
}

if (fixtures !== "" && existsSync(conflictsFile)) {
  describe("recorded conflicts of real sources", () => {
    const ORDER = ["genai_prices", "models_dev", "litellm", "llm_prices", "portkey"];
    const { conflicts } = JSON.parse(readFileSync(conflictsFile, "utf8")) as {
      conflicts: readonly RecordedConflict[];
    };
    it("are 25", () => expect(conflicts).to.have.length(25));
    for (const conflict of conflicts) {
      it(`${conflict.key} (${conflict.class})`, () => {
        const witnesses = ORDER.flatMap((source) => {
          const said = conflict.sources[source];
          return said === undefined
            ? []
            : [
                witness(source, [
                  {
                    unit: "input_tokens",
                    amount_femto_usd: BigInt(said.input_nano_per_1m),
                    above_input_tokens: 0,
                  },
                  {
                    unit: "output_tokens",
                    amount_femto_usd: BigInt(said.output_nano_per_1m),
                    above_input_tokens: 0,
                  },
                ]),
              ];
        });
        const { decision, value, from, rejected } = conflict.expected_by_rule;
        const verdict = verifyPrice(witnesses, null);
        expect(verdict.status).to.equal(decision === "single_source" ? "provisional" : decision);
        if (value !== undefined) expect(dollars(verdict.components)).to.deep.equal(value);
        if (from !== undefined) expect(verdict.components?.[0]?.source).to.equal(from);
        const gated = verdict.testimonies.flatMap((one) =>
          one.kind === "gated" ? [[one.source, one.gate]] : [],
        );
        expect(Object.fromEntries(gated)).to.deep.equal(rejected);
      });
    }
  });
}
