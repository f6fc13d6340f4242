import { expect } from "chai";
import { SeenIds } from "../../src/migration/seen-ids.ts";

describe("SeenIds", () => {
  it("knows every id again, and no other one, while it grows", () => {
    const seen = new SeenIds();
    const ids = Array.from({ length: 100_000 }, (_one, index) => `record ${index}`);
    expect(ids.filter((id) => !seen.add(id))).to.deep.equal([]);
    expect(ids.filter((id) => seen.add(id))).to.deep.equal([]);
    expect(seen.add("another")).to.equal(true);
  });
});
