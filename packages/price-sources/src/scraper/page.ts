import {
  canonicalProvider,
  type PriceComponent,
  type PriceObservation,
  type SetAside,
  type SourceOutcome,
  type TimeOfDay,
  type UsageUnit,
} from "@budget/domain";
import { JSDOM } from "jsdom";
import { fault, observationOf, readAmount, readingOf } from "../reading.ts";
import { readCell, termsOf, type Cell, type Terms } from "./cell.ts";
import { roleOf, type Role } from "./column-roles.ts";
import { gridOf, type Grid } from "./grid.ts";
import type { PageLayout } from "./layout.ts";
import { DEEPEST_NESTING, isNestedTooDeep } from "./nesting.ts";
import { visibleText } from "./visible-text.ts";

/** One cell, with what it is about and what its header says about amounts. */
interface Placed {
  readonly label: string;
  readonly role: Role | undefined;
  readonly text: string;
}

/** All that a page says about one model in one place. */
interface Entry {
  readonly provider: string;
  readonly model: string;
  readonly cells: readonly Placed[];
  /** What captions and headings say about amounts. */
  readonly terms: Terms;
  readonly hours: TimeOfDay | null;
}

/** What was found on a page, whether it makes prices or not. */
interface Found {
  readonly entries: Entry[];
  /** Headers of tables that are no price tables, for a message. */
  readonly headers: string[];
  readonly set_aside: SetAside[];
}

const isPrice = (role: Role | undefined): boolean =>
  role?.kind === "price" || role?.kind === "input_and_output";

/** `Claude Haiku 4.5 (retired)` is `claude-haiku-4.5`. Nothing is guessed in front of a name. */
const modelName = (text: string): string =>
  text
    .replaceAll(/\([^()]*\)|\[[^[\]]*\]/g, " ")
    .trim()
    .toLowerCase()
    .replaceAll(/\s+/g, "-");

function providerName(text: string, { providers }: PageLayout): string {
  const words = text.trim().toLowerCase();
  const known = Object.hasOwn(providers, words) ? providers[words] : undefined;
  return canonicalProvider(known ?? words.replaceAll(/\s+/g, "-"));
}

/** Rows of a table whose first row that names a model and a price is its header. */
function readRows(grid: Grid, headerAt: number, heading: string, layout: PageLayout, found: Found): void {
  const header = grid.rows[headerAt] ?? [];
  const roles = header.map(roleOf);
  const terms = { ...layout.terms, ...known(termsOf(heading)), ...known(termsOf(grid.caption)) };
  for (const row of grid.rows.slice(headerAt + 1)) {
    const cells = header.map((label, index) => ({ label, role: roles[index], text: row[index] ?? "" }));
    const model = cells.find(({ role }) => role?.kind === "model")?.text ?? "";
    const provider = cells.find(({ role }) => role?.kind === "provider")?.text ?? heading;
    found.entries.push({ provider, model, cells, terms, hours: null });
  }
}

const WORD_OF_HOURS = /off.?peak|peak|discount(?:ed)? hours/;

/** A table with a model in each column: the row that names them, and rows whose labels are about prices. */
function readColumns(grid: Grid, modelsAt: number, heading: string, layout: PageLayout, found: Found): void {
  const models = grid.rows[modelsAt] ?? [];
  const labels = models.findIndex((text) => roleOf(text)?.kind !== "model");
  if (labels < 1) return;
  const terms = { ...layout.terms, ...known(termsOf(heading)), ...known(termsOf(grid.caption)) };
  const priced = grid.rows.slice(modelsAt + 1).flatMap((row) => {
    const label = [...new Set(row.slice(0, labels))].join(" ");
    return isPrice(roleOf(label)) ? [{ label, role: roleOf(label), row }] : [];
  });
  const words = new Set(priced.map(({ label }) => WORD_OF_HOURS.exec(label.toLowerCase())?.[0] ?? ""));
  for (let column = labels; column < models.length; column += 1) {
    for (const word of words) {
      const model = models[column] ?? "";
      const hours = Object.hasOwn(layout.hours, word) ? (layout.hours[word] ?? null) : null;
      if (word !== "" && hours === null) {
        const detail = `its prices are for ${word} hours, and nothing says which these are`;
        found.set_aside.push({ name: `${layout.source}/${model}`, reason: "hours_unknown", detail });
        continue;
      }
      const cells = priced
        .filter(({ label }) => (WORD_OF_HOURS.exec(label.toLowerCase())?.[0] ?? "") === word)
        .map(({ label, role, row }) => ({ label, role, text: row[column] ?? "" }));
      found.entries.push({ provider: heading, model, cells, terms, hours });
    }
  }
}

