import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { isUnavailable, openDatabase } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { TestEngine, value } from "../support.ts";
import { differences, dump, importRows, usageDraft, usedBy } from "./drafts.ts";

const HALF_IMPORT = fileURLToPath(new URL("half-import.ts", import.meta.url));
const ROWS = 3000;

type Importing = ChildProcessByStdio<Writable, Readable, null>;

/** Starts an import in a process of its own, which stands still when half of its rows are written. */
async function importHalf(url: string, budget_id: string): Promise<Importing> {
  const command = ["--conditions=budget-source", HALF_IMPORT, url, budget_id, String(ROWS)];
  const child = spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return child;
}

for (const kind of TEST_DATABASES) {
  describe(`an import in a process of its own on ${kind.name}`, () => {
    let test: TestEngine;
    let budget_id: string;
    let child: Importing;
    beforeEach(async () => {
      test = await TestEngine.open(kind, { file: true });
      ({ budget_id } = await test.budgetWith({ token_limit: 1_000_000 }));
    });
    afterEach(async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await test.close();
    });

    it("leaves nothing where it is killed, and the next one brings everything over", async () => {
      const before = await dump(test);
      child = await importHalf(test.test_database.url, budget_id);
      child.kill("SIGKILL");
      await once(child, "exit");
      expect(await dump(test)).to.equal(before);
      const rows = Array.from({ length: ROWS }, (_, index) => usageDraft(String(index)));
      expect(await importRows(test, budget_id, rows)).to.include({ imported: ROWS, merged: 0 });
      expect(await usedBy(test, budget_id)).to.deep.equal({ daily: ROWS * 100 });
      expect(await differences(test)).to.deep.equal([]);
    });

    it("lets a server beside it wait, or refuse as unavailable, and neither loses anything", async () => {
      const { test_database, clock } = test;
      // As a server opens it, that gives up sooner than a tool.
      const database = openDatabase({ url: test_database.url, exclusive: true, answer_timeout_ms: 300 });
      const server = TestEngine.on({ ...test_database, database }, clock);
      try {
        child = await importHalf(test_database.url, budget_id);
        const refused = await server.allocate(budget_id, 7).then(
          () => "answered",
          (error: unknown) => isUnavailable(error),
        );
        expect(refused).to.equal(true);
        child.stdin.write("go on\n");
        const waiting = server.allocate(budget_id, 11).then(
          (outcome) => value(outcome).allocation.tokens_allocated,
          (error: unknown) => (isUnavailable(error) ? 0 : Promise.reject(error as Error)),
        );
        expect((await once(child, "exit"))[0]).to.equal(0);
        const held = await waiting;
        value(await server.allocate(budget_id, 13));
        expect(await server.counted(budget_id)).to.include({ used: ROWS * 100, held: held + 13 });
        expect(await differences(server)).to.deep.equal([]);
      } finally {
        await server.engine.stop();
        await database.close();
      }
    });
  });
}
