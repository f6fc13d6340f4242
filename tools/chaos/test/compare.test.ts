import { expect } from "chai";
import { Books } from "../src/books.ts";
import { compare } from "../src/compare.ts";
import type { Operation, Outcome } from "../src/operation.ts";
import type { AllocationRow, Rows, UsageRow } from "../src/rows.ts";

const allocate = (name: string): Operation => ({
  kind: "allocate",
  name,
  budget_id: "b",
  context_id: "c",
  tokens: 100,
});
const use = (name: string, has_key = true): Operation => ({
  kind: "use",
  name,
  on: { allocation_id: "a1" },
  input_tokens: 5,
  output_tokens: 2,
  final: false,
  has_key,
});
const acknowledged = (id: string, cost_nano_usd = 0n): Outcome => ({
  status: "acknowledged",
  id,
  cost_nano_usd,
});
const UNRESOLVED: Outcome = { status: "unresolved", reason: "no answer", timed_out: false };
const REJECTED: Outcome = { status: "rejected", reason: "no" };

const allocationRow = (change: Partial<AllocationRow> = {}): AllocationRow => ({
  id: "a1",
  name: "one",
  tokens: 100,
  ...change,
});
const usageRow = (change: Partial<UsageRow> = {}): UsageRow => ({
  id: "u1",
  name: "two",
  allocation_id: "a1",
  tokens: 7,
  cost_nano_usd: 900n,
  ...change,
});
const RIGHT: Rows = { allocations: [allocationRow()], usage_records: [usageRow()] };

/** Books of an allocation and a usage that were acknowledged, and of whatever else was sent. */
function booksOf(...more: readonly (readonly [Operation, Outcome])[]): Books {
  const books = new Books();
  books.note(allocate("one"), acknowledged("a1"));
  books.note(use("two"), acknowledged("u1", 900n));
  for (const [operation, outcome] of more) books.note(operation, outcome);
  return books;
}

/** How many things are lost, doubled and wrong. */
function counts(books: Books, rows: Rows): readonly [number, number, number] {
  const { lost, doubled, wrong } = compare(books.entries, rows);
  return [lost.length, doubled.length, wrong.length];
}

