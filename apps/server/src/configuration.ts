import { LOG_LEVELS, parseLogLevels, type LogLevel, type LogLevels } from "./log-levels.ts";
import type { Retention } from "@budget/engine";
import { isDatabaseKey } from "@budget/repositories";

/** One setting: where it comes from, what it may be, and what it is when nobody says. */
export interface Setting {
  readonly variable: string;
  readonly default_value: string;
  readonly description: string;
  /** What would be right, for the message about a value that is not. */
  readonly expected: string;
  readonly isValid: (value: string) => boolean;
}

const isCount = (value: string): boolean => /^\d{1,7}$/.test(value) && Number(value) <= 1_000_000;

const DAY_MS = 86_400_000;
const isNumberOfDays = (value: string): boolean => /^[1-9]\d{0,4}$/.test(value);
const isPort = (value: string): boolean => /^\d{1,5}$/.test(value) && Number(value) <= 65_535;

/** Every setting of the server. The table in README.md is checked against this one. */
export const SETTINGS = [
  {
    variable: "BUDGET_PORT",
    default_value: "8013",
    description: "Port to listen on; 0 takes a free one",
    expected: "a port number from 0 to 65535",
    isValid: isPort,
  },
  {
    variable: "BUDGET_HOST",
    default_value: "localhost",
    description: "Host name or address to listen on",
    expected: "a host name or an IP address",
    isValid: (value) => /^[A-Za-z0-9.:_-]+$/.test(value),
  },
  {
    variable: "BUDGET_DATABASE_URL",
    default_value: "sqlite:./data/budget.db",
    description: "`sqlite:PATH`, `sqlite::memory:` or `postgres://user:password@host:port/name`",
    expected: "a URL that starts with sqlite: or postgres://",
    isValid: (value) => /^(sqlite:.|postgres(ql)?:\/\/.)/.test(value) && URL.canParse(value),
  },
  {
    variable: "BUDGET_DATABASE_KEY",
    default_value: "",
    description: "What a SQLite file is encrypted with, see docs/data-protection.md",
    expected: "a text of 16 characters or more",
    isValid: (value) => value === "" || isDatabaseKey(value),
  },
  {
    variable: "BUDGET_LOG_LEVEL",
    default_value: "INFO",
    description: "`ERROR`, `WARNING`, `INFO` or `DEBUG`",
    expected: "ERROR, WARNING, INFO or DEBUG",
    isValid: (value) => (LOG_LEVELS as readonly string[]).includes(value.toUpperCase()),
  },
  {
    variable: "BUDGET_LOG_LEVELS",
    default_value: "",
    description: "Other levels for single components, such as `allocation=DEBUG,api=WARNING`",
    expected: "pairs such as allocation=DEBUG,api=WARNING of a component and a level",
    isValid: (value) => parseLogLevels(value) !== null,
  },
  {
    variable: "BUDGET_ENV",
    default_value: "development",
    description: "`development` (readable log) or `production` (log as JSON lines)",
    expected: "development or production",
    isValid: (value) => value === "development" || value === "production",
  },
  {
    variable: "PRICE_UPDATE_INTERVAL",
    default_value: "360",
    description: "Minutes between looks at the price sources on the network; 0 never asks them",
    expected: "a whole number of minutes from 0 to 525600",
    isValid: (value) => /^\d{1,6}$/.test(value) && Number(value) <= 525_600,
  },
  {
    variable: "BUDGET_PRICES_FILE",
    default_value: "",
    description: "Your own prices, markups, and settings of price sources: YAML or JSON, see docs/prices.md",
    expected: "the path of a file",
    isValid: (value) => !value.includes("\0"),
  },
  {
    variable: "BUDGET_ADMIN_KEY",
    default_value: "",
    description:
      "An admin key, as `budget keys generate` prints one; needed at the first start in production",
    expected: "a key such as `budget keys generate` prints",
    isValid: (value) => /^bgt_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/.test(value),
  },
  {
    variable: "BUDGET_ALLOWED_HOSTS",
    default_value: "",
    description:
      "Names that the server is called by, beside `localhost` and `BUDGET_HOST`: `budget.example.com,…`",
    expected: "host names or addresses without ports, divided by commas",
    isValid: (value) => value.split(",").every((host) => /^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$/.test(host)),
  },
  {
    variable: "BUDGET_CORS_ORIGINS",
    default_value: "",
    description: "Origins of pages that may call the server from a browser: `https://app.example.com,…`",
    expected: "origins such as https://app.example.com, divided by commas",
    isValid: (value) =>
      value.split(",").every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
  },
  {
    variable: "BUDGET_RATE_LIMIT",
    default_value: "100",
    description: "Requests a second that each key may make on average; 0 for no limit",
    expected: "a whole number from 0 to 1000000",
    isValid: isCount,
  },
  {
    variable: "BUDGET_RATE_BURST",
    default_value: "200",
    description: "Requests that a key may make at once after a rest",
    expected: "a whole number from 1 to 1000000",
    isValid: (value) => isCount(value) && Number(value) >= 1,
  },
  {
    variable: "BUDGET_TRUST_PROXY",
    default_value: "",
    description:
      "Addresses of proxies whose X-Forwarded-For is believed: `10.0.0.0/8,loopback`; nobody's if not set",
    expected: "addresses, networks, or loopback, linklocal, uniquelocal, divided by commas",
    isValid: (value) =>
      value
        .split(",")
        .every((proxy) => /^(loopback|linklocal|uniquelocal|[0-9A-Fa-f.:]+(\/\d{1,3})?)$/.test(proxy)),
  },
  {
    variable: "BUDGET_KEEP_REFUSALS",
    default_value: "30",
    description: "Days for which a refusal can be explained",
    expected: "a whole number of days from 1 to 99999",
    isValid: isNumberOfDays,
  },
  {
    variable: "BUDGET_KEEP_IDEMPOTENCY_KEYS",
    default_value: "7",
    description: "Days for which an idempotency key stands for its first request",
    expected: "a whole number of days from 1 to 99999",
    isValid: isNumberOfDays,
  },
  {
    variable: "BUDGET_KEEP_EVENTS",
    default_value: "30",
    description: "Days for which events can be read",
    expected: "a whole number of days from 1 to 99999",
    isValid: isNumberOfDays,
  },
] as const satisfies readonly Setting[];

