import { Command, InvalidArgumentError, Option } from "commander";
import { Cleanup } from "./cleanup.ts";
import type { Kind } from "./kind.ts";
import { connectionDrop } from "./kinds/connection-drop.ts";
import { databaseAway } from "./kinds/database-away.ts";
import { diskFull } from "./kinds/disk-full.ts";
import { postgresCrash } from "./kinds/postgres-crash.ts";
import { serverKill } from "./kinds/server-kill.ts";
import { runLanes } from "./lanes.ts";
import { Tally, toProgress, toTable, violationsOf } from "./tally.ts";

const KINDS: readonly Kind[] = [serverKill, postgresCrash, connectionDrop, diskFull, databaseAway];
const ALL = "all";
const EXIT_INTERRUPTED = 130;
const CLEANUP_TIMEOUT_MS = 60_000;
const PROGRESS_ROUNDS = 10;
/** As many violations of one round as are printed; one cause often has many. */
const MAX_PRINTED_VIOLATIONS = 20;

interface Options {
  readonly kind: string;
  readonly rounds: number;
  readonly from: number;
  readonly seed: number;
  readonly lanes?: number;
  readonly awayMs: number;
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

function positive(text: string): number {
  const value = wholeNumber(text);
  if (value === 0) throw new InvalidArgumentError("It must be above 0.");
  return value;
}

const options = new Command("chaos")
  .description(
    "Breaks servers, databases, disks and connections under load, and checks that nothing is lost or doubled.",
  )
  .addOption(
    new Option("--kind <name>", "what is broken")
      .choices([...KINDS.map(({ name }) => name), ALL])
      .default(ALL),
  )
  .option("--rounds <n>", "rounds of each kind", positive, 200)
  .option("--from <n>", "number of the first round, to play one again", wholeNumber, 0)
  .option("--seed <n>", "what the load and the moments come from", wholeNumber, Date.now() % 1_000_000)
  .option("--lanes <n>", "independent servers and databases at once; each kind has its own default", positive)
  .option("--away-ms <n>", "how long the database is away", positive, 30_000)
  .parse()
  .opts<Options>();

const cleanup = new Cleanup();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(name, () => {
    setTimeout(() => process.exit(EXIT_INTERRUPTED), CLEANUP_TIMEOUT_MS).unref();
    void cleanup.run().then(() => process.exit(EXIT_INTERRUPTED));
  });
}

async function run(kind: Kind): Promise<Tally> {
  const { seed, rounds, from } = options;
  const lanes = options.lanes ?? kind.default_lanes;
  console.error(`${kind.name}: ${rounds} rounds from ${from} on, seed ${seed}, ${lanes} lanes`);
  const tally = new Tally(kind.name);
  const start_ms = performance.now();
  const laneOptions = { seed, rounds, from, lanes, away_ms: options.awayMs };
  await runLanes(kind, laneOptions, cleanup, (round, variant, result) => {
    tally.add(result);
    const violations = violationsOf(result);
    if (violations.length > 0) {
      console.error(
        `VIOLATION: seed ${seed}, kind ${kind.name}, round ${round} (${variant}; ${result.fault}):`,
      );
      for (const text of violations.slice(0, MAX_PRINTED_VIOLATIONS)) console.error(`  ${text}`);
      const more = violations.length - MAX_PRINTED_VIOLATIONS;
      if (more > 0) console.error(`  and ${more} more`);
    }
    if (tally.rounds % PROGRESS_ROUNDS === 0 || tally.rounds === rounds)
      console.error(toProgress(tally, rounds, (performance.now() - start_ms) / 1000));
  });
  return tally;
}

const tallies: Tally[] = [];
let isShown = true;
for (const kind of KINDS) {
  if (options.kind !== kind.name && options.kind !== ALL) continue;
  try {
    tallies.push(await run(kind));
  } catch (error) {
    isShown = false;
    console.error(
      `${kind.name} could not be run: ${error instanceof Error ? (error.stack ?? "") : String(error)}`,
    );
  }
  await cleanup.run();
}
console.log(`Seed ${options.seed}.\n\n${toTable(tallies)}`);
if (!isShown || tallies.some(({ violations }) => violations > 0)) process.exitCode = 1;
