import type { UsageDraft } from "@budget/engine";
import { SourceError, type RowReading } from "@budget/migration";
import SqliteDatabase from "better-sqlite3";
import { expect } from "chai";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RhetorFile } from "../../src/migration/rhetor-file.ts";
import { openRhetorHistory, type RhetorHistory, type RhetorRate } from "../../src/index.ts";
import { NOW_MS, SCHEMA, SETTING, USAGE, insert, withFile, withRows } from "./support.ts";

const open = (place: string, rates: readonly RhetorRate[] = []): RhetorHistory =>
  openRhetorHistory({ place, time_zone: "Europe/Berlin", now_ms: NOW_MS, rates });

async function usageOf(source: RhetorHistory): Promise<readonly RowReading<UsageDraft>[]> {
  const rows: RowReading<UsageDraft>[] = [];
  for await (const row of source.parts[0]!.usage!()) rows.push(row);
  return rows;
}

async function failure(path: string): Promise<string> {
  let source: RhetorHistory | undefined;
  try {
    source = open(path);
    await source.parts[0]!.policies();
    await usageOf(source);
  } catch (error) {
    if (error instanceof SourceError) return error.message.replaceAll(path, "FILE");
    throw error;
  } finally {
    source?.close();
  }
  throw new Error("It was read.");
}

/** A file of many pages. */
const MANY = Array.from({ length: 2000 }, () => USAGE);

describe("Rhetor's database", () => {
  const foreign: readonly (readonly [string, string, RegExp])[] = [
    [
      "no table of it",
      "CREATE TABLE other (id INTEGER)",
      /^FILE is not Rhetor's database: it has no table usage\. Rhetor's usage has id, timestamp, provider,/,
    ],
    [
      "no settings",
      SCHEMA.replace("TABLE budget_settings", "TABLE settings"),
      /it has no table budget_settings\. Rhetor's budget_settings has id, period/,
    ],
    [
      "other columns",
      SCHEMA.replace("cost REAL", "price REAL").replace("model TEXT, ", ""),
      /its table usage has no column model, cost\. Rhetor's usage has/,
    ],
    [
      "an id that repeats",
      SCHEMA.replace("id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp", "id INTEGER, timestamp"),
      /the id of its table usage is not its primary key/,
    ],
  ];
  for (const [what, schema, message] of foreign) {
    it(`is not one with ${what}`, async () => {
      await withFile(
        (database) => database.exec(schema),
        async (path) => {
          expect(await failure(path)).to.match(message);
        },
      );
    });
  }

  it("is not a file of another kind, an empty one, a directory, or none", async () => {
    await withRows([], [], async (path, folder) => {
      const text = join(folder, "text");
      writeFileSync(text, "id,timestamp,provider\n");
      const empty = join(folder, "empty");
      writeFileSync(empty, "");
      expect(await failure(text)).to.equal(
        "FILE is not a SQLite file. Name the file rhetor.db that Rhetor keeps.",
      );
      expect(await failure(empty)).to.match(/^FILE is not a SQLite file\./);
      expect(await failure(folder)).to.match(/^FILE is a directory\. Name the file rhetor\.db/);
      expect(await failure(join(folder, "none"))).to.match(/^FILE cannot be read \(ENOENT\)/);
      expect(existsSync(`${path}-wal`)).to.equal(false);
    });
  });

  it("is damaged where pages are missing, or overwritten", async () => {
    await withRows(MANY, [], async (path) => {
      const content = readFileSync(path);
      truncateSync(path, Math.floor(statSync(path).size / 2));
      expect(await failure(path)).to.match(
        /^FILE is damaged \(.*\): it was half written or cut off\. Nothing of it was imported\. Take it from a backup/,
      );
      content.fill(0xa5, 4096 * 20, 4096 * 24);
      writeFileSync(path, content);
      expect(await failure(path)).to.match(/^FILE is damaged/);
    });
  });

  it("is half written where its last writer was killed, and is left as it is", async () => {
    await withRows(MANY, [], async (path) => {
      const writer = `
        const Database = require("better-sqlite3");
        const database = new Database(process.argv[1]);
        database.pragma("cache_size = 2");
        database.exec("BEGIN IMMEDIATE; UPDATE usage SET metadata = metadata || '${"x".repeat(100)}'");
        process.kill(process.pid, "SIGKILL");`;
      spawnSync(process.execPath, ["-e", writer, path], { cwd: import.meta.dirname });
      const before = readFileSync(path);
      expect(statSync(`${path}-journal`).size).to.be.greaterThan(0);
      expect(await failure(path)).to.match(
        /^FILE is half written: .* left FILE-journal\. Start Rhetor once, which finishes or takes back that write/,
      );
      expect(readFileSync(path).equals(before)).to.equal(true);
    });
  });

  it("is locked while another program writes it", async () => {
    await withRows([USAGE], [], async (path) => {
      const writer = new SqliteDatabase(path);
      writer.exec("BEGIN EXCLUSIVE");
      try {
        expect(() => new RhetorFile(path, 0)).to.throw(
          SourceError,
          /rhetor\.db is locked: another program is writing it .* Stop Rhetor or whatever has the file open, or wait/,
        );
      } finally {
        writer.close();
      }
    });
  });

  it("may be written while it is read: what comes later is not seen, and nobody is kept waiting", async () => {
    await withRows(MANY, [], async (path) => {
      const source = open(path);
      const writer = new SqliteDatabase(path, { timeout: 0 });
      let rows = 0;
      for await (const _row of source.parts[0]!.usage!()) {
        rows += 1;
        if (rows % 500 === 1) insert(writer, "usage", [USAGE]);
      }
      writer.close();
      expect(rows).to.equal(2000);
      const [group] = await source.totals(() => undefined);
      expect(group?.records).to.equal(2000);
      expect(source.parts[0]!.progress()).to.equal(1);
      source.close();
    });
  });

  it("is read in write-ahead mode as well", async () => {
    await withRows([USAGE], [], async (path) => {
      const writer = new SqliteDatabase(path);
      writer.pragma("journal_mode = WAL");
      insert(writer, "usage", [USAGE]);
      const source = open(path);
      expect((await usageOf(source)).length).to.equal(2);
      source.close();
      writer.close();
    });
  });
});

