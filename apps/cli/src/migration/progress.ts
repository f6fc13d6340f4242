import type { OnProgress } from "@budget/migration";
import type { World } from "../session.ts";

export interface Progress {
  readonly show: OnProgress;
  /** Takes the bar away. */
  readonly end: () => void;
}

/** What takes less needs no progress. */
const FIRST_AFTER_MS = 1000;
const REDRAW_MS = 100;
const LINE_EVERY_MS = 5000;
const CLEAR_LINE = "\r\u001b[K";
const LONGEST_BAR = 30;
const SAFE = "This may be stopped at any time: run again, it goes on with the file that it was at.";

/**
 * Shows how far work is, on standard error: a bar where somebody sits at a terminal, else a line every few seconds.
 * @param now the time in milliseconds
 */
export function createProgress({ terminal, stderr }: World, now: () => number): Progress {
  let shown_ms = now();
  let current = { what: "", begin_ms: shown_ms };
  let isBegun = false;
  return {
    show(what, rows, share) {
      const now_ms = now();
      if (what !== current.what) current = { what, begin_ms: now_ms };
      const rest_ms = terminal === null ? LINE_EVERY_MS : isBegun ? REDRAW_MS : FIRST_AFTER_MS;
      if (now_ms - shown_ms < rest_ms) return;
      shown_ms = now_ms;
      if (!isBegun) stderr(`${SAFE}\n`);
      isBegun = true;
      const text = textOf(rows, share, now_ms - current.begin_ms);
      if (terminal === null) stderr(`${what}: ${text}\n`);
      else stderr(CLEAR_LINE + drawn(what, text, share, terminal.columns));
    },
    end() {
      if (isBegun && terminal !== null) stderr(CLEAR_LINE);
      isBegun = false;
    },
  };
}

function textOf(rows: number, share: number, elapsed_ms: number): string {
  const a_second = Math.round((rows * 1000) / Math.max(elapsed_ms, 1));
  const counts = `${rows.toLocaleString("en-US")} rows, ${a_second.toLocaleString("en-US")} a second`;
  return `${Math.floor(share * 100)} %, ${counts}`;
}

/** One line of a terminal, with a bar in the room that the words leave. */
function drawn(what: string, text: string, share: number, columns: number): string {
  const room = Math.min(columns - what.length - text.length - 6, LONGEST_BAR);
  const full = Math.round(share * room);
  const bar = room < 4 ? "" : `[${"#".repeat(full)}${"-".repeat(room - full)}] `;
  return `${what} ${bar}${text}`.slice(0, columns - 1);
}
