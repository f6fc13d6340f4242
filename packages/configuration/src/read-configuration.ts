import { parseSecretKeys } from "@budget/domain";
import {
  NO_PRICE_FILE,
  PRICE_FIELDS,
  SOURCE_NAMES,
  readPriceFile,
  type FileProblem,
  type PriceField,
  type PriceFile,
} from "@budget/price-sources";
import { readConfigurationFile, type FileReading } from "./configuration-file.ts";
import {
  ConfigurationError,
  type Configuration,
  type ConfigurationReading,
  type Said,
  type SettingReading,
} from "./configuration.ts";
import { parseLogLevels, type LogLevel } from "./log-levels.ts";
import { SETTINGS, type Setting } from "./settings.ts";

/** What a configuration is read from. */
export interface ConfigurationWorld {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Reads a file as text; rejects with the system's code, such as ENOENT. */
  readonly readFile: (path: string) => Promise<string>;
}

/** Names another file than the default one. */
const FILE_VARIABLE = "BUDGET_CONFIG_FILE";
/** Read where it is there. */
const DEFAULT_FILE = "config.yaml";

const MOST_BYTES = 10 * 1024 * 1024;
const MOST_PROBLEMS = 20;
const PPM_PER_PERCENT = 10_000;
const DAY_MS = 86_400_000;
const DEFAULT = "default";
const NOTHING: FileReading = { said: new Map(), prices: null, problems: [] };

/**
 * Reads the configuration: the environment goes over the file, and the file over defaults.
 * @throws ConfigurationError that names every mistake, and what would be right
 */
export async function readConfiguration(world: ConfigurationWorld): Promise<ConfigurationReading> {
  const mistakes: string[] = [];
  const file = await readFileOf(world, mistakes);
  const all = new Map(
    SETTINGS.map((setting) => [setting.path, saidOf(setting, world.environment, file, mistakes)]),
  );
  const ownFile = all.get("prices.file");
  const prices =
    ownFile !== undefined && ownFile.value !== ""
      ? await readPrices(ownFile, world, mistakes)
      : (file.prices ?? NO_PRICE_FILE);
  if (mistakes.length > 0) throw new ConfigurationError(mistakes);
  return {
    configuration: configurationOf(all, prices),
    settings: [
      ...SETTINGS.map((setting) => readingOf(setting, all.get(setting.path))),
      ...readingsOfPrices(prices),
    ],
  };
}

async function readFileOf(world: ConfigurationWorld, mistakes: string[]): Promise<FileReading> {
  const named = world.environment[FILE_VARIABLE] ?? "";
  const path = named || DEFAULT_FILE;
  const text = await readText(path, world);
  if (typeof text !== "string") {
    if (named !== "") mistakes.push(`${FILE_VARIABLE}: ${text.detail}`);
    else if (text.code !== "ENOENT") mistakes.push(text.detail);
    return NOTHING;
  }
  const reading = readConfigurationFile(path, text);
  mistakes.push(...describe(path, reading.problems));
  return reading;
}

function saidOf(
  setting: Setting,
  environment: ConfigurationWorld["environment"],
  file: FileReading,
  mistakes: string[],
): Said {
  const { variable, default_value, expected, isValid } = setting;
  const value = environment[variable] ?? "";
  if (value === "") return file.said.get(setting.path) ?? { value: default_value, origin: DEFAULT };
  if (!isValid(value)) mistakes.push(`${variable} must be ${expected}.`);
  return { value, origin: variable };
}

/** Reads the file about prices that a setting names. */
async function readPrices(
  { value: path, origin }: Said,
  world: ConfigurationWorld,
  mistakes: string[],
): Promise<PriceFile> {
  const text = await readText(path, world);
  if (typeof text !== "string") {
    mistakes.push(`${origin}: ${text.detail}`);
    return NO_PRICE_FILE;
  }
  const outcome = readPriceFile(path, text, SOURCE_NAMES);
  if (outcome.ok) return outcome.file;
  mistakes.push(...describe(path, outcome.problems));
  return NO_PRICE_FILE;
}