describe("Rhetor's usage", () => {
  it("becomes drafts at the cost that was booked, to the nano-dollar", async () => {
    await withRows([USAGE], [], async (path) => {
      const source = open(path);
      expect(await usageOf(source)).to.deep.equal([
        {
          draft: {
            source_id: "1",
            content:
              '{"component":"rhetor","cost":0.21200000000000002,"id":1,"input_tokens":9443,' +
              '"metadata":"{\\"request\\": 1}","model":"gpt-4-turbo","output_tokens":3919,"provider":"openai",' +
              '"task_type":"chat","timestamp":"2026-03-01T09:03:26.117306"}',
            timestamp_ms: Date.parse("2026-03-01T08:03:26.117Z"),
            context_id: "rhetor",
            component: "rhetor",
            provider: "openai",
            model: "gpt-4-turbo",
            task_type: "chat",
            input_tokens: 9443,
            output_tokens: 3919,
            total_tokens: 13_362,
            cost: { input_nano_usd: 0n, output_nano_usd: 0n, other_nano_usd: 212_000_000n },
            operation_id: null,
            metadata: { request: 1 },
          },
        },
      ]);
      expect(source.firstRow_ms()).to.equal(Date.parse("2026-03-01T08:03:26.117Z"));
      expect(source.remarks()).to.deep.equal([
        "1 cost had more than 9 decimals, and rounding moved them by $0.00000000000000002 at most, " +
          "-$0.00000000000000002 altogether.",
        "1 cost stayed whole: --rates would tell input from output.",
      ]);
      source.close();
    });
  });

  /** A double, and the nano-dollars that it is. */
  const costs: readonly (readonly [number, bigint])[] = [
    [0, 0n],
    [5e-10, 0n],
    [1.5e-9, 2n],
    [2.5e-9, 2n],
    [1e-320, 0n],
    [0.1 + 0.2, 300_000_000n],
    [1_000_000, 1_000_000_000_000_000n],
    [123_456.789012345, 123_456_789_012_345n],
  ];
  for (const [cost, nano_usd] of costs) {
    it(`reads ${cost} as ${nano_usd} nano-dollars`, async () => {
      await withRows([{ ...USAGE, cost }], [], async (path) => {
        const source = open(path);
        const [reading] = await usageOf(source);
        expect(reading).to.have.nested.property("draft.cost.other_nano_usd", nano_usd);
        expect((await source.totals(() => undefined))[0]?.cost_nano_usd).to.equal(nano_usd);
        source.close();
      });
    });
  }

  const uncountable: readonly (readonly [object, string])[] = [
    [{ cost: null }, "cost is null, and must be dollars from 0 to 1000000"],
    [{ cost: -0.5 }, "cost is -0.5, and must be dollars from 0 to 1000000"],
    [{ cost: 1_000_000.5 }, "cost is 1000000.5, and must be dollars from 0 to 1000000"],
    [{ cost: Infinity }, "cost is null, and must be dollars from 0 to 1000000"],
    [{ cost: "dear" }, 'cost is "dear", and must be dollars from 0 to 1000000'],
    [{ input_tokens: null }, "input_tokens is null, and must be a whole number from 0 to 1000000000000"],
    [{ output_tokens: -1 }, "output_tokens is -1, and must be a whole number from 0 to 1000000000000"],
    [{ output_tokens: 0.5 }, "output_tokens is 0.5, and must be a whole number from 0 to 1000000000000"],
    [{ timestamp: null }, "timestamp is null, and must be a time such as 2026-11-23T10:43:23"],
    [
      { timestamp: "2027-01-01T00:00:00" },
      'timestamp is "2027-01-01T00:00:00", and must be between 1970 and now',
    ],
    [
      { timestamp: "1969-01-01T00:00:00" },
      'timestamp is "1969-01-01T00:00:00", and must be between 1970 and now',
    ],
    [
      { provider: "x".repeat(201) },
      `provider is "${"x".repeat(59)}…, and must be text of at most 200 characters`,
    ],
    [
      { model: Buffer.from([1]) },
      'model is {"type":"Buffer","data":[1]}, and must be text of at most 200 characters',
    ],
    [
      { cost: null, input_tokens: null },
      "cost is null, and must be dollars from 0 to 1000000; input_tokens is null, and must be a whole number from 0 to 1000000000000",
    ],
    [
      { metadata: JSON.stringify({ a: "x".repeat(70_000) }) },
      `metadata is "{\\"a\\":\\"${"x".repeat(50)}…, and must be at most 65536 characters long`,
    ],
  ];
  for (const [change, reason] of uncountable) {
    it(`says of a row: ${reason.slice(0, 90)}`, async () => {
      await withRows([USAGE, { ...USAGE, ...change }], [], async (path) => {
        const source = open(path);
        expect((await usageOf(source))[1]).to.deep.equal({ unimported: { source_id: "2", reason } });
        expect((await source.totals(() => undefined))[0]?.records).to.equal(1);
        source.close();
      });
    });
  }

  it("keeps unknown names as unknown, and metadata that is no object as it is", async () => {
    const rows = [
      { ...USAGE, provider: null, model: "", component: " ", task_type: null, metadata: null },
      { ...USAGE, metadata: "{broken" },
      { ...USAGE, metadata: "[1]" },
    ];
    await withRows(rows, [], async (path) => {
      const source = open(path);
      const drafts = (await usageOf(source)).map((reading) => ("draft" in reading ? reading.draft : null));
      expect(drafts[0]).to.deep.include({
        provider: "unknown",
        model: "unknown",
        component: "unknown",
        metadata: {},
      });
      expect(drafts[0]?.task_type).to.equal("default");
      expect(drafts.slice(1).map((draft) => draft?.metadata)).to.deep.equal([
        { rhetor_metadata: "{broken" },
        { rhetor_metadata: "[1]" },
      ]);
      expect(source.remarks()).to.include(
        "2 rows had metadata that is no JSON object; it was kept as rhetor_metadata.",
      );
      source.close();
    });
  });

  const rate = (model: string, input_femto_usd: bigint, output_femto_usd: bigint): RhetorRate => ({
    provider: "openai",
    model,
    input_femto_usd,
    output_femto_usd,
  });
  /** Rates, and how they split the cost of the row, in nano-dollars. */
  const splits: readonly (readonly [string, readonly RhetorRate[], readonly [bigint, bigint, bigint]])[] = [
    [
      "by the rates that made it",
      [rate("gpt-4-turbo", 10_000_000_000n, 30_000_000_000n)],
      [94_430_000n, 117_570_000n, 0n],
    ],
    ["not by other rates", [rate("gpt-4-turbo", 10_000_000_000n, 30_000_000_001n)], [0n, 0n, 212_000_000n]],
    ["not by another model's", [rate("gpt-4o", 10_000_000_000n, 30_000_000_000n)], [0n, 0n, 212_000_000n]],
  ];
  for (const [what, rates, [input_nano_usd, output_nano_usd, other_nano_usd]] of splits) {
    it(`is split into input and output ${what}`, async () => {
      await withRows(
        [
          {
            ...USAGE,
            model: "GPT-4-turbo",
            output_tokens: rates[0]!.output_femto_usd === 30_000_000_001n ? 3_919_000 : 3919,
          },
        ],
        [],
        async (path) => {
          const source = open(path, rates);
          const [reading] = await usageOf(source);
          expect(reading)
            .to.have.nested.property("draft.cost")
            .that.deep.equals({ input_nano_usd, output_nano_usd, other_nano_usd });
          source.close();
        },
      );
    });
  }
});