export interface Configuration {
  readonly port: number;
  readonly host: string;
  readonly database_url: string;
  /** Empty where the database is not encrypted. */
  readonly database_key: string;
  readonly log_level: LogLevel;
  readonly log_levels: LogLevels;
  readonly environment: "development" | "production";
  /** 0 asks no source on the network. */
  readonly price_update_interval_min: number;
  /** Empty where there is none. */
  readonly prices_file: string;
  /** Empty where there is none. */
  readonly admin_key: string;
  readonly allowed_hosts: readonly string[];
  readonly cors_origins: readonly string[];
  readonly rate_limit: { readonly per_second: number; readonly burst: number };
  readonly trusted_proxies: readonly string[];
  readonly retention: Retention;
}

/** A setting that cannot be used. Its value is not repeated, because it may hold a password. */
export class ConfigurationError extends Error {
  constructor(setting: Setting) {
    super(`${setting.variable} must be ${setting.expected}.`);
    this.name = "ConfigurationError";
  }
}

/**
 * Reads the configuration from environment variables.
 * @throws ConfigurationError that names the variable and what would be right
 */
export function readConfiguration(environment: Readonly<Record<string, string | undefined>>): Configuration {
  const read = (variable: (typeof SETTINGS)[number]["variable"]): string => {
    const setting: Setting | undefined = SETTINGS.find((one) => one.variable === variable);
    if (setting === undefined) throw new Error(`There is no setting ${variable}.`);
    const value = environment[variable] ?? "";
    if (value === "") return setting.default_value;
    if (!setting.isValid(value)) throw new ConfigurationError(setting);
    return value;
  };
  return {
    port: Number(read("BUDGET_PORT")),
    host: read("BUDGET_HOST"),
    database_url: read("BUDGET_DATABASE_URL"),
    database_key: read("BUDGET_DATABASE_KEY"),
    log_level: read("BUDGET_LOG_LEVEL").toUpperCase() as LogLevel,
    log_levels: parseLogLevels(read("BUDGET_LOG_LEVELS")) ?? new Map(),
    environment: read("BUDGET_ENV") as Configuration["environment"],
    price_update_interval_min: Number(read("PRICE_UPDATE_INTERVAL")),
    prices_file: read("BUDGET_PRICES_FILE"),
    admin_key: read("BUDGET_ADMIN_KEY"),
    allowed_hosts: listIn(read("BUDGET_ALLOWED_HOSTS")),
    cors_origins: listIn(read("BUDGET_CORS_ORIGINS")),
    rate_limit: { per_second: Number(read("BUDGET_RATE_LIMIT")), burst: Number(read("BUDGET_RATE_BURST")) },
    trusted_proxies: listIn(read("BUDGET_TRUST_PROXY")),
    retention: {
      refusals_ms: Number(read("BUDGET_KEEP_REFUSALS")) * DAY_MS,
      idempotency_keys_ms: Number(read("BUDGET_KEEP_IDEMPOTENCY_KEYS")) * DAY_MS,
      events_ms: Number(read("BUDGET_KEEP_EVENTS")) * DAY_MS,
    },
  };
}

const listIn = (value: string): readonly string[] => (value === "" ? [] : value.split(","));
