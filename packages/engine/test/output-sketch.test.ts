import { expect } from "chai";
import fc from "fast-check";
import { GENERATION_SAMPLES, OutputSketch, RELATIVE_ERROR } from "../src/output-sketch.ts";

const sketchOf = (values: readonly number[]): OutputSketch => {
  const sketch = new OutputSketch();
  for (const value of values) sketch.add(value);
  return sketch;
};

/** The smallest of the values that at least this share of them stays within. */
const exactQuantile = (values: readonly number[], share: number): number =>
  values.toSorted((left, right) => left - right)[Math.max(0, Math.ceil(share * values.length) - 1)]!;

const tokens = fc.oneof(
  fc.integer({ min: 0, max: 10 }),
  fc.integer({ min: 0, max: 200_000 }),
  fc.constant(8192),
  fc.integer({ min: 0, max: 1_000_000_000 }),
);
const shares = fc.oneof(
  fc.constantFrom(0.5, 0.75, 0.9, 0.95, 0.99, 1),
  fc.double({ min: 0.001, max: 1, noNaN: true }),
);

/** Never below the exact one, at most the relative error above it and rounded up, and never above the largest. */
function expectQuantile(sketch: OutputSketch, values: readonly number[], share: number): void {
  const exact = exactQuantile(values, share);
  const found = sketch.quantile(share);
  expect(Number.isInteger(found)).to.equal(true);
  expect(found).to.be.at.least(exact);
  expect(found).to.be.at.most(Math.min(Math.ceil(exact * (1 + RELATIVE_ERROR)), Math.max(...values)));
}

describe("a sketch of outputs", () => {
  it("answers quantiles within its relative error", () => {
    fc.assert(
      fc.property(fc.array(tokens, { minLength: 1, maxLength: 500 }), shares, (values, share) => {
        expectQuantile(sketchOf(values), values, share);
      }),
    );
  });

  it("answers the same when it was stored, and when two were added up", () => {
    fc.assert(
      fc.property(
        fc.array(tokens, { maxLength: 300 }),
        fc.array(tokens, { maxLength: 300 }),
        (some, more) => {
          const sum = OutputSketch.decode(sketchOf(some).encode());
          sum.absorb(OutputSketch.decode(sketchOf(more).encode()));
          expect(sum.encode()).to.deep.equal(sketchOf([...some, ...more]).encode());
        },
      ),
    );
  });

  it("answers from its latest 5,000 to 10,000 samples", () => {
    const sketch = new OutputSketch();
    const values: number[] = [];
    for (let index = 1; index <= 2 * GENERATION_SAMPLES + 20; index += 1) {
      values.push(index);
      sketch.add(index);
      expect(sketch.samples).to.equal(
        index < 2 * GENERATION_SAMPLES ? index : GENERATION_SAMPLES + (index % GENERATION_SAMPLES),
      );
    }
    expectQuantile(sketch, values.slice(GENERATION_SAMPLES), 0.01);
  });

  it("turns its generations as it would alone, where it absorbs more than one", () => {
    const old = Array.from({ length: 100 }, () => 7);
    const full = Array.from({ length: GENERATION_SAMPLES }, () => 100);
    const young = Array.from({ length: 10 }, () => 1000);
    const absorbing = sketchOf(old);
    absorbing.absorb(sketchOf([...full, ...young]));
    expect(absorbing.samples).to.equal(GENERATION_SAMPLES + 110);
    expect(absorbing.quantile(1)).to.equal(1000);
    // The 10 young samples make one generation with the full one that comes after them; the one before is gone.
    absorbing.absorb(sketchOf(full));
    expect(absorbing.samples).to.equal(GENERATION_SAMPLES + 10);
    expect(absorbing.quantile(0.0001)).to.be.within(100, 102);
    expect(absorbing.quantile(1)).to.equal(1000);
  });

  it("is not changed by one that absorbed it", () => {
    const sketch = sketchOf([1, 2, 3]);
    const before = sketch.encode();
    const other = new OutputSketch();
    other.absorb(sketch);
    other.add(500);
    expect(sketch.encode()).to.deep.equal(before);
  });

  it("says nothing where it is empty, and is stored as nothing", () => {
    const empty = new OutputSketch();
    expect(empty.quantile(0.99)).to.equal(0);
    expect(empty.encode()).to.deep.equal({ current: "", previous: null, samples: 0 });
    expect(OutputSketch.decode(empty.encode()).samples).to.equal(0);
  });

  it("is small where it is stored", () => {
    const values = Array.from({ length: GENERATION_SAMPLES }, (_, index) =>
      index % 50 === 0 ? 8192 : 1 + ((index * 7919) % 4000),
    );
    expect(sketchOf(values).encode().previous).to.have.length.below(700);
  });

  it("of another format is not guessed at", () => {
    const other = Buffer.from([2, 1, 1]).toString("base64");
    expect(() => OutputSketch.decode({ current: other, previous: null })).to.throw("format 2");
  });
});
