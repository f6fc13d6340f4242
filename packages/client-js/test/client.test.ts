import { execFile } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
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

  it("takes a deletion for done where its answer was lost and the next finds nothing", async () => {
    reactions = ["break", problem(404, "budget_not_found")];
    await connect().budgets.delete("b");
    expect(received).to.have.length(2);
    reactions = [problem(404, "budget_not_found")];
    expect(await failureOf(connect().budgets.delete("b"))).to.be.instanceOf(NotFoundError);
  });

  it("does not send a change of one version again where its answer was lost", async () => {
    reactions = ["break", problem(412, "version_conflict")];
    const update = connect().policies.update("p", { cost_limit: "1" }, { if_match: '"3"' });
    expect(await failureOf(update)).to.be.instanceOf(ConnectionError);
    expect(received).to.have.length(1);
  });

  it("keeps a password in its address out of messages", async () => {
    reactions = ["break"];
    const client = connect({
      base_url: base_url.replace("//", "//admin:hunter2@"),
      max_retries: 0,
      fetch: () => Promise.reject(new Error("no")),
    });
    const { message } = await failureOf(client.budgets.list());
    expect(message).to.contain(base_url).and.not.contain("hunter2");
  });

  it("gives up after its retries, with the last error", async () => {
    reactions = [problem(503, "overloaded"), problem(503, "overloaded"), problem(503, "not_ready")];
    const error = await failureOf(connect().budgets.list());
    expect(error).to.be.instanceOf(ServerError);
    expect(error).to.include({ code: "not_ready", status: 503 });
  });

  const passing: readonly [number, typeof BudgetError][] = [
    [408, InvalidRequestError],
    [429, ServerError],
    [502, ServerError],
    [503, ServerError],
    [504, ServerError],
  ];
  for (const [status, kind] of passing) {
    it(`tries again after ${status}, and turns it into ${kind.name} in the end`, async () => {
      reactions = [problem(status, "x"), problem(status, "x")];
      const error = await failureOf(connect({ max_retries: 1 }).budgets.list());
      expect(error).to.be.instanceOf(kind);
      expect(received).to.have.length(2);
    });
  }

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

  it("copes with a success that is no JSON, and does not try again", async () => {
    reactions = [{ status: 200, body: "<html>" }];
    const error = await failureOf(connect().budgets.list());
    expect(error).to.be.instanceOf(ServerError);
    expect(error).to.include({ code: "unexpected_answer", status: 200 });
    expect(received).to.have.length(1);
  });

  it("does not take the 402 of a stranger for a refusal", async () => {
    reactions = [{ status: 402, body: "Pay the proxy." }];
    const error = await failureOf(connect().allocations.create(request));
    expect(error).to.not.be.instanceOf(InsufficientBudgetError);
    expect(error).to.include({ code: "unexpected_answer", status: 402 });
  });

  it("names the request as the server's log does", async () => {
    const { body } = problem(404, "budget_not_found") as { body: unknown };
    reactions = [{ status: 404, body, headers: { "x-request-id": "q-7" } }];
    expect(await failureOf(connect().budgets.get("b"))).to.include({ request_id: "q-7" });
  });

  it("understands a time to come back that is a date", async () => {
    const headers = { "retry-after": new Date(Date.now() + 20_000).toUTCString() };
    const past = { "retry-after": new Date(0).toUTCString() };
    reactions = [
      { status: 503, headers, body: "" },
      { status: 503, headers: past, body: "" },
    ];
    await connect().budgets.list();
    expect(waited_ms[0]).to.be.within(10_000, 20_000);
    expect(waited_ms[1]).to.equal(0);
  });

  it("tries again after a time limit, with the same key", async () => {
    reactions = ["silence", { status: 201, body: { allocation_id: "a" } }];
    // The first attempt alone is short of time: the second would otherwise race with the machine.
    let attempts = 0;
    const impatient: typeof fetch = (input, init) => {
      attempts += 1;
      if (attempts > 1) return fetch(input, { ...init, signal: null });
      return fetch(input, init);
    };
    await connect({ fetch: impatient, timeout_ms: 200 }).allocations.create(request);
    const keys = received.map(({ headers }) => headers["idempotency-key"]);
    expect(keys).to.have.length(2);
    expect(keys[0]).to.equal(keys[1]);
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

  it("refuses a key that no header can carry without naming it", () => {
    for (const api_key of ["bgt_se\ncret", "bgt_secr€t"]) {
      expect(() => connect({ api_key }))
        .to.throw(InvalidRequestError)
        .that.satisfies(
          ({ message, stack, cause }: Error) =>
            !`${message} ${stack} ${String(cause)}`.includes("bgt_se") && cause === undefined,
        );
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

    it("asks for nothing where the tokens are refused", async () => {
      reactions = [problem(402, "insufficient_budget")];
      let called = false;
      await failureOf(
        withAllocation(connect(), request, () => {
          called = true;
          return Promise.resolve({});
        }),
      );
      expect(called).to.equal(false);
      expect(received).to.have.length(1);
    });

    it("books what was used even where its signal is aborted meanwhile", async () => {
      reactions = [granted, { status: 201, body: { record_id: "r1" } }];
      const controller = new AbortController();
      const call = () => {
        controller.abort(new Error("enough"));
        return Promise.resolve({ input_tokens: 3 });
      };
      await withAllocation(connect(), request, call, { signal: controller.signal });
      expect(received[1]?.url).to.equal("/api/usage/record");
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

  it("compiles in a stranger's program, with its declarations checked too", async function () {
    this.timeout(30_000);
    const folder = await mkdtemp(join(tmpdir(), "budget-client-"));
    try {
      const installed = join(folder, "node_modules/@budget/client-js");
      await cp(new URL("../dist", import.meta.url), join(installed, "dist"), { recursive: true });
      await cp(new URL("../package.json", import.meta.url), join(installed, "package.json"));
      await writeFile(join(folder, "package.json"), '{ "type": "module" }');
      await writeFile(join(folder, "program.ts"), STRANGERS_PROGRAM);
      const compilerOptions = {
        ...{ noEmit: true, strict: true, exactOptionalPropertyTypes: true, types: [] },
        ...{ target: "es2022", module: "nodenext", lib: ["es2022", "dom", "dom.iterable"] },
      };
      await writeFile(
        join(folder, "tsconfig.json"),
        JSON.stringify({ compilerOptions, files: ["program.ts"] }),
      );
      const compiler = fileURLToPath(new URL("../../../node_modules/.bin/tsc", import.meta.url));
      const complaints = await promisify(execFile)(compiler, ["-p", folder]).then(
        () => "",
        (error: unknown) => (error as { stdout?: string }).stdout ?? String(error),
      );
      expect(complaints).to.equal("");
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

const STRANGERS_PROGRAM = `
import { BudgetClient, InsufficientBudgetError, withAllocation, type Budget } from "@budget/client-js";
const client = new BudgetClient({ base_url: "https://budget.example", timeout_ms: 500 });
const budgets: Budget[] = (await client.budgets.list({ limit: 5 })).items;
for (const { budget_id } of budgets) await client.budgets.policies(budget_id, { period: "daily" });
for await (const record of client.usage.iterate()) record.total_cost.toFixed(2);
const request = { context_id: "c", component: "x", tokens_allocated: 10 };
await withAllocation(client, request, async ({ allocation_id }) => ({ input_tokens: allocation_id.length }));
const error: unknown = undefined;
if (error instanceof InsufficientBudgetError) error.violations.map(({ resets_at }) => resets_at);
// @ts-expect-error: a budget needs a name
void client.budgets.create({});
`;
