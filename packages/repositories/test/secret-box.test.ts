import { expect } from "chai";
import { randomBytes } from "node:crypto";
import { parseSecretKeys } from "@budget/domain";
import { SecretBox, SecretError, sealingKey, type SecretPlace } from "../src/secret-box.ts";

const bytes = (fill: number): string => Buffer.alloc(32, fill).toString("base64");
const boxOf = (text: string): SecretBox =>
  SecretBox.of(parseSecretKeys(text)!, { bytes: (count) => randomBytes(count) })!;

const SECRET = "whsec_ein Geheimnis, 秘密";
const PLACE: SecretPlace = { table: "webhooks", column: "secret", row: "tenant/webhook-1" };

describe("secrets in columns", () => {
  const box = boxOf(`new:${bytes(1)}`);

  it("come back as they were, and look different each time", () => {
    for (const secret of [SECRET, "", "x".repeat(100_000)]) {
      const [one, other] = [box.seal(secret, PLACE), box.seal(secret, PLACE)];
      expect(one).not.to.equal(other);
      expect([box.open(one, PLACE), box.open(other, PLACE)]).to.deep.equal([secret, secret]);
    }
    expect(box.seal(SECRET, PLACE))
      .to.match(/^v1:new:/)
      .and.not.to.contain("whsec");
  });

  it("are not decrypted where a single bit was changed", () => {
    const [version, key_id, encoded] = box.seal(SECRET, PLACE).split(":");
    const sealed = Buffer.from(encoded!, "base64");
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed);
      changed[index]! ^= 1;
      const text = [version, key_id, changed.toString("base64")].join(":");
      expect(
        codeOf(() => box.open(text, PLACE)),
        `byte ${index}`,
      ).to.equal("not_authentic");
    }
    const shorter = [version, key_id, sealed.subarray(0, -1).toString("base64")].join(":");
    expect(codeOf(() => box.open(shorter, PLACE))).to.equal("not_authentic");
  });

  it("are not decrypted in another row, column or table", () => {
    const sealed = box.seal(SECRET, PLACE);
    const places = [
      { ...PLACE, row: "tenant/webhook-2" },
      { ...PLACE, column: "url" },
      { ...PLACE, table: "sources" },
      { table: "webhookssecret", column: "", row: PLACE.row },
    ];
    for (const place of places) expect(codeOf(() => box.open(sealed, place))).to.equal("not_authentic");
  });

  it("are not decrypted by another key, nor by another one of the same name", () => {
    const sealed = box.seal(SECRET, PLACE);
    expect(codeOf(() => boxOf(`other:${bytes(1)}`).open(sealed, PLACE))).to.equal("unknown_key");
    expect(codeOf(() => boxOf(`new:${bytes(2)}`).open(sealed, PLACE))).to.equal("not_authentic");
    const renamed = boxOf(`new:${bytes(1)},twin:${bytes(1)}`);
    expect(codeOf(() => renamed.open(sealed.replace("v1:new:", "v1:twin:"), PLACE))).to.equal(
      "not_authentic",
    );
  });

  it("are told from other texts", () => {
    for (const text of [
      "",
      SECRET,
      "v1:new:",
      "v2:new:AAAA",
      "v1:new:AAAA",
      "v1::AAAA",
      `v1:n w:${bytes(1)}`,
    ]) {
      expect(
        codeOf(() => box.open(text, PLACE)),
        text,
      ).to.equal("malformed");
    }
  });

  it("get the first key of several, and keep it", () => {
    const old = boxOf(`old:${bytes(2)}`);
    const both = boxOf(`new:${bytes(1)}, old:${bytes(2)}`);
    expect([old.key_id, both.key_id]).to.deep.equal(["old", "new"]);
    const sealed = old.seal(SECRET, PLACE);
    const resealed = both.reseal(sealed, PLACE);
    expect([sealingKey(sealed), sealingKey(resealed)]).to.deep.equal(["old", "new"]);
    expect(box.open(resealed, PLACE)).to.equal(SECRET);
    expect(both.reseal(resealed, PLACE)).to.equal(resealed);
    const elsewhere = { ...PLACE, row: "tenant/webhook-2" };
    for (const text of [sealed, resealed])
      expect(codeOf(() => both.reseal(text, elsewhere))).to.equal("not_authentic");
  });

  it("need a key", () => {
    expect(SecretBox.of([], { bytes: (count) => randomBytes(count) })).to.equal(null);
  });
});

function codeOf(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    expect(error).to.be.an.instanceOf(SecretError);
    expect(String(error)).not.to.contain(bytes(1)).and.not.to.contain(SECRET);
    return (error as SecretError).code;
  }
}
