import { ValueType, type HrTime } from "@opentelemetry/api";
import { AggregationTemporality, DataPointType, type MetricData } from "@opentelemetry/sdk-metrics";
import type { PrometheusMetric } from "./metrics.ts";

/** Milliseconds as OpenTelemetry writes times and durations: seconds and nanoseconds. */
export function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

const began = hrTime(performance.timeOrigin);

/** Metrics of Prometheus as those of OpenTelemetry, with the same names, so that one dashboard reads both. */
export function otelMetrics(metrics: readonly PrometheusMetric[]): MetricData[] {
  const now = hrTime(Date.now());
  return metrics.flatMap((metric) => {
    const data = otelMetric(metric, now);
    return data === null ? [] : [data];
  });
}

function otelMetric(metric: PrometheusMetric, now: HrTime): MetricData | null {
  const { name, help: description } = metric;
  const base = {
    descriptor: { name, description, unit: "", valueType: ValueType.DOUBLE },
    aggregationTemporality: AggregationTemporality.CUMULATIVE,
  };
  const times = { startTime: began, endTime: now };
  // JSON has no word for a number that is not finite.
  const points = metric.values
    .filter(({ value }) => Number.isFinite(value))
    .map(({ labels, value }) => ({ ...times, attributes: labels, value }));
  switch (metric.type) {
    case "counter":
      return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: points };
    case "gauge":
      return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: points };
    case "histogram":
      return { ...base, dataPointType: DataPointType.HISTOGRAM, dataPoints: histogramPoints(metric, times) };
    default:
      return null;
  }
}

interface Collected {
  readonly labels: PrometheusMetric["values"][number]["labels"];
  readonly boundaries: number[];
  /** How many observations each boundary is not below. */
  readonly cumulative: number[];
  sum: number;
  count: number;
}

/** Prometheus keeps a histogram as one value for each bucket, its sum and its count. */
function histogramPoints({ name, values }: PrometheusMetric, times: { startTime: HrTime; endTime: HrTime }) {
  const collected = new Map<string, Collected>();
  for (const { metricName, value, labels: all } of values) {
    const { le, ...labels } = all;
    const key = JSON.stringify(Object.entries(labels).sort());
    const one = collected.get(key) ?? { labels, boundaries: [], cumulative: [], sum: 0, count: 0 };
    collected.set(key, one);
    if (metricName === `${name}_sum`) one.sum = value;
    else if (metricName === `${name}_count`) one.count = value;
    else if (typeof le === "number") {
      one.boundaries.push(le);
      one.cumulative.push(value);
    }
  }
  return [...collected.values()].map(({ labels, boundaries, cumulative, sum, count }) => ({
    ...times,
    attributes: labels,
    value: {
      buckets: {
        boundaries,
        counts: [...cumulative, count].map((upTo, index) => upTo - (cumulative[index - 1] ?? 0)),
      },
      sum,
      count,
    },
  }));
}
