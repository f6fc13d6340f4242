import { expect } from "chai";
import fc from "fast-check";
import { PERIODS, type Period } from "../src/enums.ts";
import { type Window, createWindowCache, isTimeZone, windowAt } from "../src/windows.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const CALENDAR_PERIODS = ["hourly", "daily", "weekly", "monthly"] as const;
type CalendarPeriod = (typeof CALENDAR_PERIODS)[number];

/** What the clocks show, straight from the platform and without luxon, as if it were UTC. */
function clocksOf(time_zone: string): (at_ms: number) => number {
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone: time_zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  });
  return (at_ms) => {
    const shown = new Map(format.formatToParts(at_ms).map(({ type, value }) => [type, Number(value)]));
    const part = (name: Intl.DateTimeFormatPartTypes) => shown.get(name)!;
    return (
      Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second")) +
      (((at_ms % 1000) + 1000) % 1000)
    );
  };
}

/** A text that is the same exactly within one window, as long as no clock is set back over midnight. */
function nameOfWindow(period: CalendarPeriod, shown_ms: number, at_ms: number): string {
  switch (period) {
    case "hourly":
      return `${Math.floor(shown_ms / HOUR_MS)} at ${shown_ms - at_ms}`;
    case "daily":
      return new Date(shown_ms).toISOString().slice(0, 10);
    case "weekly":
      // The epoch began on a Thursday.
      return String(Math.floor((shown_ms / DAY_MS + 3) / 7));
    case "monthly":
      return new Date(shown_ms).toISOString().slice(0, 7);
  }
}

/** The instants at which clocks change, found to the millisecond. */
function changesOf(time_zone: string, from_year: number, to_year: number): number[] {
  const shows = clocksOf(time_zone);
  const offset = (at_ms: number) => shows(at_ms) - at_ms;
  const changes: number[] = [];
  for (let at_ms = Date.UTC(from_year, 0); at_ms < Date.UTC(to_year, 0); at_ms += 5 * DAY_MS) {
    let [before_ms, after_ms] = [at_ms, at_ms + 5 * DAY_MS];
    if (offset(before_ms) === offset(after_ms)) continue;
    while (after_ms - before_ms > 1) {
      const middle_ms = Math.floor((before_ms + after_ms) / 2);
      if (offset(middle_ms) === offset(at_ms)) before_ms = middle_ms;
      else after_ms = middle_ms;
    }
    changes.push(after_ms);
  }
  return changes;
}

const ms = (iso: string): number => Date.parse(iso);
const shown = (window: Window) => [
  new Date(window.start_ms).toISOString().replace(":00.000Z", "Z"),
  window.end_ms === null ? null : new Date(window.end_ms).toISOString().replace(":00.000Z", "Z"),
];
const closed = (window: Window): { start_ms: number; end_ms: number } => {
  if (window.end_ms === null) throw new Error("the window has no end");
  return { start_ms: window.start_ms, end_ms: window.end_ms };
};

