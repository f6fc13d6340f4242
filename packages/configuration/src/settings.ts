/** One setting: where it comes from, what it may be, and what it is when nobody says. */
export interface Setting {
  readonly variable: string;
  readonly default_value: string;
  readonly description: string;
  /** What would be right, for the message about a value that is not. */
  readonly expected: string;
  readonly isValid: (value: string) => boolean;
}

const LOG_LEVELS = ["ERROR", "WARNING", "INFO", "DEBUG"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

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
    variable: "BUDGET_LOG_LEVEL",
    default_value: "INFO",
    description: "`ERROR`, `WARNING`, `INFO` or `DEBUG`",
    expected: "ERROR, WARNING, INFO or DEBUG",
    isValid: (value) => (LOG_LEVELS as readonly string[]).includes(value.toUpperCase()),
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
] as const satisfies readonly Setting[];

export interface Configuration {
  readonly port: number;
  readonly host: string;
  readonly database_url: string;
  readonly log_level: LogLevel;
  readonly environment: "development" | "production";
  /** 0 asks no source on the network. */
  readonly price_update_interval_min: number;
  /** Empty where there is none. */
  readonly prices_file: string;
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
    log_level: read("BUDGET_LOG_LEVEL").toUpperCase() as LogLevel,
    environment: read("BUDGET_ENV") as Configuration["environment"],
    price_update_interval_min: Number(read("PRICE_UPDATE_INTERVAL")),
    prices_file: read("BUDGET_PRICES_FILE"),
  };
}
