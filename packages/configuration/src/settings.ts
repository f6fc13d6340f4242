import { LOG_COMPONENTS, isDatabaseKey, parseSecretKeys } from "@budget/domain";
import { LOG_LEVELS, parseLogLevels } from "./log-levels.ts";
import { hide, hideKeys, maskUrl } from "./mask.ts";

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
  /** Of a setting that has a value for each of some names: in the file as fields as well, and as `name=value,…` in either place. */
  readonly each?: { readonly names: readonly string[]; readonly expected: string };
  /** Of a setting that has several values: in the file as a list as well, and divided by commas in either place. */
  readonly items?: { readonly expected: string };
  /** What may be shown of a value with a secret in it. */
  readonly mask?: (value: string) => string;
  /** Whether a running server takes another value; otherwise that needs a restart. */
  readonly reloads?: boolean;
}

const isCount = (value: string): boolean => /^\d{1,7}$/.test(value) && Number(value) <= 1_000_000;
const isNumberOfDays = (value: string): boolean => /^[1-9]\d{0,4}$/.test(value);
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
    path: "database.key",
    variable: "BUDGET_DATABASE_KEY",
    default_value: "",
    description: "What a SQLite file is encrypted with, see docs/data-protection.md",
    expected: "a text of 16 characters or more",
    isValid: isDatabaseKey,
    mask: hide,
  },
  {
    path: "database.secret_keys",
    variable: "BUDGET_SECRET_KEYS",
    default_value: "",
    description:
      "Keys that secrets in columns are encrypted with, `name:base64,…`: by the first one; see docs/data-protection.md",
    expected:
      "names and keys such as 2026-11:KEY, divided by commas, each KEY 32 bytes in base64 and each name another",
    isValid: (value) => parseSecretKeys(value) !== null,
    mask: hideKeys,
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
    reloads: true,
  },
  {
    path: "prices.file",
    variable: "BUDGET_PRICES_FILE",
    default_value: "",
    description: "Your own prices, markups, and settings of price sources: YAML or JSON, see docs/prices.md",
    expected: "the path of a file",
    isValid: (value) => !value.includes("\0"),
    reloads: true,
  },
  {
    path: "server.admin_key",
    variable: "BUDGET_ADMIN_KEY",
    default_value: "",
    description:
      "An admin key, as `budget keys generate` prints one; needed at the first start in production",
    expected: "a key such as `budget keys generate` prints",
    isValid: (value) => /^bgt_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/.test(value),
    mask: hide,
  },
  {
    path: "server.allowed_hosts",
    variable: "BUDGET_ALLOWED_HOSTS",
    default_value: "",
    description:
      "Names that the server is called by, beside `localhost` and `BUDGET_HOST`: `budget.example.com,…`",
    expected: "host names or addresses without ports, divided by commas",
    items: { expected: "a host name or an address, without a port" },
    isValid: (value) => value.split(",").every((host) => /^[A-Za-z0-9._-]+$|^\[[0-9A-Fa-f:.]+\]$/.test(host)),
    reloads: true,
  },
  {
    path: "server.cors_origins",
    variable: "BUDGET_CORS_ORIGINS",
    default_value: "",
    description: "Origins of pages that may call the server from a browser: `https://app.example.com,…`",
    expected: "origins such as https://app.example.com, divided by commas",
    items: { expected: "an origin such as https://app.example.com" },
    isValid: (value) =>
      value.split(",").every((origin) => URL.canParse(origin) && new URL(origin).origin === origin),
    reloads: true,
  },
  {
    path: "server.rate_limit",
    variable: "BUDGET_RATE_LIMIT",
    default_value: "100",
    description: "Requests a second that each key may make on average; 0 for no limit",
    expected: "a whole number from 0 to 1000000",
    isValid: isCount,
  },
  {
    path: "server.rate_burst",
    variable: "BUDGET_RATE_BURST",
    default_value: "200",
    description: "Requests that a key may make at once after a rest",
    expected: "a whole number from 1 to 1000000",
    isValid: (value) => isCount(value) && Number(value) >= 1,
  },
  {
    path: "server.trusted_proxies",
    variable: "BUDGET_TRUST_PROXY",
    default_value: "",
    description:
      "Addresses of proxies whose X-Forwarded-For is believed: `10.0.0.0/8,loopback`; nobody's if not set",
    expected: "addresses, networks, or loopback, linklocal, uniquelocal, divided by commas",
    items: { expected: "an address, a network, or one of loopback, linklocal, uniquelocal" },
    isValid: (value) =>
      value
        .split(",")
        .every((proxy) => /^(loopback|linklocal|uniquelocal|[0-9A-Fa-f.:]+(\/\d{1,3})?)$/.test(proxy)),
    reloads: true,
  },
  {
    path: "retention.refusals_days",
    variable: "BUDGET_KEEP_REFUSALS",
    default_value: "30",
    description: "Days for which a refusal can be explained",
    expected: "a whole number of days from 1 to 99999",
    isValid: isNumberOfDays,
  },
  {
    path: "retention.idempotency_keys_days",
    variable: "BUDGET_KEEP_IDEMPOTENCY_KEYS",
    default_value: "7",
    description: "Days for which an idempotency key stands for its first request",
    expected: "a whole number of days from 1 to 99999",
    isValid: isNumberOfDays,
  },
  {
    path: "retention.events_days",
    variable: "BUDGET_KEEP_EVENTS",
    default_value: "30",
    description: "Days for which events can be read",
    expected: "a whole number of days from 1 to 99999",
    isValid: isNumberOfDays,
  },
];