describe("Rhetor's settings", () => {
  const policiesOf = (settings: readonly object[]) =>
    withRows([], settings, async (path) => {
      const source = open(path);
      try {
        return await source.parts[0]!.policies();
      } finally {
        source.close();
      }
    });

  it("become policies of cost; one that was replaced is closed when the next began", async () => {
    const readings = await policiesOf([
      { ...SETTING, active: 0 },
      { ...SETTING, provider: "OpenAI", enforcement: "WARN", limit_amount: 12.5, active: 0 },
      { ...SETTING, start_date: "2026-11-24T10:00:00" },
    ]);
    const drafts = readings.map((reading) => ("draft" in reading ? reading.draft : null));
    expect(drafts.map((draft) => [draft?.type, draft?.provider, draft?.cost_limit_nano_usd])).to.deep.equal([
      ["enforce", null, 5_000_000_000n],
      ["warn", "openai", 12_500_000_000n],
      ["enforce", null, 5_000_000_000n],
    ]);
    expect(drafts.map((draft) => [draft?.enabled, draft?.end_ms])).to.deep.equal([
      [false, Date.parse("2026-11-24T09:00:00Z")],
      [false, null],
      [true, null],
    ]);
    expect(drafts[0]).to.deep.include({
      source_id: "1",
      period: "daily",
      time_zone: "Europe/Berlin",
      token_limit: null,
      priority_override: false,
      created_at_ms: Date.parse("2026-11-23T09:43:23.654Z"),
    });
  });

  it("of 0 are no limit, whatever they were to enforce", async () => {
    const [reading] = await policiesOf([{ ...SETTING, limit_amount: 0 }]);
    expect(reading).to.deep.include.keys("draft");
    expect(reading).to.have.nested.include({
      "draft.type": "log",
      "draft.cost_limit_nano_usd": null,
      "draft.enabled": true,
    });
  });

  const unreadable: readonly (readonly [object, string])[] = [
    [{ period: "hourly" }, 'period is "hourly", and must be one of daily, weekly, monthly'],
    [{ period: null }, "period is null, and must be one of daily, weekly, monthly"],
    [{ provider: null }, "provider is null, and must be text of 1 to 200 characters"],
    [{ limit_amount: null }, "limit_amount is null, and must be dollars from 0 to 1000000000"],
    [{ limit_amount: -1 }, "limit_amount is -1, and must be dollars from 0 to 1000000000"],
    [{ enforcement: "forbid" }, 'enforcement is "forbid", and must be one of ignore, warn, enforce'],
    [{ active: null }, "active is null, and must be 0 or 1"],
    [
      { start_date: "2027-01-01T00:00:00" },
      'start_date is "2027-01-01T00:00:00", and must be between 1970 and now',
    ],
  ];
  for (const [change, reason] of unreadable) {
    it(`are not imported where ${reason}`, async () => {
      expect(await policiesOf([{ ...SETTING, ...change }])).to.deep.equal([
        { unimported: { source_id: "1", reason } },
      ]);
    });
  }
});
