import { AnswerCutter } from "../answer-cutter.ts";
import type { Cleanup } from "../cleanup.ts";
import { CUT_MANNERS, CommitCutter, type CutManner } from "../commit-cutter.ts";
import { USUAL_CREW, type Kind } from "../kind.ts";
import { newPostgres } from "../postgres.ts";
import { newSqliteFile } from "../sqlite-file.ts";
import { openStation, type Fault, type Station } from "../station.ts";
import type { Habit } from "../worker.ts";

/** From one cut, which the server mends unseen, to so many that it has to give up and clients have to try again. */
const COMMITS = [1, 2, 4, 5, 6, 8, 12, 20, 40];
const MAX_ANSWERS = 24;
const PATIENCE_MS = 5000;

/**
 * Behind the first two the connection to PostgreSQL breaks: many clients make transactions that carry several requests
 * each, few make such of one request, which nothing else in its transaction protects. In the last, the connection of a
 * client breaks.
 */
const CREWS: Readonly<Record<string, readonly Habit[]>> = {
  "commits of many agents": Array.from({ length: 32 }, () => "agent" as const),
  "commits of few reporters": ["reporter", "reporter", "agent"],
  "answers to clients": USUAL_CREW,
};

/** Connections break between a commit and its answer, so that nobody knows whether it happened. */
export const connectionDrop: Kind = {
  name: "connection-drop",
  variants: Object.keys(CREWS),
  default_lanes: 2,
  crew: (variant) => CREWS[variant]!,
  rounds_per_station: 100,
  request_timeout_ms: 10_000,
  open: (variant, cleanup) =>
    variant === "answers to clients" ? beforeServer(variant, cleanup) : beforeDatabase(variant, cleanup),
};

async function beforeDatabase(variant: string, cleanup: Cleanup): Promise<Station> {
  const { server: database, stop } = await newPostgres(cleanup);
  const cutter = new CommitCutter();
  const through = new URL(database.url);
  through.port = String(await cutter.start(through.hostname, Number(through.port)));
  const closeCutter = cleanup.add(() => cutter.close());
  return openStation(cleanup, {
    variant,
    database_url: database.url,
    server_database_url: through.href,
    faultOf: () => cuttingCommits(cutter),
    async close() {
      await closeCutter();
      await stop();
    },
  });
}

const cuttingCommits =
  (cutter: CommitCutter): Fault =>
  async (random) => {
    const commits = random.pick(COMMITS);
    const takes_all = random.fraction() < 0.25;
    const one = random.pick([...CUT_MANNERS, null]);
    const manner = (): CutManner => one ?? random.pick(CUT_MANNERS);
    const delay_ms = random.between(1, 40);
    const cut = await cutter.cut({ commits, manner, takes_all, delay_ms }, PATIENCE_MS);
    const others = takes_all ? ", with all other connections" : "";
    return { what: `${cut} of ${commits} commits cut: ${one ?? "mixed"}${others}` };
  };

async function beforeServer(variant: string, cleanup: Cleanup): Promise<Station> {
  const file = newSqliteFile(cleanup);
  const cutter = new AnswerCutter();
  const closeCutter = cleanup.add(() => cutter.close());
  return openStation(cleanup, {
    variant,
    database_url: file.url,
    async clientUrlOf(server) {
      const { hostname, port } = new URL(server.url);
      return `http://127.0.0.1:${await cutter.start(hostname, Number(port))}`;
    },
    faultOf: () => async (random) => {
      const answers = random.between(1, MAX_ANSWERS);
      return { what: `${await cutter.cut(answers, PATIENCE_MS)} of ${answers} answers cut` };
    },
    async close() {
      await closeCutter();
      await file.remove();
    },
  });
}
