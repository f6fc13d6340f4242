import { LOG_COMPONENTS } from "@budget/domain";
import { LOG_LEVELS, parseLogLevels } from "./log-levels.ts";
import { maskUrl } from "./mask.ts";

/** One setting: where it comes from, what it may be, and what it is when nobody says. */
export interface Setting {
  /** Its place in the file, such as `server.port`. */
  readonly path: string;
  readonly variable: string;
  readonly default_value: string;
  readonly description: string;
  /** What would be right, for the message about a value that is not. */
  readonly expected: string;
  readonly isValid: (value: string) => boolean;
  /** Of a setting that has a value for each of some names: in the file as fields, in the variable as `name=value,…`. */
  readonly each?: { readonly names: readonly string[]; readonly expected: string };
  /** What may be shown of a value with a secret in it. */
  readonly mask?: (value: string) => string;
  /** Whether a running server takes another value; otherwise that needs a restart. */
  readonly reloads?: boolean;
}

const isPort = (value: string): boolean => /^\d{1,5}$/.test(value) && Number(value) <= 65_535;
/** Every setting of the server, but for what the file says about prices. The table in README.md is checked against this one. */
export const SETTINGS: readonly Setting[] = [
  {
    path: "server.port",
    variable: "BUDGET_PORT",
    default_value: "8013",
    description: "Port to listen on; 0 takes a free one",
    expected: "a port number from 0 to 65535",
    isValid: isPort,
  },
  {
    path: "server.host",
    variable: "BUDGET_HOST",
    default_value: "localhost",
    description: "Host name or address to listen on",
    expected: "a host name or an IP address",
    isValid: (value) => /^[A-Za-z0-9.:_-]+$/.test(value),
  },
  {
    path: "database.url",
    variable: "BUDGET_DATABASE_URL",
    default_value: "sqlite:./data/budget.db",
    description: "`sqlite:PATH`, `sqlite::memory:` or `postgres://user:password@host:port/name`",
    expected: "a URL that starts with sqlite: or postgres://",
    isValid: (value) => /^(sqlite:.|postgres(ql)?:\/\/.)/.test(value) && URL.canParse(value),
    mask: maskUrl,
  },
  {
    path: "log.level",
    variable: "BUDGET_LOG_LEVEL",
    default_value: "INFO",
    description: "`ERROR`, `WARNING`, `INFO` or `DEBUG`",
    expected: "ERROR, WARNING, INFO or DEBUG",
    isValid: (value) => (LOG_LEVELS as readonly string[]).includes(value.toUpperCase()),
    reloads: true,
  },
  {
    path: "log.levels",
    variable: "BUDGET_LOG_LEVELS",
    default_value: "",
    description: "Other levels for single components, such as `allocation=DEBUG,api=WARNING`",
    expected: "pairs such as allocation=DEBUG,api=WARNING of a component and a level",
    isValid: (value) => parseLogLevels(value) !== null,
    each: { names: LOG_COMPONENTS, expected: "ERROR, WARNING, INFO or DEBUG" },
    reloads: true,
  },
  {
    path: "environment",
    variable: "BUDGET_ENV",
    default_value: "development",
    description: "`development` (readable log) or `production` (log as JSON lines)",
    expected: "development or production",
    isValid: (value) => value === "development" || value === "production",
  },
  {
    path: "prices.update_interval_minutes",
    variable: "PRICE_UPDATE_INTERVAL",
    default_value: "360",
    description: "Minutes between looks at the price sources on the network; 0 never asks them",
    expected: "a whole number of minutes from 0 to 525600",
    isValid: (value) => /^\d{1,6}$/.test(value) && Number(value) <= 525_600,
  },
  {
    path: "prices.file",
    variable: "BUDGET_PRICES_FILE",
    default_value: "",
    description: "Your own prices, markups, and settings of price sources: YAML or JSON, see docs/prices.md",
    expected: "the path of a file",
    isValid: (value) => !value.includes("\0"),
  },
];
