import { expect } from "chai";
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { openDatabase, type Database } from "../src/database.ts";
import { ensureUsagePartitions, migrate } from "../src/migrate.ts";
import * as tables from "../src/tables.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { T0, TENANT, budget, id, outboxEvent, usageRecord, write } from "./entities.ts";
import { TEST_DATABASES, startPostgres } from "./harness/test-databases.ts";

for (const kind of TEST_DATABASES) {
  describe(`test databases: ${kind.name}`, () => {
    it("gives each test a migrated database of its own", async () => {
      const [one, other] = [await kind.open(), await kind.open()];
      try {
        await one.database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
        expect(await other.knex("tenants")).to.have.length(0);
        expect(one.database.dialect.name).to.equal(kind.name);
      } finally {
        await one.close();
        await other.close();
      }
    });

    it("leaves nothing of a test to the next one", async () => {
      const changes: readonly ((database: Database) => Promise<unknown>)[] = [
        (database) =>
          database.transaction(ALL_TENANTS, async (transaction) => {
            await write.tenants(transaction, TENANT);
            await write.budgets(
              transaction,
              budget(),
              budget({ budget_id: id(101), parent_budget_id: id(100) }),
            );
            await write.usageRecords(transaction, usageRecord());
            await write.events(transaction, outboxEvent());
          }),
        (database) => database.knex.schema.createTable("another", (table) => table.integer("number")),
        (database) => ensureUsagePartitions(database, T0),
        (database) => database.knex("schema_migrations").delete(),
      ];
      for (const change of changes) {
        const one = await kind.open();
        await change(one.database);
        await one.close();
        const next = await kind.open();
        expect(await migrate(next.database)).to.deep.equal([]);
        expect(await next.database.knex.schema.hasTable("another")).to.equal(false);
        expect(await next.database.knex.schema.hasTable("usage_records_2026_11")).to.equal(false);
        for (const table of Object.values(tables)) {
          expect(await next.knex(table.name), table.name).to.have.length(0);
        }
        await next.database.transaction(ALL_TENANTS, (transaction) =>
          write.events(transaction, outboxEvent()),
        );
        expect(Number((await next.knex("events"))[0].sequence)).to.equal(1);
        await next.close();
      }
    });
  });
}

describe("the PostgreSQL server of tests", () => {
  it("ends with its process, also when that is killed", async () => {
    const harness = new URL("harness/postgres-server.ts", import.meta.url).href;
    const script = `
      const { startPostgres } = await import(${JSON.stringify(harness)});
      const { pid } = await startPostgres();
      const { readFileSync } = await import("node:fs");
      const folder = readFileSync("/proc/" + pid + "/cmdline", "utf8").split("\\0")[2];
      console.log(JSON.stringify({ pid, folder }));
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const answer = await new Promise<string>((resolve) =>
      child.stdout.once("data", (data) => resolve(String(data))),
    );
    const { pid, folder } = JSON.parse(answer) as { pid: number; folder: string };
    expect(isAlive(pid)).to.equal(true);
    child.kill("SIGKILL");
    while (isAlive(pid) || existsSync(folder)) await delay(20);
  });

  it("keeps what was committed when it crashes", async () => {
    const server = await startPostgres({ durable: true });
    try {
      const before = openDatabase({ url: server.url });
      await before.knex.schema.createTable("kept", (table) => table.integer("number"));
      await before.knex("kept").insert({ number: 1 });
      await before.close();
      await server.crash();
      await server.restart();
      const later = openDatabase({ url: server.url });
      expect(await later.knex("kept")).to.deep.equal([{ number: 1 }]);
      await later.close();
    } finally {
      await server.stop();
    }
  });
});

// A process that has ended and that nobody has waited for yet still has its number.
function isAlive(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.startsWith("Z") === false;
  } catch {
    return false;
  }
}
