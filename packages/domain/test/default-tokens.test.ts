import { expect } from "chai";
import { PRIORITY, defaultTokens } from "../src/default-tokens.ts";

const TABLE: readonly [
  task_type: string | null,
  low: number,
  normal: number,
  high: number,
  critical: number,
][] = [
  ["default", 1_000, 2_000, 4_000, 8_000],
  ["chat", 2_000, 4_000, 8_000, 16_000],
  ["coding", 4_000, 8_000, 16_000, 32_000],
  ["analysis", 4_000, 8_000, 16_000, 32_000],
  ["embedding", 10_000, 25_000, 50_000, 100_000],
  [null, 1_000, 2_000, 4_000, 8_000],
  ["", 1_000, 2_000, 4_000, 8_000],
  ["poetry", 1_000, 2_000, 4_000, 8_000],
  ["constructor", 1_000, 2_000, 4_000, 8_000],
  ["Coding", 4_000, 8_000, 16_000, 32_000],
];

describe("default tokens", () => {
  it("has Apollo's steps of priority", () => {
    expect(PRIORITY).to.deep.equal({ low: 1, normal: 5, high: 8, critical: 10 });
  });

  for (const [task_type, low, normal, high, critical] of TABLE) {
    it(`of ${JSON.stringify(task_type)}`, () => {
      const priorities = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
      expect(priorities.map((priority) => defaultTokens(task_type, priority))).to.deep.equal([
        ...[low, normal, normal, normal, normal, normal, normal],
        ...[high, normal, critical],
      ]);
    });
  }
});
