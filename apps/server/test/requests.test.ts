import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import { parseTraceParent } from "../src/trace-context.ts";
import { ADMIN_KEY, onEveryDatabase, request, type TestServer } from "./support.ts";

const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";
const TRACE_RESPONSE = /^00-([\da-f]{32})-([\da-f]{16})-00$/;

describe("a traceparent header", () => {
  const parsed = { trace_id: TRACE_ID, parent_id: PARENT_ID };
  for (const [header, expected] of [
    [`00-${TRACE_ID}-${PARENT_ID}-01`, { ...parsed, isSampled: true }],
    [`00-${TRACE_ID}-${PARENT_ID}-00`, { ...parsed, isSampled: false }],
    // Other flags may come, and later versions may say more.
    [`00-${TRACE_ID}-${PARENT_ID}-03`, { ...parsed, isSampled: true }],
    [`cc-${TRACE_ID}-${PARENT_ID}-01-more`, { ...parsed, isSampled: true }],
    [undefined, null],
    ["", null],
    [`00-${TRACE_ID}-${PARENT_ID}`, null],
    [`00-${TRACE_ID}-${PARENT_ID}-01-more`, null],
    [`ff-${TRACE_ID}-${PARENT_ID}-01`, null],
    [`00-${TRACE_ID.toUpperCase()}-${PARENT_ID}-01`, null],
    [`00-${TRACE_ID.slice(1)}-${PARENT_ID}-01`, null],
    [`00-${"0".repeat(32)}-${PARENT_ID}-01`, null],
    [`00-${TRACE_ID}-${"0".repeat(16)}-01`, null],
    [`00-${TRACE_ID}-${PARENT_ID}-0g`, null],
    [`00-${TRACE_ID}-${PARENT_ID}-01, 00-${TRACE_ID}-${PARENT_ID}-01`, null],
  ] as const) {
    it(`${JSON.stringify(header)} is ${expected === null ? "none" : "read"}`, () => {
      expect(parseTraceParent(header)).to.deep.equal(expected);
    });
  }
});

onEveryDatabase("a request", (server) => {
  /** The line about the request with this id, which may come a little after its answer. */
  async function lineOf(running: TestServer, request_id: string) {
    for (;;) {
      const line = running.lines.find(({ fields }) => fields.request_id === request_id);
      if (line !== undefined) return line;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  it("goes on in the trace of its caller", async () => {
    const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;
    const { headers } = await server().get("/health", { traceparent });
    const [, trace_id, span_id] = TRACE_RESPONSE.exec(headers.get("traceresponse") ?? "") ?? [];
    expect(trace_id).to.equal(TRACE_ID);
    expect(span_id).to.not.equal(PARENT_ID);
  });

  it("begins a trace where its caller names none, or a wrong one", async () => {
    const ids = new Set<string>();
    for (const traceparent of ["", "00-1-2-3", `ff-${TRACE_ID}-${PARENT_ID}-01`]) {
      const { headers } = await server().get("/health", traceparent === "" ? {} : { traceparent });
      const [, trace_id = "", span_id = ""] = TRACE_RESPONSE.exec(headers.get("traceresponse") ?? "") ?? [];
      ids.add(trace_id).add(span_id);
    }
    expect(ids.size).to.equal(6);
    expect(ids.has("") || ids.has(TRACE_ID)).to.equal(false);
  });

  it("is one line at DEBUG, with its route and not its path", async () => {
    const { budget_id } = await server().budget();
    const headers = { "X-Request-Id": "line-1", traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` };
    await server().get(`/api/budgets/${budget_id}`, headers);
    const { level, fields } = await lineOf(server(), "line-1");
    const { duration_ms, ...rest } = fields;
    expect(level).to.equal("DEBUG");
    expect(rest).to.deep.equal({
      method: "GET",
      route: "/api/budgets/{budget_id}",
      status: 200,
      request_id: "line-1",
      trace_id: TRACE_ID,
    });
    expect(duration_ms).to.be.a("number").that.is.within(0, 10_000);
  });

  it("is a line at DEBUG where it was refused, and at WARNING where the server failed it", async () => {
    await server().post("/api/allocations", "{", { "X-Request-Id": "line-2" });
    await server().get("/nowhere", { "X-Request-Id": "line-3" });
    server().readiness.isReady = false;
    await server().get("/ready", { "X-Request-Id": "line-4" });
    server().readiness.isReady = true;
    const seen = [];
    for (const id of ["line-2", "line-3", "line-4"]) {
      const { level, fields } = await lineOf(server(), id);
      seen.push([level, fields.method, fields.route, fields.status]);
    }
    expect(seen).to.deep.equal([
      ["DEBUG", "POST", "/api/allocations", 400],
      ["DEBUG", "GET", "none", 404],
      ["WARNING", "GET", "/ready", 503],
    ]);
  });

  it("whose caller leaves before the answer is told apart from those that are answered", async () => {
    const body = JSON.stringify(request("x"));
    const socket = connect(Number(new URL(server().url).port), "127.0.0.1");
    await once(socket, "connect");
    const head =
      `POST /api/allocations HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${ADMIN_KEY}\r\n` +
      "Content-Type: application/json\r\n";
    // The body never comes as a whole.
    const sent = `${head}X-Request-Id: line-5\r\nContent-Length: ${body.length + 1}\r\n\r\n${body}`;
    await new Promise<void>((resolve) => socket.write(sent, () => resolve()));
    await server().get("/health");
    socket.destroy();
    expect((await lineOf(server(), "line-5")).fields).to.include({ status: 499, route: "/api/allocations" });
  });
});
