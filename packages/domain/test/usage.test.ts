import { expect } from "chai";
import fc from "fast-check";
import {
  isPartOf,
  isUsageUnit,
  partsOf,
  quantityOf,
  USAGE_UNITS,
  validateUsage,
  wholesOf,
  type UsageProblem,
  type UsageUnit,
} from "../src/usage.ts";

const UNITS = Object.keys(USAGE_UNITS) as UsageUnit[];
const anyUnit = fc.constantFrom(...UNITS);

describe("usage units", () => {
  const PARTS: readonly [part: UsageUnit, whole: UsageUnit, expected: boolean][] = [
    ["cache_read_tokens", "input_tokens", true],
    ["cache_audio_read_tokens", "input_tokens", true],
    ["cache_audio_read_tokens", "input_audio_tokens", true],
    ["cache_audio_read_tokens", "cache_read_tokens", true],
    ["cache_write_1h_tokens", "cache_write_tokens", true],
    ["cache_text_write_5m_tokens", "cache_write_5m_tokens", true],
    ["output_reasoning_tokens", "output_tokens", true],
    ["output_audio_seconds", "audio_seconds", true],
    ["audio_seconds", "seconds", true],
    ["input_annotated_document_pages", "input_document_pages", true],
    ["input_tokens", "input_tokens", false],
    ["input_tokens", "cache_read_tokens", false],
    ["cache_read_tokens", "output_tokens", false],
    ["cache_read_tokens", "input_audio_tokens", false],
    ["cache_write_1h_tokens", "cache_write_5m_tokens", false],
    ["input_audio_seconds", "input_tokens", false],
    ["web_searches", "requests", false],
  ];
  for (const [part, whole, expected] of PARTS) {
    it(`${part} ${expected ? "is" : "is no"} part of ${whole}`, () => {
      expect(isPartOf(part, whole)).to.equal(expected);
    });
  }

  it("say each a different thing", () => {
    expect(
      new Set(UNITS.map((unit) => JSON.stringify(Object.entries(USAGE_UNITS[unit]).sort()))).size,
    ).to.equal(UNITS.length);
  });

  it("list wholes from the most specific to the least", () => {
    expect(wholesOf("cache_audio_write_1h_tokens").at(-1)).to.equal("input_tokens");
    expect(wholesOf("cache_audio_write_1h_tokens").slice(0, 2)).to.have.members([
      "cache_audio_write_tokens",
      "cache_write_1h_tokens",
    ]);
  });

  it("are part of all that their wholes are part of, and never of each other both ways", () => {
    fc.assert(
      fc.property(anyUnit, (unit) => {
        for (const whole of wholesOf(unit)) {
          expect(wholesOf(unit)).to.include.members([...wholesOf(whole)]);
          expect(isPartOf(whole, unit)).to.be.false;
          expect(partsOf(whole)).to.include(unit);
        }
      }),
    );
  });

  it("know their names only", () => {
    expect(isUsageUnit("input_tokens")).to.be.true;
    for (const name of ["tokens", "", "constructor", "__proto__", "INPUT_TOKENS"]) {
      expect(isUsageUnit(name), name).to.be.false;
    }
  });
});

describe("quantity of a unit", () => {
  const MILLION = 1_000_000n;

  it("is what the usage names, to the millionth", () => {
    expect(quantityOf({ input_tokens: 12 }, "input_tokens")).to.equal(12n * MILLION);
    expect(quantityOf({ audio_seconds: 0.25 }, "audio_seconds")).to.equal(250_000n);
    expect(quantityOf({ audio_seconds: 0.1 + 0.2 }, "audio_seconds")).to.equal(300_000n);
    expect(quantityOf({ audio_seconds: 1.005 }, "audio_seconds")).to.equal(1_005_000n);
    expect(quantityOf({ audio_seconds: 1e-7 }, "audio_seconds")).to.equal(0n);
  });

  it("is what the parts make it at least, where it is not named", () => {
    expect(quantityOf({ cache_write_5m_tokens: 3, cache_write_1h_tokens: 4 }, "cache_write_tokens")).to.equal(
      7n * MILLION,
    );
    expect(quantityOf({ input_audio_seconds: 2.5 }, "audio_seconds")).to.equal(2_500_000n);
    expect(quantityOf({ cache_read_tokens: 9, input_audio_tokens: 3 }, "input_tokens")).to.equal(
      9n * MILLION,
    );
    expect(quantityOf({}, "input_tokens")).to.equal(0n);
  });
});

