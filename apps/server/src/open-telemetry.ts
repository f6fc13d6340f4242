import type { Logger } from "@budget/domain";
import type { PrometheusMetric } from "./metrics.ts";
import type { ObservedRequest } from "./observe-requests.ts";

/** Reports to a collector of OpenTelemetry. */
export interface OpenTelemetry {
  /** Whether requests are reported, as spans. */
  readonly reportsRequests: boolean;
  requestEnded(request: ObservedRequest): void;
  /** Sends what is not sent yet. Never fails: a collector that is away keeps no server from ending. */
  stop(): Promise<void>;
}

export interface OpenTelemetryOptions {
  readonly logger: Logger;
  readonly version: string;
  /** What /metrics says. */
  readonly readMetrics: () => Promise<readonly PrometheusMetric[]>;
}

/** What is sent to a collector. */
export interface Signals {
  readonly traces: boolean;
  readonly metrics: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the standard variables ask for. The exporters read the rest of them: addresses, headers, certificates, times. */
export function wantedSignals(environment: Environment): Signals {
  const isWanted = (signal: "TRACES" | "METRICS"): boolean =>
    environment.OTEL_SDK_DISABLED?.toLowerCase() !== "true" &&
    environment[`OTEL_${signal}_EXPORTER`] !== "none" &&
    Boolean(environment.OTEL_EXPORTER_OTLP_ENDPOINT || environment[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
  return { traces: isWanted("TRACES"), metrics: isWanted("METRICS") };
}

/**
 * Begins to report, where the variables ask for it; else nothing of OpenTelemetry is loaded.
 * @returns null where nothing is reported
 */
export async function startOpenTelemetry(
  environment: Environment,
  options: OpenTelemetryOptions,
): Promise<OpenTelemetry | null> {
  const signals = wantedSignals(environment);
  if (!signals.traces && !signals.metrics) return null;
  const { reportToCollector } = await import("./open-telemetry-sdk.ts");
  return reportToCollector(signals, options);
}
