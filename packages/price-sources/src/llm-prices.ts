import type {
  JsonValue,
  PriceComponent,
  PriceObservation,
  SetAside,
  SourceOutcome,
  UsageUnit,
} from "@budget/domain";
import {
  fault,
  isObject,
  kindOf,
  observationOf,
  parseJson,
  readAmount,
  readingOf,
  type JsonObject,
} from "./reading.ts";

const UNITS: Readonly<Record<string, UsageUnit>> = {
  input: "input_tokens",
  output: "output_tokens",
  input_cached: "cache_read_tokens",
};
/** Amounts are USD for a million. */
const PER_MILLION = 6;
/** Rows of upper context tiers end so; `gpt-5.4-272k` prices requests of `gpt-5.4` above 272,000 input tokens. */
const CONTEXT_TIER = /-(\d+)k$/;
/** Days, from midnight in UTC; the day in `to_date` is the first at the next price. */
const DAY = /^\d{4}-\d{2}-\d{2}$/;

interface Row {
  readonly provider: string;
  readonly model: string;
  readonly above_input_tokens: number;
  readonly effective_ms: number | null;
  readonly end_ms: number | null;
  readonly components: readonly PriceComponent[];
  readonly raw: JsonObject;
}

type Report = (reason: string, detail: string) => void;

function readDay(day: JsonValue | undefined): number | null | undefined {
  if (day === null || day === undefined) return null;
  if (typeof day !== "string" || !DAY.test(day)) return undefined;
  const at_ms = Date.parse(`${day}T00:00:00Z`);
  return Number.isNaN(at_ms) ? undefined : at_ms;
}

function readRow(raw: JsonObject, ids: ReadonlySet<string>, report: Report): Row | undefined {
  const { id, vendor, from_date, to_date } = raw;
  const [effective_ms, end_ms] = [readDay(from_date), readDay(to_date)];
  if (
    typeof id !== "string" ||
    typeof vendor !== "string" ||
    effective_ms === undefined ||
    end_ms === undefined
  ) {
    report(
      "unreadable_row",
      `its id, vendor or dates are ${JSON.stringify([id, vendor, from_date, to_date])}`,
    );
    return undefined;
  }
  const thousands = CONTEXT_TIER.exec(id)?.[1];
  const lower = id.replace(CONTEXT_TIER, "");
  const isTier = thousands !== undefined && ids.has(`${vendor}/${lower}`);
  const above_input_tokens = isTier ? Number(thousands) * 1000 : 0;
  const components = Object.entries(UNITS).flatMap(([field, unit]) => {
    const amount = raw[field];
    if (amount === null || amount === undefined) return [];
    const amount_femto_usd = readAmount(amount, PER_MILLION);
    if (amount_femto_usd !== undefined) return [{ unit, amount_femto_usd, above_input_tokens }];
    report("unreadable_amount", `${field} is ${JSON.stringify(amount)}`);
    return [];
  });
  if (components.length === 0) report("no_price", "it has no amount");
  return {
    provider: vendor,
    model: isTier ? lower : id,
    above_input_tokens,
    effective_ms,
    end_ms,
    components,
    raw,
  };
}

const isDuring = (tier: Row, base: Row): boolean =>
  (tier.end_ms === null || base.effective_ms === null || tier.end_ms > base.effective_ms) &&
  (base.end_ms === null || tier.effective_ms === null || base.end_ms > tier.effective_ms);

const textOr = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "?");
const idOf = ({ vendor, id }: JsonObject): string => `${textOr(vendor)}/${textOr(id)}`;

const nameOf = ({ provider, model }: Row): string => `${provider}/${model}`;

/** Puts the upper context tiers of a model and span of time to its base price. */
function withTiers(base: Row, tiers: readonly Row[]): PriceObservation {
  const own = tiers.filter((tier) => nameOf(tier) === nameOf(base) && isDuring(tier, base));
  const { provider, model, effective_ms, end_ms } = base;
  return observationOf({
    provider,
    model,
    effective_ms,
    end_ms,
    components: [...base.components, ...own.flatMap(({ components }) => components)],
    raw: own.length === 0 ? base.raw : [base.raw, ...own.map(({ raw }) => raw)],
  });
}

/**
 * Reads the lists of llm-prices.com, `historical-v1.json` and `current-v1.json`: USD for a million tokens. The latter is
 * right on the day that it was made, because it leaves out the dates.
 */
export function readLlmPrices(text: string): SourceOutcome {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.outcome;
  if (!isObject(parsed.value) || !Array.isArray(parsed.value.prices)) {
    return fault("MISSING_REQUIRED", `It is ${kindOf(parsed.value)} without a list named prices.`);
  }
  const set_aside: SetAside[] = [];
  const list = (parsed.value.prices as readonly JsonValue[]).filter(isObject);
  const ids = new Set(list.map(idOf));
  const rows = list.flatMap((raw) => {
    const report: Report = (reason, detail) => {
      set_aside.push({ name: idOf(raw), reason, detail });
    };
    const row = readRow(raw, ids, report);
    return row === undefined || row.components.length === 0 ? [] : [row];
  });
  const tiers = rows.filter(({ above_input_tokens }) => above_input_tokens > 0);
  const bases = rows.filter(({ above_input_tokens }) => above_input_tokens === 0);
  return readingOf(
    bases.map((base) => withTiers(base, tiers)),
    set_aside,
  );
}
