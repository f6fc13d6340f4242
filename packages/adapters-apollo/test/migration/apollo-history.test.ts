import { SourceError, type HistorySource } from "@budget/migration";
import { expect } from "chai";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { openApolloHistory, type ApolloHistory } from "../../src/index.ts";
import { NOW_MS, POLICY, RECORD, withFiles } from "./support.ts";

const open = (place: string): Promise<ApolloHistory> =>
  openApolloHistory({ place, time_zone: "Europe/Berlin", now_ms: NOW_MS });

async function readAll(source: HistorySource) {
  const policies = [];
  const usage = [];
  for (const part of source.parts) {
    policies.push(...(await part.policies()));
    if (part.usage !== null) for await (const reading of part.usage()) usage.push(reading);
  }
  return { policies, usage };
}

const failure = (files: Readonly<Record<string, unknown>>, place = ""): Promise<string> =>
  withFiles(files, async (folder) => {
    try {
      const source = await open(join(folder, place));
      await readAll(source);
      await source.totals(() => undefined);
    } catch (error) {
      if (error instanceof SourceError) return error.message.replaceAll(folder, "DIR");
      throw error;
    }
    throw new Error("It was read.");
  });

const OK = { "budget_policies.json": [POLICY] };

/** Files that cannot be read, and what is said of them. */
const BROKEN: readonly (readonly [string, Readonly<Record<string, unknown>>, RegExp, string?])[] = [
  [
    "a directory without policies",
    { "usage_records_1.json": [RECORD] },
    /^There is no budget_policies\.json in DIR.*Name the one that has/,
  ],
  ["an empty directory", {}, /^There is no budget_policies\.json in DIR/],
  [
    "a place that is not there",
    {},
    /^DIR\/nowhere cannot be read \(ENOENT\)\. Name Apollo's data directory/,
    "nowhere",
  ],
  [
    "policies that are cut off",
    { "budget_policies.json": '[{"policy_id": "x"' },
    /^budget_policies\.json is not whole JSON .* take it from a backup/,
  ],
  [
    "policies that are no list",
    { "budget_policies.json": { policies: [] } },
    /^budget_policies\.json is not a list of policies/,
  ],
  [
    "usage that is cut off between records",
    { ...OK, "usage_records_1.json": `[${JSON.stringify(RECORD)},` },
    /^usage_records_1\.json ends in the middle: it was cut off\. Nothing of it was imported\. Take it from a backup, or out of the directory/,
  ],
  [
    "usage that is cut off in a record",
    { ...OK, "usage_records_1.json": JSON.stringify([RECORD]).slice(0, 90) },
    /ends in the middle/,
  ],
  [
    "usage that is cut off before its end",
    { ...OK, "usage_records_1.json": `[${JSON.stringify(RECORD)}` },
    /ends in the middle/,
  ],
  ["an empty usage file", { ...OK, "usage_records_1.json": "" }, /ends in the middle/],
  [
    "usage that is no list",
    { ...OK, "usage_records_1.json": { records: [] } },
    /^usage_records_1\.json is not a list of records/,
  ],
  [
    "usage that is no JSON",
    { ...OK, "usage_records_1.json": '[{"tokens_used": NaN}]' },
    /^usage_records_1\.json is no JSON/,
  ],
  ["something behind the list", { ...OK, "usage_records_1.json": "[] x" }, /is no JSON/],
  [
    "a record that never ends",
    { ...OK, "usage_records_1.json": `[{"record_id": "${"x".repeat(3_000_000)}"}]` },
    /has a record of more than 1048576 bytes/,
  ],
  [
    "an export without allocations",
    { "export.json": { policies: [] } },
    /^export\.json is not an export of Apollo's, which has the lists policies and allocations/,
    "export.json",
  ],
  ["an export that is null", { "export.json": "null" }, /is not an export of Apollo's/, "export.json"],
  [
    "a usage file in the place of a directory",
    { "usage_records_1.json": [RECORD] },
    /is not an export of Apollo's.*name that, and not a file in it/,
    "usage_records_1.json",
  ],
  [
    "an export with a nameless allocation",
    { "export.json": { policies: [], allocations: [{ amount: 1, used: 0 }] } },
    /^export\.json, allocation 1: context_id is missing, and must be text/,
    "export.json",
  ],
];

describe("Apollo's data directory", () => {
  for (const [what, files, message, place] of BROKEN) {
    it(`says what to do about ${what}`, async () => {
      expect(await failure(files, place)).to.match(message);
    });
  }

  it("is read from the oldest usage file to the newest, and nothing else in it is", async () => {
    const files = {
      ...OK,
      "usage_records_10.json": [],
      "usage_records_9.json": [],
      "usage_records_x.json": "no",
    };
    await withFiles({ ...files, "usage_records_8.json.tmp": "no" }, async (folder) => {
      const { parts } = await open(folder);
      expect(parts.map(({ name }) => name)).to.deep.equal([
        "budget_policies.json",
        "usage_records_9.json",
        "usage_records_10.json",
      ]);
    });
  });

  it("has policies with Apollo's words in ours, in the time zone of its machine", async () => {
    await withFiles(
      { "budget_policies.json": [{ ...POLICY, end_date: "2027-01-01T00:00:00" }] },
      async (folder) => {
        const { policies } = await readAll(await open(folder));
        expect(policies).to.deep.equal([
          {
            draft: {
              source_id: POLICY.policy_id,
              content:
                '{"action_threshold":0.95,"component":"Ergon","enabled":true,"end_date":"2027-01-01T00:00:00",' +
                '"limit":1000000,"metadata":{"note":"runaway"},"period":"daily",' +
                '"policy_id":"07ac44a5-b312-49b9-8ad8-2d7586e2772e","start_date":"2026-11-23T10:43:23.608494",' +
                '"task_type":null,"tier":"local_lightweight","type":"hard_limit","warning_threshold":0.8}',
              type: "enforce",
              period: "daily",
              time_zone: "Europe/Berlin",
              tier: "local_lightweight",
              provider: null,
              model: null,
              component: "ergon",
              task_type: null,
              token_limit: 1_000_000,
              cost_limit_nano_usd: null,
              warning_threshold: 0.8,
              action_threshold: 0.95,
              enabled: true,
              end_ms: Date.parse("2026-12-31T23:00:00Z"),
              priority_override: true,
              allow_unpriced: false,
              created_at_ms: Date.parse("2026-11-23T09:43:23.608Z"),
            },
          },
        ]);
      },
    );
  });

  const types: readonly (readonly [string, string, boolean])[] = [
    ["ignore", "log", false],
    ["WARN", "warn", false],
    ["soft_limit", "warn", false],
    ["hard_limit", "enforce", true],
  ];
  for (const [word, type, priority_override] of types) {
    it(`takes ${word} for ${type}${priority_override ? ", which priority 10 passes" : ""}`, async () => {
      await withFiles({ "budget_policies.json": [{ ...POLICY, type: word }] }, async (folder) => {
        const { policies } = await readAll(await open(folder));
        expect(policies[0]).to.deep.include.keys("draft").and.nested.include({
          "draft.type": type,
          "draft.priority_override": priority_override,
        });
      });
    });
  }

  const unreadable: readonly (readonly [object, string])[] = [
    [
      { type: "forbid" },
      'type is "forbid", and must be one of log, ignore, warn, soft_limit, enforce, hard_limit',
    ],
    [
      { period: "yearly" },
      'period is "yearly", and must be one of hourly, daily, weekly, monthly, per_session, per_task',
    ],
    [
      { tier: "middling" },
      'tier is "middling", and must be one of local_lightweight, local_midweight, remote_heavyweight',
    ],
    [{ limit: null }, "limit is null, and must be a whole number from 0 to 1000000000000"],
    [{ limit: -1 }, "limit is -1, and must be a whole number from 0 to 1000000000000"],
    [{ warning_threshold: 80 }, "warning_threshold is 80, and must be a number from 0 to 1"],
    [{ warning_threshold: 1 }, "action_threshold is 0.95, and must be at least warning_threshold"],
    [
      { start_date: "2027-01-01T00:00:00" },
      'start_date is "2027-01-01T00:00:00", and must be between 1970 and now',
    ],
    [{ end_date: "soon" }, 'end_date is "soon", and must be a time such as 2027-01-01T00:00:00, or null'],
  ];
  for (const [change, reason] of unreadable) {
    it(`gives a reason for a policy with ${JSON.stringify(change)}`, async () => {
      await withFiles({ "budget_policies.json": [{ ...POLICY, ...change }] }, async (folder) => {
        const { policies } = await readAll(await open(folder));
        expect(policies).to.deep.equal([{ unimported: { source_id: POLICY.policy_id, reason } }]);
      });
    });
  }

  it("has records that keep a total as one, and what is unknown as unknown", async () => {
    const records = [
      RECORD,
      { ...RECORD, record_id: "b", usage_type: "INPUT", allocation_id: null, operation_id: null },
      { ...RECORD, record_id: "c", usage_type: "total", provider: null, model: "", task_type: null },
    ];
    await withFiles({ ...OK, "usage_records_1.json": records }, async (folder) => {
      const { usage } = await readAll(await open(folder));
      const drafts = usage.map((one) => ("draft" in one ? one.draft : null));
      expect(drafts[0]).to.deep.include({
        source_id: RECORD.record_id,
        timestamp_ms: Date.parse("2026-03-02T07:41:52Z"),
        input_tokens: 0,
        output_tokens: 133,
        total_tokens: 133,
        cost: null,
        operation_id: "op-87-0",
        metadata: { apollo_allocation_id: RECORD.allocation_id },
      });
      expect(drafts[1]).to.deep.include({
        input_tokens: 133,
        output_tokens: 0,
        total_tokens: 133,
        metadata: {},
      });
      expect(drafts[2]).to.deep.include({ input_tokens: 0, output_tokens: 0, total_tokens: 133 });
      expect(drafts[2]).to.include({ provider: "unknown", model: "unknown", task_type: "default" });
    });
  });

  const uncountable: readonly (readonly [unknown, string, string])[] = [
    [
      { ...RECORD, tokens_used: null },
      RECORD.record_id,
      "tokens_used is null, and must be a whole number from 0 to 1000000000000",
    ],
    [
      { ...RECORD, tokens_used: -5 },
      RECORD.record_id,
      "tokens_used is -5, and must be a whole number from 0 to 1000000000000",
    ],
    [
      { ...RECORD, tokens_used: 1.5 },
      RECORD.record_id,
      "tokens_used is 1.5, and must be a whole number from 0 to 1000000000000",
    ],
    [
      { ...RECORD, tokens_used: "7" },
      RECORD.record_id,
      'tokens_used is "7", and must be a whole number from 0 to 1000000000000',
    ],
    [
      { ...RECORD, usage_type: "both" },
      RECORD.record_id,
      'usage_type is "both", and must be one of input, output, total',
    ],
    [
      { ...RECORD, timestamp: null },
      RECORD.record_id,
      "timestamp is null, and must be a time such as 2026-11-23T10:43:23",
    ],
    [
      { ...RECORD, timestamp: "2026-11-27T01:00:01" },
      RECORD.record_id,
      'timestamp is "2026-11-27T01:00:01", and must be between 1970 and now',
    ],
    [
      { ...RECORD, record_id: null },
      "usage_records_1.json, record 1",
      "record_id is null, and must be text of 1 to 200 characters",
    ],
    [
      { ...RECORD, component: "\0" },
      RECORD.record_id,
      'component is "\\u0000", and must be text of at most 200 characters',
    ],
    [
      { ...RECORD, metadata: { a: "x".repeat(70_000) } },
      RECORD.record_id,
      'metadata is {"a":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…, and must be at most 65536 characters long',
    ],
    ["nothing", "usage_records_1.json, record 1", "It is not a record with fields."],
    [null, "usage_records_1.json, record 1", "It is not a record with fields."],
  ];
  for (const [record, source_id, reason] of uncountable) {
    it(`says of a record: ${reason.slice(0, 80)}`, async () => {
      await withFiles({ ...OK, "usage_records_1.json": [record] }, async (folder) => {
        const source = await open(folder);
        expect((await readAll(source)).usage).to.deep.equal([{ unimported: { source_id, reason } }]);
        expect(await source.totals(() => undefined)).to.deep.equal([]);
      });
    });
  }

  it("has totals in which a record counts once, however many files it is in", async () => {
    const second = { ...RECORD, record_id: "b", tokens_used: 7, usage_type: "total" };
    const files = { "usage_records_1.json": [RECORD, second], "usage_records_2.json": [second, RECORD] };
    await withFiles({ ...OK, ...files }, async (folder) => {
      const [group, ...more] = await (await open(folder)).totals(() => undefined);
      expect(more).to.deep.equal([]);
      expect(group).to.deep.include({ records: 2, input_tokens: 0, output_tokens: 133, total_tokens: 140 });
      expect(group).to.deep.include({ component: "codex", day_start_ms: Date.parse("2026-03-02T00:00:00Z") });
    });
  });

  it("tells how far its usage is read", async () => {
    const records = Array.from({ length: 3000 }, (_one, index) => ({ ...RECORD, record_id: String(index) }));
    await withFiles({ ...OK, "usage_records_1.json": records }, async (folder) => {
      const part = (await open(folder)).parts[1]!;
      expect(part.progress()).to.equal(0);
      const shares: number[] = [];
      for await (const _row of part.usage!()) shares.push(part.progress());
      expect(shares.length).to.equal(3000);
      expect(shares[0]).to.be.lessThan(0.2);
      expect(shares).to.deep.equal(shares.toSorted((a, b) => a - b));
      expect(shares.at(-1)).to.equal(1);
    });
  });
});

describe("Apollo's export", () => {
  let server: Server;
  let address: string;
  let answer: { status: number; body: string };
  const asked: string[] = [];
  beforeEach(async () => {
    asked.length = 0;
    server = createServer((request, response) => {
      asked.push(request.url ?? "");
      response.writeHead(answer.status, { "content-type": "application/json" }).end(answer.body);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });

  const allocation = { context_id: "c", tier: "lightweight", amount: 10, used: 3, is_active: true };
  const EXPORT = JSON.stringify({
    policies: [{ ...POLICY, tier: "lightweight" }],
    allocations: [allocation],
  });

  it("is asked of a running Apollo; its short words are those of the directory", async () => {
    answer = { status: 200, body: EXPORT };
    const source = await open(address);
    expect(asked).to.deep.equal(["/api/apollo/budget/export"]);
    const { policies } = await readAll(source);
    const inDirectory = await withFiles(OK, async (folder) => (await readAll(await open(folder))).policies);
    expect(policies).to.deep.equal(inDirectory);
    expect(source.allocations).to.deep.equal([{ context_id: "c", amount: 10, used: 3, is_active: true }]);
    expect(await source.totals(() => undefined)).to.deep.equal([]);
  });

  const answers: readonly (readonly [string, number, string, RegExp])[] = [
    ["another page", 404, "{}", /answered 404, not an export\. Apollo's is at \/api\/apollo\/budget\/export/],
    ["what is no JSON", 200, "<html>", /is not whole JSON/],
    ["what is no export", 200, "[]", /is not an export of Apollo's/],
    ["what is far too large", 200, " ".repeat(65 * 1024 * 1024), /has more than 67108864 bytes/],
  ];
  for (const [what, status, body, message] of answers) {
    it(`says that the answer is ${what}`, async () => {
      answer = { status, body };
      const found = await open(address).catch((error: unknown) => error);
      expect(found).to.be.instanceOf(SourceError).with.property("message").that.matches(message);
    });
  }

  it("says that nobody answers", async () => {
    const port = (server.address() as AddressInfo).port;
    server.close();
    await once(server, "close");
    const found = await open(`http://127.0.0.1:${port}/other`).catch((error: unknown) => error);
    expect(found)
      .to.be.instanceOf(SourceError)
      .with.property("message")
      .that.matches(
        /^Apollo does not answer at http:\/\/127\.0\.0\.1:\d+\/other \(ECONNREFUSED\)\. Start it, or name its data directory/,
      );
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
  });
});
