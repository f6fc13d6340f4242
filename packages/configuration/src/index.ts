export {
  ConfigurationError,
  type Configuration,
  type ConfigurationReading,
  type SettingReading,
} from "./configuration.ts";
export { isWritten, type LogLevel, type LogLevels } from "./log-levels.ts";
export { watchedSources } from "./watched-sources.ts";
export { readConfiguration, type ConfigurationWorld } from "./read-configuration.ts";
export { SETTINGS, type Setting } from "./settings.ts";
