import type { PostgresServer } from "@budget/repositories/testing";
import { openDatabase } from "@budget/repositories";
import type { Cleanup } from "../cleanup.ts";
import { USUAL_CREW, type Kind } from "../kind.ts";
import { newPostgres, waitUntilItAnswers } from "../postgres.ts";
import { isAlive } from "../processes.ts";
import { SmallDisk } from "../small-disk.ts";
import { newSqliteFile } from "../sqlite-file.ts";
import { openStation } from "../station.ts";

const SIZE_MIB = 384;
/** Little of the disk for the log of PostgreSQL, so that the tables have place for many rounds. */
const SETTINGS = ["min_wal_size=32MB", "max_wal_size=64MB"];
/** So many requests at least must fail, since a database can write for a while into space that it has reserved. */
const FAILURES = 4;
const PATIENCE_MS = 5000;

/** The disk of the database has no place left for a while. */
export const diskFull: Kind = {
  name: "disk-full",
  variants: ["sqlite", "postgres"],
  default_lanes: 2,
  crew: () => USUAL_CREW,
  rounds_per_station: 15,
  request_timeout_ms: 10_000,
  async open(variant, cleanup) {
    const disk = SmallDisk.mount(cleanup, SIZE_MIB);
    const database = variant === "sqlite" ? sqlite(cleanup, disk) : await postgres(cleanup, disk);
    return openStation(cleanup, {
      variant,
      database_url: database.url,
      prepare: database.prepare,
      faultOf: () => async (random, load) => {
        const [before, start_ms] = [load.failures(), performance.now()];
        const least_ms = random.between(50, 600);
        const failures = () => load.failures() - before;
        await disk.fillUntil(() => {
          const elapsed_ms = performance.now() - start_ms;
          return (failures() >= FAILURES && elapsed_ms > least_ms) || elapsed_ms > PATIENCE_MS;
        });
        const full_ms = Math.round(performance.now() - start_ms);
        return { what: `disk full for ${full_ms} ms, ${await database.heal()}` };
      },
      async close() {
        await database.close();
        await disk.unmount();
      },
    });
  },
};

/** A database on a small disk. */
interface OnDisk {
  readonly url: string;
  /** Before each round. */
  readonly prepare: () => Promise<void>;
  /** Does what an operator has to do once there is place again. */
  readonly heal: () => Promise<string>;
  readonly close: () => Promise<void>;
}

function sqlite(cleanup: Cleanup, disk: SmallDisk): OnDisk {
  const file = newSqliteFile(cleanup, disk.folder);
  return {
    url: file.url,
    // Else the log has so much space of its own that a full disk is not noticed for many rounds.
    async prepare() {
      const database = openDatabase({ url: file.url });
      await database.knex.raw("PRAGMA wal_checkpoint(TRUNCATE)");
      await database.close();
    },
    heal: () => Promise.resolve("nothing to mend"),
    close: () => file.remove(),
  };
}

async function postgres(cleanup: Cleanup, disk: SmallDisk): Promise<OnDisk> {
  const { server, stop } = await newPostgres(cleanup, { parent_folder: disk.folder, settings: SETTINGS });
  return {
    url: server.url,
    prepare: () => Promise.resolve(),
    heal: () => healPostgres(server),
    close: stop,
  };
}

/** Where its log could not be written, PostgreSQL crashes, and may not come up again before there is place. */
async function healPostgres(server: PostgresServer): Promise<string> {
  const answered = await waitUntilItAnswers(server.url, () => isAlive(server.pid));
  if (answered) return "PostgreSQL lived on";
  await server.restart();
  return "PostgreSQL had ended and was started again";
}
