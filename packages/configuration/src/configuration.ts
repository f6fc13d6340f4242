import type { SecretKey } from "@budget/domain";
import type { PriceFile } from "@budget/price-sources";
import type { LogLevel, LogLevels } from "./log-levels.ts";

/** What a server is told about its work. */
export interface Configuration {
  readonly port: number;
  readonly host: string;
  readonly database_url: string;
  /** Empty where the database is not encrypted. */
  readonly database_key: string;
  /** The first one encrypts secrets, all of them decrypt; none where there are no secrets. */
  readonly secret_keys: readonly SecretKey[];
  readonly log_level: LogLevel;
  readonly log_levels: LogLevels;
  readonly environment: "development" | "production";
  /** 0 asks no source on the network. */
  readonly price_update_interval_min: number;
  /** What the operator says about prices. */
  readonly prices: PriceFile;
  /** Empty where there is none. */
  readonly admin_key: string;
  readonly allowed_hosts: readonly string[];
  readonly cors_origins: readonly string[];
  readonly rate_limit: { readonly per_second: number; readonly burst: number };
  readonly trusted_proxies: readonly string[];
  /** How long rows stay that only explain what was, in the shape that the engine takes. */
  readonly retention: {
    readonly refusals_ms: number;
    readonly idempotency_keys_ms: number;
    readonly events_ms: number;
  };
}

/** A value as somebody wrote it, and where. */
export interface Said {
  readonly value: string;
  /** Its environment variable, its file and line such as `config.yaml:3`, or `default`. */
  readonly origin: string;
}

/** A setting that was read. */
export interface SettingReading extends Said {
  /** Its value without secrets. */
  readonly shown: string;
  /** Its place in the file, such as `server.port`. */
  readonly path: string;
  /** Null where only the file can say it. */
  readonly variable: string | null;
  readonly reloads: boolean;
}

/** A configuration, and how it came about. */
export interface ConfigurationReading {
  readonly configuration: Configuration;
  readonly settings: readonly SettingReading[];
}

/** A configuration that cannot be used. Values are not repeated, because they may hold a password. */
export class ConfigurationError extends Error {
  /** Each names its variable, or its file, line and column, and what would be right. */
  readonly mistakes: readonly string[];

  constructor(mistakes: readonly string[]) {
    super(mistakes.join("\n"));
    this.name = "ConfigurationError";
    this.mistakes = mistakes;
  }
}
