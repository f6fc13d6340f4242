import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "@budget/domain";
import {
  DiagLogLevel,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  diag,
  type Attributes,
  type SpanContext,
} from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
  type Resource,
} from "@opentelemetry/resources";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, type ReadableSpan } from "@opentelemetry/sdk-trace";
import { NO_ROUTE, type ObservedRequest } from "./observe-requests.ts";
import { hrTime, otelMetrics } from "./open-telemetry-metrics.ts";
import type { OpenTelemetry, OpenTelemetryOptions, Signals } from "./open-telemetry.ts";

/** Loaded only where a collector is configured, see open-telemetry.ts. */

const SERVICE = "budget";
/** How long the end of a server waits for the collector at most. */
const STOP_MS = 1000;

/** Begins to send spans of requests and metrics. */
export function reportToCollector(signals: Signals, options: OpenTelemetryOptions): OpenTelemetry {
  const { logger, version, readMetrics } = options;
  logFailures(logger);
  const scope = { name: SERVICE, version };
  const resource = resourceFromAttributes({ "service.name": SERVICE, "service.version": version }).merge(
    detectResources({ detectors: [resourceAttributesEnvDetector, serviceNameEnvDetector] }),
  );
  const spans = signals.traces ? new BatchSpanProcessor({ exporter: new OTLPTraceExporter() }) : null;
  const meters = signals.metrics
    ? startMetrics(resource, async () => otelMetrics(await readMetrics()), scope)
    : null;
  return {
    reportsRequests: signals.traces,
    requestEnded(request) {
      if (request.trace.isSampled) spans?.onEnd(spanOf(request, resource, scope));
    },
    async stop() {
      const sent = Promise.all([spans?.shutdown(), meters?.shutdown()]).then(
        () => true,
        () => false,
      );
      if (!(await Promise.race([sent, delay(STOP_MS, false)])))
        logger.warning("api", "OpenTelemetry: what was left could not be sent");
    },
  };
}

/** A collector that is away is told of in the log, and otherwise changes nothing. */
function logFailures(logger: Logger): void {
  const warn = (message: string, ...details: unknown[]): void =>
    logger.warning(
      "api",
      `OpenTelemetry: ${message}`,
      details.length === 0 ? {} : { details: details.map(String) },
    );
  const silent = (): void => undefined;
  diag.setLogger(
    { error: warn, warn, info: silent, debug: silent, verbose: silent },
    { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
  );
}

type Scope = ReadableSpan["instrumentationScope"];

/** A request as a span. It is put together when all of it is known, so that no request carries one along. */
function spanOf(request: ObservedRequest, resource: Resource, scope: Scope): ReadableSpan {
  const { method, route, status, duration_ms, request_id, trace } = request;
  const ended_ms = Date.now();
  const context = (spanId: string): SpanContext => ({
    traceId: trace.trace_id,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
  });
  const own = context(trace.span_id);
  const isFailure = status >= 500;
  const attributes: Attributes = {
    "http.request.method": method,
    "http.response.status_code": status,
    "budget.request_id": request_id,
    ...(route === NO_ROUTE ? {} : { "http.route": route }),
    ...(isFailure ? { "error.type": String(status) } : {}),
  };
  return {
    name: route === NO_ROUTE ? method : `${method} ${route}`,
    kind: SpanKind.SERVER,
    spanContext: () => own,
    ...(trace.parent_id === null
      ? {}
      : { parentSpanContext: { ...context(trace.parent_id), isRemote: true } }),
    startTime: hrTime(ended_ms - duration_ms),
    endTime: hrTime(ended_ms),
    duration: hrTime(duration_ms),
    status: { code: isFailure ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes,
    links: [],
    events: [],
    ended: true,
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

type Metrics = ReturnType<typeof otelMetrics>;

/** Sends metrics again and again, as often as OTEL_METRIC_EXPORT_INTERVAL says. */
function startMetrics(resource: Resource, read: () => Promise<Metrics>, scope: Scope): MeterProvider {
  const collect = async () => ({
    resourceMetrics: { resource, scopeMetrics: [{ scope, metrics: await read() }] },
    errors: [],
  });
  const reader = new PeriodicExportingMetricReader({
    exporter: new OTLPMetricExporter(),
    metricProducers: [{ collect }],
  });
  return new MeterProvider({ resource, readers: [reader] });
}
