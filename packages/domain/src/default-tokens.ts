/** Apollo's four steps of priority, on a scale from 1 to 10. */
export const PRIORITY = { low: 1, normal: 5, high: 8, critical: 10 } as const;

type Row = Readonly<Record<keyof typeof PRIORITY, number>>;

const DEFAULT: Row = { low: 1_000, normal: 2_000, high: 4_000, critical: 8_000 };
const CHAT: Row = { low: 2_000, normal: 4_000, high: 8_000, critical: 16_000 };
const REASONING: Row = { low: 4_000, normal: 8_000, high: 16_000, critical: 32_000 };
const EMBEDDING: Row = { low: 10_000, normal: 25_000, high: 50_000, critical: 100_000 };

const ROWS: ReadonlyMap<string, Row> = new Map([
  ["default", DEFAULT],
  ["chat", CHAT],
  ["coding", REASONING],
  ["analysis", REASONING],
  ["embedding", EMBEDDING],
]);

/**
 * How many tokens a request that names no number is given, by Apollo's table.
 *
 * @param task_type in any case; null or an unknown one counts as `default`
 * @param priority 1 to 10; one between two steps of {@link PRIORITY} counts as normal
 */
export function defaultTokens(task_type: string | null, priority: number): number {
  const row = ROWS.get(task_type?.toLowerCase() ?? "default") ?? DEFAULT;
  switch (priority) {
    case PRIORITY.low:
      return row.low;
    case PRIORITY.high:
      return row.high;
    case PRIORITY.critical:
      return row.critical;
    default:
      return row.normal;
  }
}
