import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import {
  BudgetClient,
  BudgetError,
  ConflictError,
  ConnectionError,
  InsufficientBudgetError,
  InvalidRequestError,
  NotFoundError,
  ServerError,
  TimeoutError,
  withAllocation,
  type ClientOptions,
} from "../src/index.ts";

interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** What the network does with one request: an answer, a broken connection, or silence. */
type Reaction = { status: number; body?: unknown; headers?: Record<string, string> } | "break" | "silence";

const problem = (status: number, code: string): Reaction => ({
  status,
  body: { type: "about:blank", title: "x", status, detail: `detail of ${code}`, code },
});

describe("BudgetClient", () => {
  let server: Server;
  let received: Received[];
  let reactions: Reaction[];
  let waited_ms: number[];
  let base_url: string;

  beforeEach(async () => {
    received = [];
    reactions = [];
    waited_ms = [];
    server = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ method: request.method, url: request.url, headers: request.headers, body });
        const reaction = reactions.shift() ?? { status: 200, body: {} };
        if (reaction === "silence") return;
        if (reaction === "break") {
          request.socket.destroy();
          return;
        }
        response.writeHead(reaction.status, { "content-type": "application/json", ...reaction.headers });
        response.end(typeof reaction.body === "string" ? reaction.body : JSON.stringify(reaction.body));
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    base_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  const connect = (options: ClientOptions = {}) =>
    new BudgetClient({
      base_url,
      wait: (duration_ms) => {
        waited_ms.push(duration_ms);
        return Promise.resolve();
      },
      ...options,
    });

  const request = { context_id: "c", component: "x", tokens_allocated: 10 };
  const failureOf = async (call: Promise<unknown>): Promise<BudgetError> => {
    try {
      await call;
    } catch (error) {
      if (error instanceof BudgetError) return error;
      throw error;
    }
    throw new Error("It did not fail.");
  };

  it("speaks the paths, methods and bodies of the server", async () => {
    const client = connect();
    await client.budgets.list({ name: "a b", limit: 5 });
    await client.budgets.create({ name: "x" });
    await client.policies.update("p/1", { cost_limit: "0.5" }, { if_match: '"3"' });
    await client.allocations.listByContext("chat 1/2");
    await client.prices.history("openai", "a/b");
    await client.budgets.delete("b");
    expect(received.map(({ method, url, body }) => `${method} ${url} ${body}`.trim())).to.deep.equal([
      "GET /api/budgets?name=a+b&limit=5",
      'POST /api/budgets {"name":"x"}',
      'PUT /api/policies/p%2F1 {"cost_limit":"0.5"}',
      "GET /api/allocations/context/chat%201%2F2",
      "GET /api/prices/history/openai/a%2Fb",
      "DELETE /api/budgets/b",
    ]);
    expect(received[2]?.headers["if-match"]).to.equal('"3"');
  });

  it("sends every change under a key of its own, and nothing else under one", async () => {
    const client = connect();
    await client.allocations.create(request);
    await client.allocations.create(request);
    await client.allocations.create(request, { idempotency_key: "mine" });
    await client.allocations.check(request);
    await client.usage.summary();
    await client.budgets.list();
    const keys = received.map(({ headers }) => headers["idempotency-key"]);
    expect(keys[0]).to.be.a("string");
    expect(keys[1]).to.not.equal(keys[0]);
    expect(keys.slice(2)).to.deep.equal(["mine", undefined, undefined, undefined]);
  });

  it("tries again under the same key where an answer is lost or the server cannot", async () => {
    reactions = ["break", problem(503, "overloaded"), { status: 201, body: { allocation_id: "a" } }];
    expect(await connect().allocations.create(request)).to.deep.equal({ allocation_id: "a" });
    expect(new Set(received.map(({ headers }) => headers["idempotency-key"])).size).to.equal(1);
    expect(received).to.have.length(3);
  });

  it("waits longer each time, and as long as the server asks, but not for ever", async () => {
    const busy = (seconds: string): Reaction => ({
      status: 503,
      headers: { "retry-after": seconds },
      body: "",
    });
    reactions = [problem(502, "x"), problem(502, "x"), busy("7"), busy("9999"), { status: 200, body: [] }];
    await connect({ max_retries: 4 }).usage.analytics();
    const [first = 0, second = 0, third, fourth] = waited_ms;
    expect(first).to.be.within(100, 200);
    expect(second).to.be.within(200, 400);
    expect([third, fourth]).to.deep.equal([7000, 30_000]);
  });

  it("gives up after its retries, with the last error", async () => {
    reactions = [problem(503, "overloaded"), problem(503, "overloaded"), problem(503, "not_ready")];
    const error = await failureOf(connect().budgets.list());
    expect(error).to.be.instanceOf(ServerError);
    expect(error).to.include({ code: "not_ready", status: 503 });
  });

  const errors: readonly [number, string, typeof BudgetError][] = [
    [400, "invalid_value", InvalidRequestError],
    [404, "budget_not_found", NotFoundError],
    [409, "budget_inactive", ConflictError],
    [412, "version_conflict", ConflictError],
    [413, "body_too_large", InvalidRequestError],
    [422, "idempotency_conflict", InvalidRequestError],
    [500, "internal_error", ServerError],
  ];
  for (const [status, code, kind] of errors) {
    it(`turns ${status} into ${kind.name}, and does not try again`, async () => {
      reactions = [problem(status, code)];
      const error = await failureOf(connect().budgets.get("b"));
      expect(error).to.be.instanceOf(kind);
      expect(error).to.include({ name: kind.name, code, status, message: `detail of ${code}` });
      expect(received).to.have.length(1);
    });
  }

  it("says of a refusal what would fit and when", async () => {
    const refusal = {
      type: "about:blank",
      title: "Insufficient budget",
      status: 402,
      detail: "no",
      code: "insufficient_budget",
      violations: [],
      tokens_that_fit: 7,
      resets_at: "2026-11-24T00:00:00.000Z",
    };
    reactions = [{ status: 402, body: refusal, headers: { "retry-after": "60" } }];
    const error = await failureOf(connect().allocations.create(request));
    expect(error).to.be.instanceOf(InsufficientBudgetError);
    expect(error).to.include({ tokens_that_fit: 7, resets_at: refusal.resets_at, retry_after_s: 60 });
    expect(received).to.have.length(1);
  });

  it("copes with an answer that is no problem of Budget's", async () => {
    reactions = [{ status: 418, body: "<html>" }];
    expect(await failureOf(connect().budgets.list())).to.include({ code: "unexpected_answer", status: 418 });
  });

  it("says that nobody is there", async () => {
    const unused = createServer().listen(0, "127.0.0.1");
    await once(unused, "listening");
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, "close");
    const client = connect({ base_url: `http://127.0.0.1:${port}/`, max_retries: 1 });
    const error = await failureOf(client.health());
    expect(error).to.be.instanceOf(ConnectionError);
    expect(error.cause).to.be.instanceOf(Error);
    expect(waited_ms).to.have.length(1);
  });

  it("stops waiting for an answer after its time limit", async () => {
    reactions = ["silence"];
    const error = await failureOf(connect({ max_retries: 0 }).budgets.list({}, { timeout_ms: 5 }));
    expect(error).to.be.instanceOf(TimeoutError);
  });

  it("is cancelled by its caller's signal, between attempts too", async () => {
    const controller = new AbortController();
    reactions = [problem(503, "overloaded")];
    const client = connect({
      wait: () => {
        controller.abort(new Error("enough"));
        return Promise.resolve();
      },
    });
    let thrown: unknown;
    await client.budgets.list({}, { signal: controller.signal }).catch((error: unknown) => (thrown = error));
    expect(thrown).to.have.property("message", "enough");
    expect(received).to.have.length(1);
  });

  it("waits by itself where no other way is given, and stops when cancelled", async () => {
    reactions = [{ status: 503, headers: { "retry-after": "30" }, body: "" }];
    const controller = new AbortController();
    server.once("request", (_request, response) =>
      response.once("finish", () => controller.abort(new Error("enough"))),
    );
    let thrown: unknown;
    await new BudgetClient({ base_url })
      .health({ signal: controller.signal })
      .catch((error: unknown) => (thrown = error));
    expect(thrown).to.have.property("message", "enough");
  });

  it("sends its key in a header, and names it nowhere else", async () => {
    reactions = [problem(400, "invalid_value"), "break"];
    const client = connect({ api_key: "bgt_secret", max_retries: 0 });
    const refused = await failureOf(client.budgets.list({ name: "x" }));
    const broken = await failureOf(client.budgets.list());
    expect(received[0]?.headers["x-api-key"]).to.equal("bgt_secret");
    expect(received[0]?.url).to.not.contain("bgt_secret");
    for (const { message, stack, problem: told, cause } of [refused, broken]) {
      expect(JSON.stringify([message, stack, told, String(cause)])).to.not.contain("bgt_secret");
    }
  });

  it("reads all usage records by their cursor", async () => {
    const list = (ids: string[], next_cursor: string | null): Reaction => ({
      status: 200,
      body: { items: ids.map((record_id) => ({ record_id })), total: 3, page: 1, limit: 2, next_cursor },
    });
    reactions = [list(["c", "b"], "b"), list(["a"], null)];
    const ids: string[] = [];
    for await (const { record_id } of connect().usage.iterate({ limit: 2 })) ids.push(record_id);
    expect(ids).to.deep.equal(["c", "b", "a"]);
    expect(received.map(({ url }) => url)).to.deep.equal([
      "/api/usage/records?limit=2",
      "/api/usage/records?limit=2&cursor=b",
    ]);
  });

  describe("withAllocation", () => {
    const granted: Reaction = { status: 201, body: { allocation_id: "a1" } };

    it("holds, runs the call, and settles with what it used", async () => {
      reactions = [granted, { status: 201, body: { record_id: "r1" } }];
      const record = await withAllocation(connect(), request, (allocation) => {
        expect(allocation.allocation_id).to.equal("a1");
        return Promise.resolve({ input_tokens: 3, output_tokens: 4 });
      });
      expect(record).to.deep.equal({ record_id: "r1" });
      expect(JSON.parse(received[1]?.body ?? "")).to.deep.equal({
        input_tokens: 3,
        output_tokens: 4,
        allocation_id: "a1",
        final: true,
      });
    });

    it("releases what it holds where the call fails, and throws the call's error", async () => {
      reactions = [granted, problem(500, "internal_error")];
      let thrown: unknown;
      await withAllocation(connect(), request, () => Promise.reject(new Error("model away"))).catch(
        (error: unknown) => (thrown = error),
      );
      expect(thrown).to.have.property("message", "model away");
      expect(received[1]?.url).to.equal("/api/allocations/a1/release");
    });
  });
});

describe("the built package", () => {
  it("offers the same names as the source", async () => {
    const built = (await import(new URL("../dist/index.js", import.meta.url).href)) as Record<
      string,
      unknown
    >;
    const source = (await import("../src/index.ts")) as Record<string, unknown>;
    expect(Object.keys(built).sort()).to.deep.equal(Object.keys(source).sort());
  });
});
