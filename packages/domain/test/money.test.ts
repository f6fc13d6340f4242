import { expect } from "chai";
import fc from "fast-check";
import {
  MoneyError,
  divideHalfEven,
  femtoToNanoHalfEven,
  femtoToUsdJson,
  femtoToUsdText,
  nanoToUsdJson,
  nanoToUsdText,
  parseDecimal,
  parseUsdToFemto,
  parseUsdToNano,
} from "../src/money.ts";

const anyAmount = fc.bigInt({ min: -(10n ** 19n), max: 10n ** 19n });
const storedAmount = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
/** A whole number with few digits and many zeros, as amounts of money mostly are. */
const roundAmount = fc
  .tuple(fc.integer({ min: -999, max: 999 }), fc.integer({ min: 0, max: 16 }))
  .map(([digits, zeros]) => BigInt(digits) * 10n ** BigInt(zeros));

const DECIMALS: readonly [value: string | number, scale: number, expected: bigint][] = [
  ["0", 9, 0n],
  ["-0", 9, 0n],
  ["1", 0, 1n],
  ["1", 9, 1_000_000_000n],
  ["007.50", 2, 750n],
  ["0.000125", 9, 125_000n],
  ["-3.25", 2, -325n],
  ["-0.5", 1, -5n],
  ["1.500", 1, 15n],
  ["1.5e3", 0, 1_500n],
  ["1.5E+3", 0, 1_500n],
  ["25e-1", 1, 25n],
  ["1000e-3", 0, 1n],
  ["0e-400", 0, 0n],
  [0.1, 1, 1n],
  [1e-7, 9, 100n],
  [1.5e-7, 15, 150_000_000n],
  [1e21, 0, 10n ** 21n],
  [-0, 9, 0n],
  [Number.MIN_VALUE, 324, 5n],
  [Number.MAX_VALUE, 0, 17976931348623157n * 10n ** 292n],
];

const MALFORMED: readonly (string | number)[] = [
  ...[
    "",
    " ",
    "1 ",
    " 1",
    "+1",
    "-",
    ".",
    ".5",
    "5.",
    "1.2.3",
    "1,5",
    "1_000",
    "0x10",
    "1e",
    "1e1.5",
    "e5",
    "--1",
  ],
  ...["NaN", "Infinity", "$1", "free", "١", "1\n"],
  ...[Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY],
];