function readTable(table: HTMLTableElement, heading: string, layout: PageLayout, found: Found): void {
  const grid = gridOf(table);
  const kindsOf = (row: readonly string[]): readonly (Role | undefined)[] => row.map(roleOf);
  const headerAt = grid.rows.findIndex((row) => {
    const roles = kindsOf(row);
    return roles.some((role) => role?.kind === "model") && roles.some(isPrice);
  });
  const modelsAt = grid.rows.findIndex((row) => roleOf(row[0] ?? "")?.kind === "model");
  const hasPrices = grid.rows.some((row) => kindsOf(row.slice(0, 3)).some(isPrice));
  if (headerAt >= 0) readRows(grid, headerAt, heading, layout, found);
  else if (modelsAt >= 0 && hasPrices) readColumns(grid, modelsAt, heading, layout, found);
  else found.headers.push(...(grid.rows[0] ?? []));
}

/** `Input: $2.50 per 1M tokens`: what it is about, and the rest. */
const LINE = /^([a-z][a-z0-9 ()-]*?)[ :–-]+((?:us|ca|a|hk)?[$€£¥￥₹].*|\d.*|free|[-–—])$/i;

function readLine(text: string): Placed | undefined {
  const [, label = "", amount] = LINE.exec(text.replaceAll("\n", " ")) ?? [];
  const role = roleOf(label);
  return amount !== undefined && role?.kind === "price" ? { label, role, text: amount } : undefined;
}

const LINES = "P, LI, SPAN, DIV, DD, TD";

/** Reads a page from top to bottom: headings, the lines of cards, and tables. */
function readDocument(document: Document, layout: PageLayout): Found {
  const found: Found = { entries: [], headers: [], set_aside: [] };
  // Collected once: to look around each line for its table would take as long as the page is deep.
  const inTables = new Set<Element>();
  let provider = "";
  let card: (Entry & { readonly cells: Placed[] }) | null = null;
  const finish = (): void => {
    if (card !== null && card.cells.length > 0) found.entries.push(card);
    card = null;
  };
  for (const element of document.querySelectorAll(`H1, H2, H3, H4, H5, H6, TABLE, ${LINES}`)) {
    if (element.tagName === "TABLE") {
      finish();
      if (!inTables.has(element)) for (const inside of element.querySelectorAll("*")) inTables.add(inside);
      readTable(element as HTMLTableElement, provider, layout, found);
    } else if (element.tagName === layout.provider_heading) {
      finish();
      provider = visibleText(element);
    } else if (element.tagName === layout.model_heading) {
      finish();
      card = { provider, model: visibleText(element), cells: [], terms: layout.terms, hours: null };
    } else if (card !== null && element.firstElementChild === null && !inTables.has(element)) {
      const line = readLine(visibleText(element));
      if (line !== undefined) card.cells.push(line);
    }
  }
  finish();
  return found;
}

/** Of terms, those that are known: an unknown one must not take the place of one that is. */
const known = ({ scale, currency }: Terms): Terms => ({
  ...(scale === undefined ? {} : { scale }),
  ...(currency === undefined ? {} : { currency }),
});

/** Why a cell makes no price. */
interface Refused {
  readonly reason: "unreadable_cell" | "no_price" | "unit_unknown" | "currency_unknown" | "other_currency";
  readonly detail: string;
}

const component = (unit: UsageUnit, amount: string, scale: number, above = 0): PriceComponent | null => {
  const amount_femto_usd = readAmount(amount, scale);
  return amount_femto_usd === undefined ? null : { unit, amount_femto_usd, above_input_tokens: above };
};

