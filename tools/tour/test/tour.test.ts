import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { compareOutput, withIds } from "../src/compare-output.ts";
import { readTour } from "../src/read-tour.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

/** A reader's folder, terminal and server. */
class Reader {
  readonly folder = mkdtempSync(join(tmpdir(), "budget-tour-"));
  readonly ids = new Map<string, string>();
  readonly #environment: NodeJS.ProcessEnv;
  readonly #port: number;
  #server: ChildProcess | null = null;

  private constructor(port: number, database_url: string) {
    this.#port = port;
    const budget = join(this.folder, "budget");
    writeFileSync(
      budget,
      `#!/bin/sh\nexec "${process.execPath}" "${join(root, "apps/cli/dist/main.js")}" "$@"\n`,
    );
    chmodSync(budget, 0o755);
    this.#environment = {
      ...process.env,
      PATH: [this.folder, process.env.PATH].join(delimiter),
      COLUMNS: "80",
      BUDGET_PORT: String(port),
      BUDGET_URL: `http://localhost:${port}`,
      BUDGET_DATABASE_URL: database_url === "" ? `sqlite:${join(this.folder, "budget.db")}` : database_url,
    };
  }

  static async open(database_url: string): Promise<Reader> {
    const probe = createServer().listen(0, "localhost");
    await once(probe, "listening");
    const { port } = probe.address() as AddressInfo;
    probe.close();
    await once(probe, "close");
    return new Reader(port, database_url);
  }

  async start(): Promise<void> {
    const server = spawn(process.execPath, [join(root, "apps/server/dist/main.js")], {
      env: this.#environment,
      cwd: this.folder,
      stdio: ["ignore", "ignore", "inherit"],
    });
    this.#server = server;
    const deadline_ms = performance.now() + READY_TIMEOUT_MS;
    while (!(await isReady(this.#port))) {
      if (server.exitCode !== null || performance.now() > deadline_ms)
        throw new Error("The server did not start.");
      await pause(POLL_MS);
    }
  }

  async kill(): Promise<void> {
    const server = this.#server;
    if (server?.exitCode !== null) return;
    const exited = once(server, "exit");
    server.kill("SIGKILL");
    await exited;
  }

  type(command: string): readonly string[] {
    const typed = withIds(command, this.ids);
    const result = spawnSync("/bin/sh", ["-c", `{ ${typed}\n} 2>&1`], {
      env: this.#environment,
      cwd: this.folder,
      encoding: "utf8",
    });
    const output = result.stdout.trimEnd();
    return output === "" ? [] : output.split("\n").map((line) => line.trimEnd());
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://localhost:${port}/ready`)).ok;
  } catch {
    return false;
  }
}

describe("the tour of the README", () => {
  for (const kind of TEST_DATABASES) {
    it(`shows what really happens on ${kind.name}`, async () => {
      const database = kind.name === "sqlite" ? null : await kind.open();
      const reader = await Reader.open(database?.url ?? "");
      try {
        for (const step of readTour(readme)) {
          if (step.kind === "start") await reader.start();
          if (step.kind === "kill") await reader.kill();
          if (step.kind === "command") {
            const difference = compareOutput(step.output, reader.type(step.command), reader.ids);
            expect(difference, `$ ${step.command}\n${difference ?? ""}`).to.equal(null);
          }
        }
      } finally {
        await reader.close();
        await database?.close();
      }
    });
  }

  it("has commands, a start and a kill", () => {
    const kinds = readTour(readme).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "command").length).to.be.greaterThan(8);
    expect(kinds.filter((kind) => kind === "start").length).to.equal(2);
    expect(kinds.filter((kind) => kind === "kill").length).to.equal(1);
  });
});

describe("compareOutput", () => {
  const one = "01a208da-4f60-7338-b691-414c770d439f";
  const other = "01a208da-4f9e-72a6-90ef-9b4a2f49bdf2";

  it("takes ids and times for equal, and remembers which id stands for which", () => {
    const ids = new Map<string, string>();
    expect(
      compareOutput([`id ${one} 2026-11-23T09:30:00Z`], [`id ${other} 2027-01-01T00:00:00Z`], ids),
    ).to.equal(null);
    expect(withIds(`show ${one}`, ids)).to.equal(`show ${other}`);
    expect(compareOutput([`id ${one}`], [`id ${one}`], ids)).to.contain("line 1");
  });

  it("finds lines that differ, are missing, or are too many", () => {
    expect(compareOutput(["a", "b"], ["a", "c"], new Map())).to.contain("line 2");
    expect(compareOutput(["a", "b"], ["a"], new Map())).to.contain("line 2");
    expect(compareOutput(["a"], ["a", "b"], new Map())).to.contain("line 2");
  });
});
