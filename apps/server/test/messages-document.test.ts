import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { ProblemAnswer } from "../src/problems.ts";
import { MESSAGE_TYPES } from "../src/messages/message-types.ts";

const PAGE = fileURLToPath(new URL("../../../docs/messages.md", import.meta.url));

const namesIn = (cell = ""): readonly string[] =>
  Array.from(cell.matchAll(/`([\w.]+)`/g), (match) => match[1] ?? "");

/** What the page's table says of each type. */
const rows = readFileSync(PAGE, "utf8")
  .split("\n")
  .filter((line) => line.startsWith("| `budget."))
  .map((line) => line.split("|").slice(1).map(namesIn));

/** Right for no field at all. */
const WRONG = [[]];

const detailOf = (answer: ProblemAnswer | null | undefined): string => JSON.stringify(answer?.body ?? null);

describe("the page on messages", () => {
  it("has every type", () => {
    expect(rows.map(([types]) => types?.[0])).to.deep.equal([...MESSAGE_TYPES.keys()]);
  });

  for (const [[type = ""] = [], needed = [], optional = [], [answered_by] = []] of rows) {
    const message = MESSAGE_TYPES.get(type);

    it(`says what ${type} is answered by`, () => {
      expect(message?.answered_by).to.equal(answered_by);
    });

    it(`says which fields ${type} needs`, () => {
      const missing = detailOf(message?.validate({}));
      for (const field of needed) expect(missing).to.contain(field);
      if (needed.length === 0) expect(missing).to.equal("null");
    });

    for (const field of [...needed, ...optional, "component", "budget_id"]) {
      it(`names a field that ${type} reads: ${field}`, () => {
        expect(detailOf(message?.validate({ [field]: WRONG }))).to.contain(`/${field}`);
      });
    }
  }
});
