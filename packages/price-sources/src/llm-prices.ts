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
  startOfDay,
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

/** Days begin at midnight in UTC; the day in `to_date` is the first at the next price. */
function readDay(day: JsonValue | undefined): number | null | undefined {
  if (day === null || day === undefined) return null;
  return typeof day === "string" ? startOfDay(day) : undefined;
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
  if (!Number.isSafeInteger(above_input_tokens)) {
    report("unreadable_row", "its name has a context tier beyond all sense");
    return undefined;
  }
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

/** Whether a tier holds for as long as a base price: of one that holds for a part of it nobody knows the rest. */
const isThroughout = (tier: Row, base: Row): boolean =>
  (tier.effective_ms ?? -Infinity) <= (base.effective_ms ?? -Infinity) &&
  (tier.end_ms ?? Infinity) >= (base.end_ms ?? Infinity);

const textOr = (value: JsonValue | undefined): string => (typeof value === "string" ? value : "?");
const idOf = ({ vendor, id }: JsonObject): string => `${textOr(vendor)}/${textOr(id)}`;

const isTierOf = (tier: Row, base: Row): boolean =>
  tier.provider === base.provider && tier.model === base.model && isThroughout(tier, base);

/** Puts the upper context tiers of a model and span of time to its base price. */
function withTiers(base: Row, tiers: readonly Row[]): PriceObservation {
  const own = tiers.filter((tier) => isTierOf(tier, base));
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
  const list = parsed.value.prices as readonly JsonValue[];
  const ids = new Set(list.filter(isObject).map(idOf));
  const reportOf =
    (raw: JsonValue): Report =>
    (reason, detail) => {
      set_aside.push({ name: isObject(raw) ? idOf(raw) : "?", reason, detail });
    };
  const rows = list.flatMap((raw) => {
    const report = reportOf(raw);
    if (!isObject(raw)) {
      report("unreadable_row", `it is ${kindOf(raw)}`);
      return [];
    }
    const row = readRow(raw, ids, report);
    return row === undefined || row.components.length === 0 ? [] : [row];
  });
  const tiers = rows.filter(({ above_input_tokens }) => above_input_tokens > 0);
  const bases = rows.filter(({ above_input_tokens }) => above_input_tokens === 0);
  for (const tier of tiers.filter((one) => !bases.some((base) => isTierOf(one, base)))) {
    reportOf(tier.raw)("tier_without_base", `no price of ${tier.model} lies within its time`);
  }
  return readingOf(
    bases.map((base) => withTiers(base, tiers)),
    set_aside,
  );
}
