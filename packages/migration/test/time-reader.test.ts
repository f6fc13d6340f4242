import { localTimeToInstant } from "@budget/domain";
import { expect } from "chai";
import { TimeReader, timeRemarks } from "../src/index.ts";

const ZONE = "Europe/Berlin";

/** What is written, and when that was in UTC; null for what is no time. */
const TIMES: readonly (readonly [unknown, string | null])[] = [
  ["2026-03-01T09:03:26.117306", "2026-03-01T08:03:26.117Z"],
  ["2026-07-01 09:03:26", "2026-07-01T07:03:26.000Z"],
  ["2026-07-01T09:03", "2026-07-01T07:03:00.000Z"],
  ["2026-07-01T09:03:26Z", "2026-07-01T09:03:26.000Z"],
  ["2026-07-01T09:03:26.5z", "2026-07-01T09:03:26.500Z"],
  ["2026-07-01T09:03:26+00:00", "2026-07-01T09:03:26.000Z"],
  ["2026-07-01T09:03:26.117306+05:30", "2026-07-01T03:33:26.117Z"],
  ["2026-07-01T09:03:26-0430", "2026-07-01T13:33:26.000Z"],
  ["2026-10-25T02:30:15", "2026-10-25T00:30:15.000Z"],
  ["2026-03-29T02:30:15", "2026-03-29T01:30:15.000Z"],
  ["2026-02-30T09:03:26", null],
  ["2026-02-30T09:03:26Z", null],
  ["2026-07-01T09:03:60", null],
  ["2026-07-01T25:03:00+01:00", null],
  ["2026-07-01T09:60:00", null],
  ["2026-07-01", null],
  ["yesterday", null],
  ["", null],
  [null, null],
  [1_782_000_000, null],
];

describe("TimeReader", () => {
  for (const [written, instant] of TIMES) {
    it(`reads ${JSON.stringify(written)} as ${instant ?? "no time"}`, () => {
      const at_ms = new TimeReader(ZONE).read(written);
      expect(at_ms === null ? null : new Date(at_ms).toISOString()).to.equal(instant);
    });
  }

  it("counts how it read them, and says what should be known", () => {
    const reader = new TimeReader(ZONE);
    for (const [written] of TIMES) reader.read(written);
    expect(reader.counts).to.deep.equal({ with_offset: 5, local: 5, ambiguous: 1, skipped: 1 });
    expect(timeRemarks(reader.counts, ZONE)).to.deep.equal([
      "5 times had an offset from UTC and did not need the time zone.",
      "1 time came twice on clocks of Europe/Berlin that were set back; the first was taken.",
      "1 time never came on clocks of Europe/Berlin that were set forward; taken as if they had not been.",
    ]);
    expect(timeRemarks({ with_offset: 0, local: 9, ambiguous: 0, skipped: 0 }, ZONE)).to.deep.equal([]);
  });

  it("reads every minute of days on which clocks are changed as the domain does, one after the other", () => {
    const zones: readonly (readonly [string, string])[] = [
      ["Europe/Berlin", "2026-03-29"],
      ["Europe/Berlin", "2026-10-25"],
      ["Australia/Lord_Howe", "2026-04-05"],
      ["Australia/Lord_Howe", "2026-10-04"],
    ];
    for (const [zone, day] of zones) {
      const reader = new TimeReader(zone);
      for (let minute = 0; minute < 5 * 60; minute += 1) {
        const clock = `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`;
        const read = reader.read(`${day}T${clock}:30`);
        expect(read, clock).to.equal(localTimeToInstant(`${day}T${clock}:30`, zone)?.at_ms);
      }
      expect(reader.counts.ambiguous + reader.counts.skipped, day).to.equal(
        zone === "Europe/Berlin" ? 60 : 30,
      );
    }
  });
});
