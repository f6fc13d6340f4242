import { expect } from "chai";
import fc from "fast-check";
import { readCell, termsOf, type Cell } from "../../src/scraper/cell.ts";
import { roleOf } from "../../src/scraper/column-roles.ts";

const usd = (amount: string, scale?: 0 | 3 | 6): Cell => ({ kind: "price", amount, currency: "USD", scale });

const CELLS: readonly [text: string, cell: Cell][] = [
  ["$3.00", usd("3.00")],
  ["$0.25 / MTok", usd("0.25", 6)],
  ["$3.00 per 1M tokens", usd("3.00", 6)],
  ["$1,234.50 per million", usd("1234.50", 6)],
  ["$0.0025/1K tokens", usd("0.0025", 3)],
  ["$0.0001 per 1K", usd("0.0001", 3)],
  ["$0.002 / 1,000 tokens", usd("0.002", 3)],
  ["$2 per 1,000,000 tokens", usd("2", 6)],
  ["$0.000002 per token", usd("0.000002", 0)],
  ["US$ 5 / 1M", usd("5", 6)],
  ["5 USD / 1M tokens", usd("5", 6)],
  ["$.15", usd(".15")],
  ["$1000", usd("1000")],
  ["$ 1,000,000 per 1,000 tokens", usd("1000000", 3)],
  ["0.15", { kind: "price", amount: "0.15", currency: undefined, scale: undefined }],
  ["¥2 / 1M tokens", { kind: "price", amount: "2", currency: "CNY", scale: 6 }],
  ["CA$4", { kind: "price", amount: "4", currency: "CAD", scale: undefined }],
  ["€4 / MTok", { kind: "price", amount: "4", currency: "EUR", scale: 6 }],
  ["Free", { kind: "free" }],
  ["", { kind: "missing" }],
  ["—", { kind: "missing" }],
  ["-", { kind: "missing" }],
  ["N/A", { kind: "missing" }],
  ["$3 / $15", { kind: "two", amounts: ["3", "15"], currency: "USD", scale: undefined }],
  ["from $3", { kind: "bound", currency: "USD", scale: undefined }],
  ["up to $3 / MTok", { kind: "bound", currency: "USD", scale: 6 }],
  ["~$3", { kind: "bound", currency: "USD", scale: undefined }],
  ["Contact sales", { kind: "unreadable" }],
  ["Free tier", { kind: "unreadable" }],
  ["$0,25", { kind: "unreadable" }],
  ["$3 (with caching)", { kind: "unreadable" }],
  ["$1 $2 $3", { kind: "unreadable" }],
  ["$", { kind: "unreadable" }],
  [
    "$1.25 (≤ 200k)\n$2.50 (> 200k)",
    {
      kind: "tiers",
      currency: "USD",
      scale: undefined,
      tiers: [
        { amount: "1.25", above_input_tokens: 0 },
        { amount: "2.50", above_input_tokens: 200_000 },
      ],
    },
  ],
  [
    "$1.25 up to 1m, $2.50 above 1m",
    {
      kind: "tiers",
      currency: "USD",
      scale: undefined,
      tiers: [
        { amount: "1.25", above_input_tokens: 0 },
        { amount: "2.50", above_input_tokens: 1_000_000 },
      ],
    },
  ],
];

describe("a cell of a price page", () => {
  for (const [text, expected] of CELLS) {
    it(`says ${expected.kind} by ${JSON.stringify(text)}`, () => {
      expect(readCell(text)).to.deep.equal(expected);
    });
  }

  it("never throws, and makes an amount only of decimal text", () => {
    const parts = fc.constantFrom(
      "$",
      "1",
      "0.25",
      ",",
      " ",
      "/",
      "1M",
      "tokens",
      "free",
      "from",
      "≤ 200k",
      "\n",
      "¥",
      "-",
      "k",
    );
    const texts = fc.oneof(
      fc.string(),
      fc.array(parts, { maxLength: 12 }).map((all) => all.join("")),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const cell = readCell(text);
        if (cell.kind === "price") expect(cell.amount).to.match(/^(\d+(\.\d+)?|\.\d+)$/);
      }),
      { numRuns: 3000 },
    );
  });

  it("reads a header's unit and currency", () => {
    expect(termsOf("Input (USD per 1M tokens)")).to.deep.equal({ scale: 6, currency: "USD" });
    expect(termsOf("1M INPUT TOKENS (CACHE HIT)")).to.deep.equal({ scale: 6, currency: undefined });
    expect(termsOf("Input")).to.deep.equal({ scale: undefined, currency: undefined });
  });
});

const ROLES: readonly [label: string, role: string | undefined][] = [
  ["Model", "model"],
  ["Model name", "model"],
  ["Provider", "provider"],
  ["Input Price", "input_tokens"],
  ["Base input tokens", "input_tokens"],
  ["Prompt", "input_tokens"],
  ["1M INPUT TOKENS (CACHE MISS)", "input_tokens"],
  ["1M INPUT TOKENS (CACHE HIT)", "cache_read_tokens"],
  ["Cached input", "cache_read_tokens"],
  ["Cache hits and refreshes", "cache_read_tokens"],
  ["5m cache writes", "cache_write_tokens"],
  ["1h cache writes", "cache_write_1h_tokens"],
  ["Cache writing (1 hour)", "cache_write_1h_tokens"],
  ["Output tokens", "output_tokens"],
  ["Completion", "output_tokens"],
  ["Input / output", "input_and_output"],
  ["Context length", "ignored"],
  ["Max output", "ignored"],
  ["Batch input", "ignored"],
  ["Cache storage", "ignored"],
  ["Training", "ignored"],
  ["Notes", undefined],
];

describe("a header of a price page", () => {
  for (const [label, expected] of ROLES) {
    it(`${label} is ${expected ?? "unknown"}`, () => {
      const role = roleOf(label);
      expect(role?.kind === "price" ? role.unit : role?.kind).to.equal(expected);
    });
  }
});
