import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "@budget/domain";
import { expect } from "chai";
import { CONFIGURATION, fetchAsAdmin } from "./support.ts";
import { wantedSignals } from "../src/open-telemetry.ts";
import { startServer, type RunningServer } from "../src/server.ts";

const ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT";
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID = "00f067aa0ba902b7";

interface Attribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
}
interface Span {
  readonly name: string;
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: number };
  readonly attributes: readonly Attribute[];
}
interface Point {
  readonly attributes: readonly Attribute[];
  readonly count?: number;
  readonly bucketCounts?: readonly number[];
  readonly explicitBounds?: readonly number[];
  readonly asDouble?: number;
}
interface Metric {
  readonly name: string;
  readonly sum?: { readonly isMonotonic: boolean; readonly dataPoints: readonly Point[] };
  readonly gauge?: { readonly dataPoints: readonly Point[] };
  readonly histogram?: { readonly dataPoints: readonly Point[] };
}
interface Resource {
  readonly resource: { readonly attributes: readonly Attribute[] };
}
interface Sent {
  readonly resourceSpans?: readonly (Resource & {
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  })[];
  readonly resourceMetrics?: readonly (Resource & {
    readonly scopeMetrics: readonly { readonly metrics: readonly Metric[] }[];
  })[];
}

/** Stands for a collector, and keeps what it is sent. */
class Collector {
  readonly sent: { readonly path: string; readonly body: Sent }[] = [];
  readonly #http: Server;

  private constructor(http: Server) {
    this.#http = http;
    http.on("request", (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const body = JSON.parse(Buffer.concat(parts).toString("utf8")) as Sent;
        this.sent.push({ path: request.url ?? "", body });
        response.setHeader("Content-Type", "application/json").end("{}");
      });
    });
  }

  static async listen(): Promise<Collector> {
    const http = createServer();
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new Collector(http);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  get spans(): readonly Span[] {
    return this.sent.flatMap(({ path, body }) =>
      path === "/v1/traces"
        ? (body.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans))
        : [],
    );
  }

  get metrics(): readonly Metric[] {
    return this.sent.flatMap(({ path, body }) =>
      path === "/v1/metrics"
        ? (body.resourceMetrics ?? []).flatMap(({ scopeMetrics }) =>
            scopeMetrics.flatMap(({ metrics }) => metrics),
          )
        : [],
    );
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, "close");
  }
}

const attributesOf = (attributes: readonly Attribute[]): Readonly<Record<string, unknown>> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? value.intValue]));

describe("OpenTelemetry", () => {
  const lines: string[] = [];
  const keep = (_component: string, message: string): void => void lines.push(message);
  const logger: Logger = { error: keep, warning: keep, info: () => undefined, debug: () => undefined };
  const start = (): Promise<RunningServer> => startServer(CONFIGURATION, logger);
  const get = (
    { port }: RunningServer,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> => fetchAsAdmin(`http://127.0.0.1:${port}${path}`, { headers });

  beforeEach(() => (lines.length = 0));
  afterEach(() => delete process.env[ENDPOINT]);

  for (const [what, environment, traces, metrics] of [
    ["nothing", {}, false, false],
    ["nothing by an empty address", { [ENDPOINT]: "" }, false, false],
    ["everything by one address", { [ENDPOINT]: "http://c" }, true, true],
    ["traces alone", { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "http://c" }, true, false],
    ["metrics alone", { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: "http://c" }, false, true],
    ["all but metrics", { [ENDPOINT]: "http://c", OTEL_METRICS_EXPORTER: "none" }, true, false],
    ["all but traces", { [ENDPOINT]: "http://c", OTEL_TRACES_EXPORTER: "none" }, false, true],
    ["nothing where it is off", { [ENDPOINT]: "http://c", OTEL_SDK_DISABLED: "true" }, false, false],
  ] as const) {
    it(`sends ${what} by ${JSON.stringify(environment)}`, () => {
      expect(wantedSignals(environment)).to.deep.equal({ traces, metrics });
    });
  }

  it("is sent one span for each request, with its route as its name, in the trace of its caller", async () => {
    const collector = await Collector.listen();
    process.env[ENDPOINT] = collector.url;
    const server = await start();
    const budget = "00000000-0000-7000-8000-000000000000";
    const traceparent = `00-${TRACE_ID}-${PARENT_ID}-01`;
    const first = await get(server, `/api/budgets/${budget}`, { traceparent, "X-Request-Id": "first" });
    await get(server, "/health");
    await get(server, "/nowhere");
    // Whoever does not follow a trace wants nobody to.
    await get(server, "/health", { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` });
    await server.stop();
    await collector.close();

    const { spans } = collector;
    expect(spans.map(({ name }) => name)).to.have.members([
      "GET /api/budgets/{budget_id}",
      "GET /health",
      "GET",
    ]);
    const span = spans.find(({ name }) => name === "GET /api/budgets/{budget_id}");
    const SERVER_KIND = 2;
    expect(span).to.include({ traceId: TRACE_ID, parentSpanId: PARENT_ID, kind: SERVER_KIND });
    expect(first.headers.get("traceresponse")).to.equal(`00-${TRACE_ID}-${span?.spanId}-01`);
    expect(attributesOf(span?.attributes ?? [])).to.deep.equal({
      "http.request.method": "GET",
      "http.route": "/api/budgets/{budget_id}",
      "http.response.status_code": 404,
      "budget.request_id": "first",
    });
    const [began, ended] = [BigInt(span?.startTimeUnixNano ?? 0), BigInt(span?.endTimeUnixNano ?? 0)];
    expect(Number(ended - began) / 1e6).to.be.within(0.001, 60_000);
    const root = spans.find(({ name }) => name === "GET /health");
    expect(root?.traceId)
      .to.match(/^[\da-f]{32}$/)
      .and.to.not.equal(TRACE_ID);
    expect(root?.parentSpanId ?? "").to.equal("");
    const resource = collector.sent.find(({ path }) => path === "/v1/traces")?.body.resourceSpans?.[0];
    expect(attributesOf(resource?.resource.attributes ?? [])).to.include({ "service.name": "budget" });
  });

  it("is sent the metrics that /metrics has", async () => {
    const collector = await Collector.listen();
    process.env[ENDPOINT] = collector.url;
    const server = await start();
    await get(server, "/health");
    await get(server, "/health");
    await server.stop();
    await collector.close();

    const metricOf = (name: string) => collector.metrics.findLast((metric) => metric.name === name);
    const health = metricOf("budget_http_request_duration_seconds")?.histogram?.dataPoints.find(
      ({ attributes }) => attributesOf(attributes).route === "/health",
    );
    expect(health?.count).to.equal(2);
    const counts = health?.bucketCounts ?? [];
    expect(counts).to.have.length((health?.explicitBounds?.length ?? 0) + 1);
    expect(counts.reduce((sum, count) => sum + count, 0)).to.equal(2);
    const decisions = metricOf("budget_decisions_total")?.sum;
    expect(decisions?.isMonotonic).to.equal(true);
    expect(decisions?.dataPoints).to.have.length(4);
    expect(metricOf("budget_database_up")?.gauge?.dataPoints[0]?.asDouble).to.equal(1);
  });

  it("keeps no server from its work or its end where the collector is away, and says so in the log", async () => {
    const collector = await Collector.listen();
    process.env[ENDPOINT] = collector.url;
    await collector.close();
    const server = await start();
    expect((await get(server, "/health")).status).to.equal(200);
    await server.stop();
    expect(lines.filter((line) => line.startsWith("OpenTelemetry: "))).to.not.deep.equal([]);
  });
});