describe("validation of usage", () => {
  const VALID: readonly Readonly<Record<string, number>>[] = [
    {},
    { input_tokens: 0, output_tokens: 0 },
    { input_tokens: 1000, cache_read_tokens: 1000 },
    { input_tokens: 1000, cache_read_tokens: 600, cache_write_tokens: 400, cache_write_1h_tokens: 400 },
    { input_tokens: 1000, cache_read_tokens: 900, input_audio_tokens: 300 },
    { input_tokens: 1000, cache_read_tokens: 800, input_text_tokens: 1000 },
    { output_tokens: 10, output_reasoning_tokens: 10 },
    { input_audio_seconds: 0.25 },
    { web_searches: 3, requests: 1 },
    { input_tokens: 0, cache_read_tokens: 0 },
  ];
  for (const usage of VALID) {
    it(`accepts ${JSON.stringify(usage)}`, () => {
      expect(validateUsage(usage)).to.deep.equal([]);
    });
  }

  const INVALID: readonly [usage: Record<string, unknown>, code: UsageProblem["code"], field: string][] = [
    [{ tokens: 5 }, "unknown_unit", "tokens"],
    [{ tokens: 0 }, "unknown_unit", "tokens"],
    [{ input_tokens: -1 }, "out_of_range", "input_tokens"],
    [{ input_tokens: Number.NaN }, "out_of_range", "input_tokens"],
    [{ input_tokens: Infinity }, "out_of_range", "input_tokens"],
    [{ input_tokens: 2 ** 53 }, "out_of_range", "input_tokens"],
    [{ input_tokens: "5" }, "out_of_range", "input_tokens"],
    [{ output_tokens: 1.5 }, "not_whole", "output_tokens"],
    [{ web_searches: 0.5 }, "not_whole", "web_searches"],
    [{ cache_read_tokens: 5 }, "whole_missing", "input_tokens"],
    [{ output_reasoning_tokens: 5 }, "whole_missing", "output_tokens"],
    [{ input_tokens: 4, cache_read_tokens: 5 }, "parts_exceed_whole", "input_tokens"],
    [{ output_tokens: 4, output_reasoning_tokens: 5 }, "parts_exceed_whole", "output_tokens"],
    [{ input_tokens: 10, cache_read_tokens: 6, cache_write_tokens: 5 }, "parts_exceed_whole", "input_tokens"],
    [
      { input_tokens: 10, cache_write_tokens: 2, cache_write_1h_tokens: 3 },
      "parts_exceed_whole",
      "cache_write_tokens",
    ],
    [{ audio_seconds: 1, input_audio_seconds: 1.5 }, "parts_exceed_whole", "audio_seconds"],
  ];
  for (const [usage, code, field] of INVALID) {
    it(`finds ${code} in ${JSON.stringify(usage)}`, () => {
      const problems = validateUsage(usage as Record<string, number>);
      expect(problems.map((problem) => [problem.code, problem.field])).to.deep.equal([[code, field]]);
      expect(problems[0]!.detail).to.include(field);
    });
  }

  it("lists every problem", () => {
    expect(validateUsage({ input_tokens: -1, output_tokens: 0.5, apples: 3 })).to.have.length(3);
  });

  it("never objects to a part that is not larger than all that it is part of", () => {
    fc.assert(
      fc.property(anyUnit, fc.nat(), fc.nat(), (unit, quantity, more) => {
        const wholes = Object.fromEntries(wholesOf(unit).map((whole) => [whole, quantity + more]));
        expect(validateUsage({ ...wholes, [unit]: quantity })).to.deep.equal([]);
      }),
    );
  });
});
