import { expect } from "chai";
import fc from "fast-check";
import { localTimeToInstant } from "@budget/domain";

/** Text, time zone, instant in UTC, and how it was read. */
const READINGS: readonly (readonly [string, string, string, "exact" | "ambiguous" | "skipped"])[] = [
  ["2026-11-23T10:43:23.658225", "UTC", "2026-11-23T10:43:23.658Z", "exact"],
  ["2026-11-23T10:43:23.6", "UTC", "2026-11-23T10:43:23.600Z", "exact"],
  ["2026-11-23T10:43:23", "Europe/Berlin", "2026-11-23T09:43:23.000Z", "exact"],
  ["2026-07-01 10:43", "Europe/Berlin", "2026-07-01T08:43:00.000Z", "exact"],
  ["2024-02-29T00:00:00", "Asia/Kolkata", "2024-02-28T18:30:00.000Z", "exact"],
  // Forward from 2:00 to 3:00.
  ["2026-03-29T01:59:59.999", "Europe/Berlin", "2026-03-29T00:59:59.999Z", "exact"],
  ["2026-03-29T02:00:00", "Europe/Berlin", "2026-03-29T01:00:00.000Z", "skipped"],
  ["2026-03-29T02:59:59", "Europe/Berlin", "2026-03-29T01:59:59.000Z", "skipped"],
  ["2026-03-29T03:00:00", "Europe/Berlin", "2026-03-29T01:00:00.000Z", "exact"],
  // Back from 3:00 to 2:00.
  ["2026-10-25T01:59:59", "Europe/Berlin", "2026-10-24T23:59:59.000Z", "exact"],
  ["2026-10-25T02:00:00", "Europe/Berlin", "2026-10-25T00:00:00.000Z", "ambiguous"],
  ["2026-10-25T02:59:59", "Europe/Berlin", "2026-10-25T00:59:59.000Z", "ambiguous"],
  ["2026-10-25T03:00:00", "Europe/Berlin", "2026-10-25T02:00:00.000Z", "exact"],
  ["2026-11-01T01:30:00", "America/New_York", "2026-11-01T05:30:00.000Z", "ambiguous"],
  // By half an hour.
  ["2026-04-05T01:45:00", "Australia/Lord_Howe", "2026-04-04T14:45:00.000Z", "ambiguous"],
  ["2026-10-04T02:15:00", "Australia/Lord_Howe", "2026-10-03T15:45:00.000Z", "skipped"],
  // A whole day was left out.
  ["2011-12-29T23:59:59", "Pacific/Apia", "2011-12-30T09:59:59.000Z", "exact"],
  ["2011-12-30T12:00:00", "Pacific/Apia", "2011-12-30T22:00:00.000Z", "skipped"],
  ["2011-12-31T00:00:00", "Pacific/Apia", "2011-12-30T10:00:00.000Z", "exact"],
];

describe("local times", () => {
  for (const [text, time_zone, instant, kind] of READINGS) {
    it(`reads ${text} in ${time_zone} as ${instant}, ${kind}`, () => {
      expect(localTimeToInstant(text, time_zone)).to.deep.equal({ at_ms: Date.parse(instant), kind });
    });
  }

  for (const text of [
    "",
    "yesterday",
    "2026-11-23",
    "10:43:23",
    "2026-11-23T10:43:23Z",
    "2026-11-23T10:43:23+01:00",
    "2026-02-29T10:00:00",
    "2026-13-01T10:00:00",
    "2026-11-31T10:00:00",
    "2026-11-23T24:00:01",
    "2026-11-23T10:60:00",
    "2026-11-23T10:43:60",
    " 2026-11-23T10:43:23",
  ]) {
    it(`does not take ${JSON.stringify(text)} for a local time`, () => {
      expect(localTimeToInstant(text, "Europe/Berlin")).to.equal(null);
    });
  }

  it("says that there is no such time zone", () => {
    expect(() => localTimeToInstant("2026-11-23T10:43:23", "Europe/Atlantis")).to.throw(RangeError);
    expect(() => localTimeToInstant("2026-11-23T10:43:23", "+01:00")).to.throw(RangeError);
  });

  it("finds back every instant that a clock shows, or the one an hour before that shows the same", () => {
    const zones = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC"];
    const instant = fc.integer({ min: 0, max: Date.parse("2040-01-01T00:00:00Z") });
    const shown = (at_ms: number, timeZone: string): string =>
      new Date(at_ms).toLocaleString("sv-SE", { timeZone }) + `.${String(at_ms % 1000).padStart(3, "0")}`;
    fc.assert(
      fc.property(instant, fc.constantFrom(...zones), (at_ms, zone) => {
        const read = localTimeToInstant(shown(at_ms, zone), zone);
        expect(read?.kind).to.not.equal("skipped");
        if (read?.at_ms === at_ms) return;
        expect(read).to.deep.equal({ at_ms: at_ms - 3_600_000, kind: "ambiguous" });
        expect(shown(at_ms - 3_600_000, zone)).to.equal(shown(at_ms, zone));
      }),
    );
  });
});
