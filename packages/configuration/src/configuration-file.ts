import {
  OperatorFile,
  PRICE_FIELDS,
  SOURCE_NAMES,
  readPriceFields,
  type Fields,
  type FileProblem,
  type Place,
  type PriceFile,
} from "@budget/price-sources";
import type { Said } from "./configuration.ts";
import { SETTINGS, type Setting } from "./settings.ts";

/** What a configuration file says. */
export interface FileReading {
  /** By the path of the setting. */
  readonly said: ReadonlyMap<string, Said>;
  /** Null where the file says nothing about prices, or has mistakes. */
  readonly prices: PriceFile | null;
  readonly problems: readonly FileProblem[];
}

/** The section that also takes what can stand in a file about prices. */
const PRICES = "prices";
const LONGEST_VALUE = 4096;

/** Names that can stand below a section, or at the top, in the order of the settings. */
function namesBelow(section: string): readonly string[] {
  const prefix = section === "" ? "" : `${section}.`;
  const names = SETTINGS.filter(({ path }) => path.startsWith(prefix)).map(
    ({ path }) => path.slice(prefix.length).split(".")[0] ?? "",
  );
  return [...new Set([...names, ...(section === PRICES ? PRICE_FIELDS : [])])];
}

/**
 * Reads a configuration file, YAML 1.2 or JSON. `docs/configuration.md` shows all that can stand there.
 *
 * @param path what people know the file by
 * @param text the caller bounds its size
 * @returns every mistake with its line, if there is one
 */
export function readConfigurationFile(path: string, text: string): FileReading {
  const file = new OperatorFile(path, text);
  const said = new Map<string, Said>();
  let prices: PriceFile | null = null;

  function readSection(section: string, place: Place): void {
    const fields = file.fields(place, namesBelow(section));
    for (const [name, at] of fields ?? []) {
      const below = section === "" ? name : `${section}.${name}`;
      const setting = SETTINGS.find((one) => one.path === below);
      if (setting !== undefined) {
        const origin = `${path}:${file.lineOf(at)}`;
        said.set(below, { value: readSetting(file, at, setting), origin });
      } else if (section !== PRICES) readSection(below, at);
    }
    if (section === PRICES) prices = readInlinePrices(file, fields);
  }

  // A file of comments only says nothing.
  if (file.problems.length === 0 && file.root.node !== null) readSection("", file.root);
  return { said, prices, problems: file.problems };
}

function readSetting(file: OperatorFile, place: Place, setting: Setting): string {
  const { each, items, isValid, expected } = setting;
  const isOne = (value: string): boolean => !value.includes(",") && isValid(value);
  const listed = items === undefined ? null : file.items(place);
  if (items !== undefined && listed !== null)
    return listed.map((at) => readValue(file, at, isOne, items.expected)).join(",");
  // What is written as text is read as in the environment.
  if (each === undefined || file.written(place) !== null) return readValue(file, place, isValid, expected);
  const pairs = [...(file.fields(place, each.names) ?? [])].map(([name, at]) => {
    const isRight = (value: string): boolean => !value.includes("=") && isOne(`${name}=${value}`);
    return `${name}=${readValue(file, at, isRight, each.expected)}`;
  });
  return pairs.join(",");
}

/** What is wrong is not repeated: it may be a password. */
function readValue(
  file: OperatorFile,
  place: Place,
  isValid: (value: string) => boolean,
  expected: string,
): string {
  const value = file.written(place) ?? "";
  const isRight = value !== "" && value.length <= LONGEST_VALUE && isValid(value);
  if (!isRight) file.wrong(place, `It must be ${expected}.`);
  return value;
}

function readInlinePrices(file: OperatorFile, fields: Fields | null): PriceFile | null {
  const inline = PRICE_FIELDS.filter((name) => fields?.has(name));
  if (inline.length === 0) return null;
  const ownFile = fields?.get("file");
  if (ownFile !== undefined)
    file.wrong(
      ownFile,
      `Prices stand in a file of their own or here; leave out either file or ${inline.join(", ")}.`,
    );
  return readPriceFields(file, fields, SOURCE_NAMES);
}