const CASES: readonly [what: string, period: Period, zone: string, at: string, start: string, end: string][] =
  [
    ["an hour", "hourly", "UTC", "2026-11-23T09:59:59.999Z", "2026-11-23T09:00Z", "2026-11-23T10:00Z"],
    [
      "the start belongs to it",
      "hourly",
      "UTC",
      "2026-11-23T09:00Z",
      "2026-11-23T09:00Z",
      "2026-11-23T10:00Z",
    ],
    [
      "30 minutes off",
      "hourly",
      "Asia/Kolkata",
      "2026-11-23T09:10Z",
      "2026-11-23T08:30Z",
      "2026-11-23T09:30Z",
    ],
    [
      "45 minutes off",
      "hourly",
      "Asia/Kathmandu",
      "2026-11-23T09:10Z",
      "2026-11-23T08:15Z",
      "2026-11-23T09:15Z",
    ],
    [
      "last before spring",
      "hourly",
      "Europe/Berlin",
      "2026-03-29T00:30Z",
      "2026-03-29T00:00Z",
      "2026-03-29T01:00Z",
    ],
    [
      "first after spring",
      "hourly",
      "Europe/Berlin",
      "2026-03-29T01:30Z",
      "2026-03-29T01:00Z",
      "2026-03-29T02:00Z",
    ],
    [
      "repeated, first",
      "hourly",
      "Europe/Berlin",
      "2026-10-25T00:30Z",
      "2026-10-25T00:00Z",
      "2026-10-25T01:00Z",
    ],
    [
      "repeated, second",
      "hourly",
      "Europe/Berlin",
      "2026-10-25T01:30Z",
      "2026-10-25T01:00Z",
      "2026-10-25T02:00Z",
    ],
    [
      "half repeated",
      "hourly",
      "Australia/Lord_Howe",
      "2024-04-06T14:45Z",
      "2024-04-06T14:00Z",
      "2024-04-06T15:00Z",
    ],
    [
      "the repeated half",
      "hourly",
      "Australia/Lord_Howe",
      "2024-04-06T15:15Z",
      "2024-04-06T15:00Z",
      "2024-04-06T15:30Z",
    ],
    [
      "half skipped",
      "hourly",
      "Australia/Lord_Howe",
      "2024-10-05T15:45Z",
      "2024-10-05T15:30Z",
      "2024-10-05T16:00Z",
    ],

    ["a day", "daily", "UTC", "2026-11-23T09:30Z", "2026-11-23T00:00Z", "2026-11-24T00:00Z"],
    ["a leap day", "daily", "UTC", "2028-02-29T23:59:59.999Z", "2028-02-29T00:00Z", "2028-03-01T00:00Z"],
    ["23 hours", "daily", "Europe/Berlin", "2026-03-29T12:00Z", "2026-03-28T23:00Z", "2026-03-29T22:00Z"],
    ["25 hours", "daily", "Europe/Berlin", "2026-10-25T12:00Z", "2026-10-24T22:00Z", "2026-10-25T23:00Z"],
    [
      "24.5 hours",
      "daily",
      "Australia/Lord_Howe",
      "2024-04-07T02:00Z",
      "2024-04-06T13:00Z",
      "2024-04-07T13:30Z",
    ],
    [
      "23.5 hours",
      "daily",
      "Australia/Lord_Howe",
      "2024-10-06T02:00Z",
      "2024-10-05T13:30Z",
      "2024-10-06T13:00Z",
    ],
    [
      "from 01:00",
      "daily",
      "America/Sao_Paulo",
      "2018-11-04T12:00Z",
      "2018-11-04T03:00Z",
      "2018-11-05T02:00Z",
    ],
    [
      "up to 01:00",
      "daily",
      "America/Sao_Paulo",
      "2018-11-04T02:59Z",
      "2018-11-03T03:00Z",
      "2018-11-04T03:00Z",
    ],
    [
      "25th hour last",
      "daily",
      "America/Sao_Paulo",
      "2018-02-18T02:30Z",
      "2018-02-17T02:00Z",
      "2018-02-18T03:00Z",
    ],
    ["from 01:00", "daily", "Africa/Cairo", "2024-04-26T12:00Z", "2024-04-25T22:00Z", "2024-04-26T21:00Z"],
    [
      "midnight twice",
      "daily",
      "America/Havana",
      "2026-11-01T05:30Z",
      "2026-11-01T04:00Z",
      "2026-11-02T05:00Z",
    ],
    [
      "midnight at a cut",
      "daily",
      "Asia/Pyongyang",
      "2018-05-05T00:00Z",
      "2018-05-04T15:00Z",
      "2018-05-05T15:00Z",
    ],
    [
      "midnight in a gap",
      "daily",
      "America/Toronto",
      "1919-03-31T12:00Z",
      "1919-03-31T04:30Z",
      "1919-04-01T04:00Z",
    ],
    [
      "before a lost day",
      "daily",
      "Pacific/Apia",
      "2011-12-30T09:59Z",
      "2011-12-29T10:00Z",
      "2011-12-30T10:00Z",
    ],
    [
      "after a lost day",
      "daily",
      "Pacific/Apia",
      "2011-12-30T10:00Z",
      "2011-12-30T10:00Z",
      "2011-12-31T10:00Z",
    ],
    [
      "the first midnight",
      "daily",
      "America/St_Johns",
      "2010-11-07T02:30:30Z",
      "2010-11-06T02:30Z",
      "2010-11-07T03:30Z",
    ],
    [
      "back over midnight",
      "daily",
      "America/St_Johns",
      "2010-11-07T02:45Z",
      "2010-11-06T02:30Z",
      "2010-11-07T03:30Z",
    ],

    ["Monday", "weekly", "UTC", "2026-11-23T00:00Z", "2026-11-23T00:00Z", "2026-11-30T00:00Z"],
    ["Sunday", "weekly", "UTC", "2026-11-22T23:59Z", "2026-11-16T00:00Z", "2026-11-23T00:00Z"],
    ["over the year", "weekly", "UTC", "2027-01-01T12:00Z", "2026-12-28T00:00Z", "2027-01-04T00:00Z"],
    [
      "an hour short",
      "weekly",
      "Europe/Berlin",
      "2026-03-29T12:00Z",
      "2026-03-22T23:00Z",
      "2026-03-29T22:00Z",
    ],
    ["six days", "weekly", "Pacific/Apia", "2011-12-31T12:00Z", "2011-12-26T10:00Z", "2012-01-01T10:00Z"],

    ["28 days", "monthly", "UTC", "2026-02-28T23:59Z", "2026-02-01T00:00Z", "2026-03-01T00:00Z"],
    ["into a new year", "monthly", "UTC", "2026-12-31T12:00Z", "2026-12-01T00:00Z", "2027-01-01T00:00Z"],
    [
      "an hour short",
      "monthly",
      "America/New_York",
      "2026-03-31T12:00Z",
      "2026-03-01T05:00Z",
      "2026-04-01T04:00Z",
    ],
    [
      "already the next",
      "monthly",
      "Pacific/Kiritimati",
      "2026-05-31T10:00Z",
      "2026-05-31T10:00Z",
      "2026-06-30T10:00Z",
    ],
  ];

