import { expect } from "chai";
import { parseSecretKeys } from "../src/secret-keys.ts";

const encoded = (fill: number, length = 32): string => Buffer.alloc(length, fill).toString("base64");

describe("keys for secrets", () => {
  it("are read in their order", () => {
    expect(parseSecretKeys("")).to.deep.equal([]);
    expect(parseSecretKeys(`new:${encoded(255)}, 2025_old-1:${encoded(2)}`)).to.deep.equal([
      { key_id: "new", key: new Uint8Array(32).fill(255) },
      { key_id: "2025_old-1", key: new Uint8Array(32).fill(2) },
    ]);
    expect(parseSecretKeys(`a:${encoded(1).replace("=", "")}`)).to.deep.equal(
      parseSecretKeys(`a:${encoded(1)}`),
    );
  });

  const RIGHT = `a:${encoded(1)}`;
  const WRONG = [
    "a",
    encoded(1),
    `:${encoded(1)}`,
    `a b:${encoded(1)}`,
    `${"a".repeat(65)}:${encoded(1)}`,
    `a:${encoded(1, 16)}`,
    `a:${encoded(1, 33)}`,
    `a:${encoded(255).replaceAll("/", "_")}`,
    `${RIGHT},`,
    `,${RIGHT}`,
    `${RIGHT},b`,
    `${RIGHT},a:${encoded(2)}`,
  ];
  for (const text of WRONG) it(`are not ${text}`, () => expect(parseSecretKeys(text)).to.equal(null));
});
