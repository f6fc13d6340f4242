import { setTimeout as pause } from "node:timers/promises";
import type { Cleanup } from "../cleanup.ts";
import { USUAL_CREW, type Kind } from "../kind.ts";
import { newPostgres } from "../postgres.ts";
import { openStation } from "../station.ts";
import { newSqliteFile } from "../sqlite-file.ts";

/** `kill -9` of the server, which is started again on the same database. */
export const serverKill: Kind = {
  name: "server-kill",
  variants: ["sqlite", "postgres"],
  default_lanes: 2,
  rounds_per_station: 100,
  crew: () => USUAL_CREW,
  request_timeout_ms: 10_000,
  async open(variant, cleanup) {
    const database = variant === "sqlite" ? sqlite(cleanup) : await postgres(cleanup);
    return openStation(cleanup, {
      variant,
      ...database,
      faultOf: (server) => async (random) => {
        await server.kill();
        // Clients meet a closed port for a while, and the database what the server left in it.
        const down_ms = random.between(0, 100);
        await pause(down_ms);
        await server.start();
        return { what: `SIGKILL of the server, ${down_ms} ms down` };
      },
    });
  },
};

function sqlite(cleanup: Cleanup) {
  const file = newSqliteFile(cleanup);
  return { database_url: file.url, close: () => file.remove() };
}

async function postgres(cleanup: Cleanup) {
  const { server, stop } = await newPostgres(cleanup);
  return { database_url: server.url, close: stop };
}