describe("windows", () => {
  for (const [what, period, zone, at, start, end] of CASES) {
    it(`${period} in ${zone} at ${at}: ${what}`, () => {
      expect(shown(windowAt(period, zone, ms(at)))).to.deep.equal([start, end]);
    });
  }

  it("is all time for a budget's whole life, a session and a task", () => {
    for (const period of ["total", "per_session", "per_task"] as const) {
      expect(windowAt(period, "Europe/Berlin", ms("2026-11-23T09:30Z"))).to.deep.equal({
        start_ms: 0,
        end_ms: null,
      });
    }
  });

  it("refuses a time zone and an instant that do not exist", () => {
    for (const zone of ["Mars/Olympus", "", "+02:00"]) {
      expect(() => windowAt("daily", zone, 0)).to.throw(RangeError, "no time zone is called");
      expect(() => windowAt("hourly", zone, 0)).to.throw(RangeError, "no time zone is called");
    }
    for (const at_ms of [Number.NaN, Number.POSITIVE_INFINITY, 0.5, 8.64e15]) {
      expect(() => windowAt("daily", "UTC", at_ms)).to.throw(RangeError, "not an instant");
      expect(() => windowAt("hourly", "UTC", at_ms)).to.throw(RangeError, "not an instant");
    }
  });

  it("knows time zones by their names", () => {
    for (const name of ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"]) {
      expect(isTimeZone(name), name).to.equal(true);
    }
    for (const name of ["", " ", "Europe/Nowhere", "+02:00", "-0500", "Europe/Berlin ", "local", "system"]) {
      expect(isTimeZone(name), name).to.equal(false);
    }
  });

  describe("always", () => {
    // Between them they show every kind of change: none, an hour, half an hour, two hours, at midnight, a lost day.
    const ZONES = [
      ...[
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "America/Sao_Paulo",
        "America/Havana",
        "Asia/Kathmandu",
      ],
      ...["Australia/Lord_Howe", "Pacific/Apia", "Africa/Cairo", "Antarctica/Troll", "Asia/Pyongyang"],
    ];
    // Clocks went back at one minute past midnight here, so that the old date came again.
    const BACK_OVER_MIDNIGHT = ["America/St_Johns", "America/Moncton"];

    const instants = new Map<string, fc.Arbitrary<number>>();
    const any = { min: Date.UTC(1970, 0, 2), max: Date.UTC(2100, 0) };
    before(() => {
      for (const zone of [...ZONES, ...BACK_OVER_MIDNIGHT]) {
        const changes = changesOf(zone, 2004, 2026);
        const anyInstant = fc.integer(any);
        if (changes.length === 0) {
          instants.set(zone, anyInstant);
          continue;
        }
        const change = fc.constantFrom(...changes);
        const near = (reach_ms: number) =>
          fc
            .tuple(change, fc.integer({ min: -reach_ms, max: reach_ms }))
            .map(([at_ms, by_ms]) => at_ms + by_ms);
        instants.set(
          zone,
          fc.oneof(anyInstant, near(1), near(MINUTE_MS), near(2 * HOUR_MS), near(2 * DAY_MS)),
        );
      }
    });

    for (const zone of [...ZONES, ...BACK_OVER_MIDNIGHT]) {
      it(`the windows of ${zone} hold their instant and meet their neighbours`, () => {
        fc.assert(
          fc.property(
            fc.constantFrom(...CALENDAR_PERIODS),
            instants.get(zone)!,
            fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
            (period, at_ms, share) => {
              const window = closed(windowAt(period, zone, at_ms));
              const { start_ms, end_ms } = window;
              expect(start_ms).to.be.at.most(at_ms);
              expect(end_ms).to.be.above(at_ms);
              const inside_ms = start_ms + Math.floor((end_ms - start_ms) * share);
              for (const same_ms of [start_ms, inside_ms, end_ms - 1]) {
                expect(windowAt(period, zone, same_ms)).to.deep.equal(window);
              }
              expect(windowAt(period, zone, end_ms).start_ms).to.equal(end_ms);
              expect(windowAt(period, zone, start_ms - 1).end_ms).to.equal(start_ms);
            },
          ),
        );
      });
    }

    for (const zone of ZONES) {
      it(`the windows of ${zone} are as long as its clocks show the same`, () => {
        const shows = clocksOf(zone);
        fc.assert(
          fc.property(fc.constantFrom(...CALENDAR_PERIODS), instants.get(zone)!, (period, at_ms) => {
            const { start_ms, end_ms } = closed(windowAt(period, zone, at_ms));
            const name = (ms: number) => nameOfWindow(period, shows(ms), ms);
            expect([name(start_ms), name(end_ms - 1)]).to.deep.equal([name(at_ms), name(at_ms)]);
            expect(name(start_ms - 1)).not.to.equal(name(at_ms));
            expect(name(end_ms)).not.to.equal(name(at_ms));
          }),
        );
      });
    }

    it("every time zone has windows", () => {
      fc.assert(
        fc.property(
          fc.constantFrom(...Intl.supportedValuesOf("timeZone")),
          fc.constantFrom(...CALENDAR_PERIODS),
          fc.integer(any),
          (zone, period, at_ms) => {
            expect(isTimeZone(zone)).to.equal(true);
            const { start_ms, end_ms } = closed(windowAt(period, zone, at_ms));
            expect(start_ms).to.be.at.most(at_ms);
            expect(end_ms).to.be.above(at_ms);
          },
        ),
      );
    });
  });

  describe("cache", () => {
    it("answers as if there were none, whatever was asked before", () => {
      const zones = ["UTC", "Europe/Berlin", "Pacific/Apia"];
      const question = fc.tuple(
        fc.constantFrom(...PERIODS),
        fc.constantFrom(...zones),
        fc.integer({ min: ms("2011-12-28T00:00Z"), max: ms("2012-01-02T00:00Z") }),
      );
      fc.assert(
        fc.property(fc.array(question, { minLength: 20, maxLength: 60 }), (questions) => {
          const cached = createWindowCache();
          for (const asked of questions) expect(cached(...asked)).to.deep.equal(windowAt(...asked));
        }),
      );
    });

    it("remembers a window up to its last millisecond", () => {
      const cached = createWindowCache();
      const window = cached("daily", "UTC", ms("2026-11-23T09:30Z"));
      expect(cached("daily", "UTC", ms("2026-11-23T00:00Z"))).to.equal(window);
      expect(cached("daily", "UTC", ms("2026-11-23T23:59:59.999Z"))).to.equal(window);
      expect(shown(cached("daily", "UTC", ms("2026-11-24T00:00Z")))[0]).to.equal("2026-11-24T00:00Z");
    });
  });
});