interface Unreadable {
  readonly code: string;
  readonly detail: string;
}

async function readText(path: string, world: ConfigurationWorld): Promise<string | Unreadable> {
  try {
    const text = await world.readFile(path);
    if (Buffer.byteLength(text) <= MOST_BYTES) return text;
    return { code: "EFBIG", detail: `The file ${path} has more than ${MOST_BYTES} bytes.` };
  } catch (error) {
    const code = (error as { code?: string }).code ?? String(error);
    return { code, detail: `The file ${path} cannot be read (${code}).` };
  }
}

const describe = (path: string, problems: readonly FileProblem[]): readonly string[] =>
  problems
    .toSorted((a, b) => a.line - b.line || a.column - b.column)
    .slice(0, MOST_PROBLEMS)
    .map(
      ({ line, column, pointer, detail }) =>
        `${path}:${line}:${column}: ${pointer === "" ? "" : `${pointer}: `}${detail}`,
    );

function configurationOf(all: ReadonlyMap<string, Said>, prices: PriceFile): Configuration {
  const valueOf = (path: string): string => {
    const said = all.get(path);
    if (said === undefined) throw new Error(`There is no setting ${path}.`);
    return said.value;
  };
  return {
    port: Number(valueOf("server.port")),
    host: valueOf("server.host"),
    database_url: valueOf("database.url"),
    database_key: valueOf("database.key"),
    secret_keys: parseSecretKeys(valueOf("database.secret_keys")) ?? [],
    log_level: valueOf("log.level").toUpperCase() as LogLevel,
    log_levels: parseLogLevels(valueOf("log.levels")) ?? new Map(),
    environment: valueOf("environment") as Configuration["environment"],
    price_update_interval_min: Number(valueOf("prices.update_interval_minutes")),
    prices,
    admin_key: valueOf("server.admin_key"),
    allowed_hosts: listIn(valueOf("server.allowed_hosts")),
    cors_origins: listIn(valueOf("server.cors_origins")),
    rate_limit: {
      per_second: Number(valueOf("server.rate_limit")),
      burst: Number(valueOf("server.rate_burst")),
    },
    trusted_proxies: listIn(valueOf("server.trusted_proxies")),
    retention: {
      refusals_ms: Number(valueOf("retention.refusals_days")) * DAY_MS,
      idempotency_keys_ms: Number(valueOf("retention.idempotency_keys_days")) * DAY_MS,
      events_ms: Number(valueOf("retention.events_days")) * DAY_MS,
    },
  };
}

const listIn = (value: string): readonly string[] => (value === "" ? [] : value.split(","));

function readingOf(
  { path, variable, default_value, mask = (value) => value, reloads = false }: Setting,
  { value, origin }: Said = { value: default_value, origin: DEFAULT },
): SettingReading {
  return { path, variable, value, shown: mask(value), origin, reloads };
}

/** What is said about prices; only counted where it is shown, because there may be thousands. */
function readingsOfPrices({
  prices,
  markups,
  sources,
  tolerance_ppm,
  lines,
  path,
}: PriceFile): readonly SettingReading[] {
  const { observations } = prices;
  const tolerance_percent = String(tolerance_ppm / PPM_PER_PERCENT);
  const values: Readonly<Record<PriceField, readonly [value: unknown, shown: string]>> = {
    prices: [observations.map(({ raw }) => raw), String(observations.length)],
    markups: [markups, String(markups.length)],
    sources: [sources, sources.map(({ source }) => source).join(", ")],
    tolerance_percent: [tolerance_percent, tolerance_percent],
  };
  return PRICE_FIELDS.map((name) => {
    const [value, shown] = values[name];
    const line = lines[name];
    return {
      path: `prices.${name}`,
      variable: null,
      value: JSON.stringify(value),
      shown,
      origin: line === undefined ? DEFAULT : `${path}:${line}`,
      reloads: true,
    };
  });
}
