import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Configuration } from "@budget/configuration";
import { DEFAULT_TENANT_ID } from "@budget/engine";
import { ALL_TENANTS, openDatabase } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { HTTP_LIMITS, boundReading, createHttpServer } from "../src/http-limits.ts";
import { startServer, type RunningServer } from "../src/server.ts";
import { ADMIN_KEY, CONFIGURATION, fetchAsAdmin, onEveryDatabase, request } from "./support.ts";

const silent = () => undefined;
const logger = { error: silent, warning: silent, info: silent, debug: silent };

const configurationOf = (database_url: string): Configuration => ({ ...CONFIGURATION, database_url });

const urlOf = ({ port }: Pick<RunningServer, "port">): string => `http://127.0.0.1:${port}`;

const post = (url: string, path: string, body: unknown): Promise<Response> =>
  fetchAsAdmin(url + path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

async function newBudget(url: string): Promise<string> {
  const { budget_id } = (await (await post(url, "/api/budgets", { name: "x" })).json()) as {
    budget_id: string;
  };
  const policy = { budget_id, type: "enforce", period: "total", token_limit: 1_000_000_000 };
  expect((await post(url, "/api/policies", policy)).status).to.equal(201);
  return budget_id;
}

const textOf = (budget_id: string): string => {
  const body = JSON.stringify(request(budget_id));
  return (
    `POST /api/allocations HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${ADMIN_KEY}\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
};

async function open(url: string, sent: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.on("error", silent);
  await once(socket, "connect");
  if (sent !== "") await new Promise<void>((resolve) => socket.write(sent, () => resolve()));
  return socket;
}

describe("clients that take their time", () => {
  const COUNT = 200;
  const quick = { ...HTTP_LIMITS, head_ms: 500, request_ms: 1000, idle_ms: 200, check_ms: 50 };
  let server: RunningServer;
  let url: string;

  beforeEach(async () => {
    server = await startServer(configurationOf("sqlite::memory:"), logger, quick);
    url = urlOf(server);
  });
  afterEach(() => server.stop());

  for (const [what, first] of [
    ["their heads", "POST /api/allocations HTTP/1.1\r\nHost: localhost\r\nX-Slow: "],
    [
      "their bodies",
      `POST /api/allocations HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${ADMIN_KEY}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n`,
    ],
  ] as const) {
    it(`over ${what} are sent away, while others are served`, async () => {
      const budget_id = await newBudget(url);
      const slow = await Promise.all(Array.from({ length: COUNT }, () => open(url, first)));
      let closed = 0;
      for (const socket of slow) socket.resume().once("close", () => (closed += 1));
      let served = 0;
      while (closed < COUNT) {
        const answer = await post(url, "/api/allocations", request(budget_id));
        await answer.text();
        expect(answer.status).to.equal(201);
        served += 1;
        for (const socket of slow) if (socket.writable) socket.write("x");
      }
      expect(served).to.be.greaterThan(0);
    });
  }

  it("before they say anything, or between two requests, are sent away too", async () => {
    const mute = await open(url, "");
    const idle = await open(url, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n");
    let answer = "";
    idle.setEncoding("utf8").on("data", (text: string) => (answer += text));
    await Promise.all([once(mute.resume(), "close"), once(idle, "close")]);
    expect(answer).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(answer).to.include("Keep-Alive: timeout=");
  });

  it("over reading an answer are sent away", async () => {
    const http = createHttpServer((_request, response) => {
      response.end(Buffer.alloc(64 * 1024 * 1024));
      boundReading(response, 200);
    });
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    const asked = once(http, "request") as Promise<
      [unknown, { readonly writableFinished: boolean } & NodeJS.EventEmitter]
    >;
    const socket = await open(
      urlOf(http.address() as AddressInfo),
      "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    );
    const [, response] = await asked;
    await once(response, "close");
    expect(response.writableFinished).to.equal(false);
    socket.destroy();
    http.close();
    await once(http, "close");
  });
});

describe("more requests than can wait", () => {
  const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;
  const BATCHES = 12;
  const ITEMS = 1000;

  it("are answered 503 at once, with when to come again, and the others as if nothing were", async () => {
    const test_database = await postgres.open();
    const server = await startServer(configurationOf(test_database.url), logger);
    const holder = openDatabase({ url: test_database.url });
    try {
      const url = urlOf(server);
      const budget_id = await newBudget(url);
      const items = Array.from({ length: ITEMS }, () => request(budget_id, { tokens_allocated: 1 }));
      const batches: Promise<Response>[] = [];
      const singles: Promise<Response>[] = [];
      // While somebody holds the tenant, nothing that waits is carried out.
      await holder.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.lockTenant(DEFAULT_TENANT_ID, "exclusive");
        for (let batch = 0; batch < BATCHES; batch += 1)
          batches.push(post(url, "/api/allocations/batch", { items }));
        // Single requests wait with the others, until one of them is one too many.
        let answered: Response | undefined;
        while (answered === undefined) {
          const single = post(url, "/api/allocations", request(budget_id, { tokens_allocated: 1 }));
          singles.push(single);
          void single.then((answer) => (answered ??= answer));
          expect((await fetchAsAdmin(`${url}/health`)).status).to.equal(200);
        }
        const refused = answered;
        expect(refused.status).to.equal(503);
        expect(refused.headers.get("retry-after")).to.equal("1");
        expect(await refused.json()).to.include({ code: "overloaded" });
        // Whoever asks for no turn in the queue is served.
        expect((await fetchAsAdmin(`${url}/api/budgets`)).status).to.equal(200);
      });
      const counts = new Map<number, number>();
      for (const batch of batches) {
        const answer = (await (await batch).json()) as { items: readonly { status: number }[] };
        for (const { status } of answer.items) counts.set(status, (counts.get(status) ?? 0) + 1);
      }
      for (const { status } of await Promise.all(singles)) counts.set(status, (counts.get(status) ?? 0) + 1);
      const granted = counts.get(201) ?? 0;
      expect([...counts.keys()].sort()).to.deep.equal([201, 503]);
      expect(granted + counts.get(503)!).to.equal(BATCHES * ITEMS + singles.length);
      const summary = await fetchAsAdmin(`${url}/api/budgets/${budget_id}/summary`);
      const [row] = ((await summary.json()) as { items: readonly { tokens_held: number }[] }).items;
      expect(row?.tokens_held).to.equal(granted);
    } finally {
      await holder.close();
      await server.stop();
      await test_database.close();
    }
  }).timeout(60_000);
});

onEveryDatabase("a client that goes away before its answer", (server) => {
  it("leaves a hold, and none behind its expiry", async () => {
    const test = server();
    const { budget_id } = await test.budget({ token_limit: 1000 });
    const gone = await open(test.url, textOf(budget_id));
    gone.destroy();
    const held = async (): Promise<unknown> =>
      (await test.get(`/api/budgets/${budget_id}/summary`)).body.items[0].tokens_held;
    while ((await held()) === 0);
    expect(await held()).to.equal(1000);
    const [allocation] = (await test.get(`/api/allocations?budget_id=${budget_id}`)).body.items;
    test.clock.now_ms = Date.parse(allocation.expiration_time);
    expect(await held()).to.equal(0);
    await test.allocation(budget_id);
  });
});
