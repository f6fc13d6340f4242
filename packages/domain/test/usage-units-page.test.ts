import { readFileSync } from "node:fs";
import { expect } from "chai";
import { USAGE_UNITS, dimensionsOf, isUsageUnit, unknownUnit, validateUsage } from "../src/usage.ts";

const PAGE = new URL("../../../docs/prices.md", import.meta.url);

/** What the page says of the units: a line for each thing that they count. */
function linesOfUnits(): string {
  const byMeasure = new Map<string, string[]>();
  for (const unit of Object.keys(USAGE_UNITS).filter(isUsageUnit)) {
    const { measure } = dimensionsOf(unit);
    byMeasure.set(measure, [...(byMeasure.get(measure) ?? []), `\`${unit}\``]);
  }
  return [...byMeasure]
    .map(([measure, units]) => `- ${measure.replace("_", " ")}: ${units.join(", ")}`)
    .join("\n");
}

describe("the units of usage", () => {
  it("are those that docs/prices.md lists", () => {
    const [, listed] =
      /<!-- units: begin -->\n\n(.*)\n\n<!-- units: end -->/s.exec(readFileSync(PAGE, "utf8")) ?? [];
    expect(listed).to.equal(linesOfUnits());
  });

  it("are told where one is not known", () => {
    expect(unknownUnit("smells")).to.equal(
      `smells is no unit of usage; units are ${Object.keys(USAGE_UNITS).join(", ")}`,
    );
    expect(validateUsage({ smells: 1 })[0]?.detail).to.equal(unknownUnit("smells"));
  });
});