/** The components that a cell makes; none where it says nothing, and a reason where it says what cannot be believed. */
function componentsOf(placed: Placed, entryTerms: Terms): readonly PriceComponent[] | Refused {
  const { role, label, text } = placed;
  if (role === undefined || !isPrice(role)) return [];
  const cell: Cell = readCell(text);
  const refused = (reason: Refused["reason"], detail: string): Refused => ({ reason, detail });
  const shown = `${JSON.stringify(label)} is ${JSON.stringify(text)}`;
  if (cell.kind === "missing") return [];
  if (cell.kind === "unreadable") return refused("unreadable_cell", shown);
  if (cell.kind === "bound") return refused("no_price", `${shown}, which is a bound and no price`);
  const units: readonly UsageUnit[] = role.kind === "price" ? [role.unit] : ["input_tokens", "output_tokens"];
  if (cell.kind === "free")
    return units.map((unit) => ({ unit, amount_femto_usd: 0n, above_input_tokens: 0 }));
  const { scale, currency } = { ...entryTerms, ...known(termsOf(label)), ...known(cell) };
  if (currency === undefined)
    return refused("currency_unknown", `${shown}, and nothing says in which currency`);
  if (currency !== "USD") return refused("other_currency", `${shown}, in ${currency}`);
  if (scale === undefined) return refused("unit_unknown", `${shown}, and nothing says for how many tokens`);
  const amounts =
    cell.kind === "tiers"
      ? cell.tiers
      : (cell.kind === "two" ? cell.amounts : [cell.amount]).map((amount) => ({
          amount,
          above_input_tokens: 0,
        }));
  const isTiers = cell.kind === "tiers";
  if (!isTiers && amounts.length !== units.length)
    return refused(
      "unreadable_cell",
      `${shown}, which is ${amounts.length} amounts for ${units.join(" and ")}`,
    );
  const [onlyUnit = "input_tokens"] = units;
  const components = amounts.map(({ amount, above_input_tokens }, index) =>
    component(isTiers ? onlyUnit : (units[index] ?? onlyUnit), amount, scale, above_input_tokens),
  );
  const read = components.filter((one) => one !== null);
  return read.length === components.length ? read : refused("unreadable_cell", shown);
}

/** A row is a price as a whole: one with a cell that cannot be read is set aside, because half of it may be wrong. */
function observationIn(entry: Entry, layout: PageLayout, found: Found): PriceObservation | null {
  const model = modelName(entry.model);
  const provider = entry.provider.trim() === "" ? layout.provider : providerName(entry.provider, layout);
  const name = `${layout.source}/${entry.provider}/${entry.model}`;
  const setAside = (reason: string, detail: string): null => {
    found.set_aside.push({ name, reason, detail });
    return null;
  };
  const components: PriceComponent[] = [];
  for (const placed of entry.cells) {
    const read = componentsOf(placed, entry.terms);
    if ("reason" in read) return setAside(read.reason, read.detail);
    components.push(...read);
  }
  if (model === "" || components.length === 0) return setAside("no_price", "it has no model or no price");
  if (provider === null || provider === "")
    return setAside("provider_unknown", "nothing says whose model it is");
  return observationOf({
    provider,
    model,
    listed_as: entry.model,
    components,
    time_of_day: entry.hours,
    raw: Object.fromEntries(entry.cells.map(({ label, text }) => [label, text])),
  });
}

const MOST_HEADERS_SHOWN = 12;

/**
 * Reads a page of prices by the rules of its layout. Scripts are not run, and nothing else is loaded. A page that cannot
 * be read as a whole contributes nothing.
 * @param html the caller bounds its size
 */
export function readPricePage(html: string, layout: PageLayout): SourceOutcome {
  if (isNestedTooDeep(html))
    return fault("NOT_READABLE", `Its elements are nested more than ${DEEPEST_NESTING} deep.`);
  const { document } = new JSDOM(html).window;
  const found = readDocument(document, layout);
  if (found.entries.length + found.set_aside.length === 0) {
    if (found.headers.length === 0) return fault("EMPTY", "There is no table and no card on the page.");
    const shown = found.headers.slice(0, MOST_HEADERS_SHOWN).join(", ");
    return fault(
      "MISSING_REQUIRED",
      `No table has a column for the model and one for a price; the headers are ${shown}.`,
    );
  }
  const observations = found.entries.flatMap((entry) => observationIn(entry, layout, found) ?? []);
  const unitless = found.set_aside.filter(({ reason }) => reason === "unit_unknown");
  if (unitless.length > observations.length) {
    const [first] = unitless;
    return fault(
      "UNIT_UNKNOWN",
      `Most prices do not say for how many tokens they are: ${first?.detail ?? ""}.`,
    );
  }
  if (observations.length === 0) return readingOf([], found.set_aside);
  if (observations.length < layout.least_rows) {
    const detail = `There are ${observations.length} prices, and at least ${layout.least_rows} were expected.`;
    return fault("LOW_ROWS", detail);
  }
  return readingOf(observations, found.set_aside);
}