describe("the comparison of books and rows", () => {
  const cases: readonly {
    readonly what: string;
    readonly books: Books;
    readonly rows: Rows;
    readonly expected: readonly [lost: number, doubled: number, wrong: number];
  }[] = [
    { what: "everything is right", books: booksOf(), rows: RIGHT, expected: [0, 0, 0] },
    {
      what: "an acknowledged allocation is lost",
      books: booksOf(),
      rows: { ...RIGHT, allocations: [] },
      expected: [1, 0, 0],
    },
    {
      what: "an acknowledged usage record is lost",
      books: booksOf(),
      rows: { ...RIGHT, usage_records: [] },
      expected: [1, 0, 0],
    },
    {
      what: "an allocation is there under another id only",
      books: booksOf(),
      rows: { ...RIGHT, allocations: [allocationRow({ id: "a2" })] },
      expected: [1, 0, 0],
    },
    {
      what: "an allocation is there twice",
      books: booksOf(),
      rows: { ...RIGHT, allocations: [allocationRow(), allocationRow({ id: "a2" })] },
      expected: [0, 1, 0],
    },
    {
      what: "a usage record is there twice under one id",
      books: booksOf(),
      rows: { ...RIGHT, usage_records: [usageRow(), usageRow()] },
      expected: [0, 1, 0],
    },
    {
      what: "a usage without a key, which nobody answered, is not there",
      books: booksOf([use("three", false), UNRESOLVED]),
      rows: RIGHT,
      expected: [0, 0, 0],
    },
    {
      what: "a usage without a key, which nobody answered, is there once",
      books: booksOf([use("three", false), UNRESOLVED]),
      rows: { ...RIGHT, usage_records: [usageRow(), usageRow({ id: "u2", name: "three" })] },
      expected: [0, 0, 0],
    },
    {
      what: "a usage without a key, which nobody answered, is there twice",
      books: booksOf([use("three", false), UNRESOLVED]),
      rows: {
        ...RIGHT,
        usage_records: [
          usageRow(),
          usageRow({ id: "u2", name: "three" }),
          usageRow({ id: "u2", name: "three" }),
        ],
      },
      expected: [0, 1, 0],
    },
    {
      what: "the tokens of a usage are not those acknowledged",
      books: booksOf(),
      rows: { ...RIGHT, usage_records: [usageRow({ tokens: 14 })] },
      expected: [0, 0, 1],
    },
    {
      what: "the cost of a usage is not the one acknowledged",
      books: booksOf(),
      rows: { ...RIGHT, usage_records: [usageRow({ cost_nano_usd: 1800n })] },
      expected: [0, 0, 1],
    },
    {
      what: "an extension that was acknowledged is missing",
      books: booksOf([
        { kind: "extend", name: "three", allocation_id: "a1", additional_tokens: 5 },
        acknowledged("a1"),
      ]),
      rows: RIGHT,
      expected: [0, 0, 1],
    },
    {
      what: "an extension that was acknowledged is there",
      books: booksOf([
        { kind: "extend", name: "three", allocation_id: "a1", additional_tokens: 5 },
        acknowledged("a1"),
      ]),
      rows: { ...RIGHT, allocations: [allocationRow({ tokens: 105 })] },
      expected: [0, 0, 0],
    },
    {
      what: "a request that was rejected has made a row",
      books: booksOf([allocate("three"), REJECTED]),
      rows: { ...RIGHT, allocations: [allocationRow(), allocationRow({ id: "a2", name: "three" })] },
      expected: [0, 0, 1],
    },
    {
      what: "a row is there that nobody asked for",
      books: booksOf(),
      rows: { ...RIGHT, allocations: [allocationRow(), allocationRow({ id: "a2", name: "three" })] },
      expected: [0, 0, 1],
    },
  ];
  for (const { what, books, rows, expected } of cases) {
    it(`sees that ${what}`, () => {
      expect(counts(books, rows)).to.deep.equal(expected);
    });
  }

  it("counts the rows that there should be", () => {
    const books = booksOf([use("three", false), UNRESOLVED], [use("four", false), UNRESOLVED]);
    const rows = { ...RIGHT, usage_records: [usageRow(), usageRow({ id: "u2", name: "three" })] };
    expect(compare(books.entries, rows).expected).to.deep.equal({ allocations: 1, usage_records: 2 });
  });
});

describe("the books", () => {
  it("keep what was acknowledged when a repetition gets no answer", () => {
    const books = booksOf([use("two"), UNRESOLVED]);
    expect(books.unresolved()).to.have.length(0);
    expect(books.contradictions).to.have.length(0);
  });

  it("note an answer that contradicts the first", () => {
    expect(booksOf([use("two"), acknowledged("u2", 900n)]).contradictions).to.have.length(1);
    expect(booksOf([use("two"), acknowledged("u1", 1800n)]).contradictions).to.have.length(1);
    expect(booksOf([allocate("one"), REJECTED]).contradictions).to.have.length(1);
  });

  it("ask again only for requests with a key", () => {
    const books = booksOf([use("three"), UNRESOLVED], [use("four", false), UNRESOLVED]);
    expect(books.unresolved().map(({ operation }) => operation.name)).to.deep.equal(["three"]);
  });

  it("know which allocations are still open", () => {
    const release: Operation = { kind: "release", name: "three", allocation_id: "a1" };
    expect(booksOf([release, UNRESOLVED]).openAllocations()).to.have.length(1);
    expect(booksOf([release, UNRESOLVED], [release, acknowledged("a1")]).openAllocations()).to.have.length(0);
  });
});