describe("money", () => {
  describe("parseDecimal", () => {
    for (const [value, scale, expected] of DECIMALS) {
      it(`reads ${JSON.stringify(value)} with ${scale} decimals`, () => {
        expect(parseDecimal(value, scale)).to.equal(expected);
      });
    }

    for (const value of MALFORMED) {
      it(`rejects ${typeof value} ${JSON.stringify(String(value))}`, () => {
        expect(() => parseDecimal(value, 9)).to.throw(MoneyError, "not a decimal number");
      });
    }

    it("rejects more decimals than the scale, unless they are zeros", () => {
      expect(() => parseDecimal("0.125", 2)).to.throw(MoneyError, "0.125 has more than 2 decimals");
      expect(() => parseDecimal(1e-7, 6)).to.throw(MoneyError, "1e-7 has more than 6 decimals");
      expect(parseDecimal("0.12000", 2)).to.equal(12n);
    });

    it("rounds more decimals half-even where asked to", () => {
      const rounded = ["0.125", "0.135", "-0.125", "-0.135", "0.1251", "1e-400"].map((text) =>
        parseDecimal(text, 2, "half-even"),
      );
      expect(rounded).to.deep.equal([12n, 14n, -12n, -14n, 13n, 0n]);
    });

    it("refuses a short text that stands for a huge number", () => {
      expect(() => parseDecimal("1e999999999", 9)).to.throw(MoneyError, "exponent");
      expect(() => parseDecimal("1e-999999999", 9, "half-even")).to.throw(MoneyError, "exponent");
    });

    it("refuses an overlong text without repeating it", () => {
      expect(() => parseDecimal("1".repeat(65), 0)).to.throw(
        MoneyError,
        /^a decimal .* 64 characters, got 65$/,
      );
      expect(parseDecimal("1".repeat(64), 0)).to.equal(BigInt("1".repeat(64)));
    });

    it("reads every number as its text", () => {
      fc.assert(
        fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
          const scaled = parseDecimal(value, 400);
          expect(scaled).to.equal(parseDecimal(String(value), 400));
          expect(Number(`${scaled}e-400`)).to.equal(value === 0 ? 0 : value);
        }),
      );
    });
  });

  describe("parseUsdToNano", () => {
    it("reads numbers and texts alike", () => {
      expect(parseUsdToNano(0.1)).to.equal(100_000_000n);
      expect(parseUsdToNano("0.1")).to.equal(100_000_000n);
      expect(parseUsdToNano("0.000000001")).to.equal(1n);
      expect(parseUsdToNano("9223372036.854775807")).to.equal(2n ** 63n - 1n);
    });

    const REFUSED: readonly [value: string | number, message: string][] = [
      ["0.0000000001", "0.0000000001 has more than 9 decimals"],
      [0.1 + 0.2, "0.30000000000000004 has more than 9 decimals"],
      ["-0.01", "-0.01 is negative"],
      ["-0.000000001", "-0.000000001 is negative"],
      [-1, "-1 is negative"],
      ["9223372036.854775808", "is too large: at most 9223372036.854775807 USD"],
      [1e300, "is too large"],
      ["ten", "not a decimal number"],
    ];
    for (const [value, message] of REFUSED) {
      it(`refuses ${value}`, () => {
        expect(() => parseUsdToNano(value)).to.throw(MoneyError, message);
      });
    }
  });

  describe("parseUsdToFemto", () => {
    const PRICES: readonly [value: string | number, femto: bigint][] = [
      [3e-6, 3_000_000_000n],
      ["0.0000025", 2_500_000_000n],
      [1.25e-7, 125_000_000n],
      // Float noise, as price lists carry it.
      [1.4999999999999998e-7, 150_000_000n],
      [6.000000000000001e-8, 60_000_000n],
      ["0.0000000000000005", 0n],
      ["0.0000000000000015", 2n],
      ["0.0000000000000025", 2n],
      ["-0.000001", -1_000_000_000n],
      ["9223.372036854775807", 2n ** 63n - 1n],
    ];
    for (const [value, femto] of PRICES) {
      it(`reads ${value}`, () => {
        expect(parseUsdToFemto(value)).to.equal(femto);
      });
    }

    it("refuses what 64 bits do not hold", () => {
      expect(() => parseUsdToFemto("9223.372036854775808")).to.throw(MoneyError, "too large");
      expect(() => parseUsdToFemto(-10_000)).to.throw(MoneyError, "too large");
    });
  });

  describe("divideHalfEven", () => {
    const DIVISIONS: readonly [numerator: bigint, denominator: bigint, expected: bigint][] = [
      [0n, 7n, 0n],
      [1n, 2n, 0n],
      [3n, 2n, 2n],
      [5n, 2n, 2n],
      [-1n, 2n, 0n],
      [-3n, 2n, -2n],
      [-5n, 2n, -2n],
      [3n, -2n, -2n],
      [-3n, -2n, 2n],
      [4n, 3n, 1n],
      [5n, 3n, 2n],
      [-5n, 3n, -2n],
      [1n, -3n, 0n],
      [2n, -3n, -1n],
    ];
    for (const [numerator, denominator, expected] of DIVISIONS) {
      it(`${numerator} / ${denominator} is ${expected}`, () => {
        expect(divideHalfEven(numerator, denominator)).to.equal(expected);
      });
    }

    it("is the nearest whole number, the even one of two", () => {
      /** Tries every whole number around and keeps the one with the smallest distance, the even one first. */
      const obvious = (numerator: bigint, denominator: bigint): bigint => {
        const distance = (candidate: bigint) => {
          const rest = numerator - candidate * denominator;
          return rest < 0n ? -rest : rest;
        };
        const guess = numerator / denominator;
        const candidates = [guess - 2n, guess - 1n, guess, guess + 1n, guess + 2n];
        const least = candidates.map(distance).reduce((a, b) => (b < a ? b : a));
        const nearest = candidates.filter((candidate) => distance(candidate) === least);
        return nearest.find((candidate) => nearest.length === 1 || candidate % 2n === 0n)!;
      };
      const divisor = fc.bigInt({ min: -12n, max: 12n }).filter((n) => n !== 0n);
      fc.assert(
        fc.property(
          fc.oneof(anyAmount, fc.bigInt({ min: -60n, max: 60n })),
          divisor,
          (numerator, denominator) => {
            expect(divideHalfEven(numerator, denominator)).to.equal(obvious(numerator, denominator));
          },
        ),
        { numRuns: 1000 },
      );
    });

    it("does not divide by 0", () => {
      expect(() => divideHalfEven(1n, 0n)).to.throw(RangeError);
    });
  });

  it("rounds the total of a component half-even to nano-USD", () => {
    const totals = [0n, 499_999n, 500_000n, 500_001n, 1_500_000n, 2_500_000n, -1_500_000n, 375_000_000_000n];
    expect(totals.map(femtoToNanoHalfEven)).to.deep.equal([0n, 0n, 0n, 1n, 2n, 2n, -2n, 375_000n]);
  });

  describe("text", () => {
    const TEXTS: readonly [nano: bigint, text: string][] = [
      [0n, "0"],
      [1n, "0.000000001"],
      [125_000n, "0.000125"],
      [1_000_000_000n, "1"],
      [100_000_000_000n, "100"],
      [-500_000_000n, "-0.5"],
      [-1n, "-0.000000001"],
      [12_345_678_900_000_000n, "12345678.9"],
    ];
    for (const [nano, text] of TEXTS) {
      it(`writes ${nano} nano-USD as ${text}`, () => {
        expect(nanoToUsdText(nano)).to.equal(text);
      });
    }

    it("writes femto-USD", () => {
      expect([1n, 2_500_000_000n, -(10n ** 15n)].map(femtoToUsdText)).to.deep.equal([
        "0.000000000000001",
        "0.0000025",
        "-1",
      ]);
    });

    it("is read back as the same amount", () => {
      fc.assert(
        fc.property(fc.oneof(anyAmount, roundAmount), (amount) => {
          expect(parseDecimal(nanoToUsdText(amount), 9)).to.equal(amount);
          expect(parseDecimal(femtoToUsdText(amount), 15)).to.equal(amount);
        }),
      );
      fc.assert(
        fc.property(storedAmount, (amount) => {
          expect(parseUsdToNano(nanoToUsdText(amount))).to.equal(amount);
          expect(parseUsdToFemto(femtoToUsdText(amount))).to.equal(amount);
        }),
      );
    });
  });

  describe("JSON", () => {
    it("is a plain number up to 15 significant digits", () => {
      expect(nanoToUsdJson(125_000n)).to.equal(0.000125);
      expect(nanoToUsdJson(-100n)).to.equal(-1e-7);
      expect(nanoToUsdJson(999_999_999_999_999n)).to.equal(999999.999999999);
      expect(nanoToUsdJson(5n * 10n ** 18n)).to.equal(5_000_000_000);
      expect(femtoToUsdJson(2_500_000_000n)).to.equal(0.0000025);
    });

    it("keeps digits that a double would lose", () => {
      const cost = nanoToUsdJson(9_007_199_254_740_993n);
      const price = femtoToUsdJson(-1_000_000_000_000_000_001n);
      expect(JSON.stringify({ cost, price })).to.equal(
        '{"cost":9007199.254740993,"price":-1000.000000000000001}',
      );
      expect(JSON.stringify(nanoToUsdJson(9_223_372_036_854_775_807n))).to.equal("9223372036.854775807");
    });

    it("is written as exactly the amount", () => {
      const fifteenToNineteenDigits = fc.bigInt({ min: 10n ** 14n, max: 10n ** 19n });
      fc.assert(
        fc.property(fc.oneof(anyAmount, roundAmount, fifteenToNineteenDigits), (amount) => {
          const nanoJson = JSON.stringify(nanoToUsdJson(amount));
          const femtoJson = JSON.stringify(femtoToUsdJson(amount));
          expect(parseDecimal(nanoJson, 9)).to.equal(amount);
          expect(parseDecimal(femtoJson, 15)).to.equal(amount);
          expect(JSON.parse(nanoJson)).to.be.a("number");
        }),
        { numRuns: 2000 },
      );
    });
  });
});
