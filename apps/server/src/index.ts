export {
  ConfigurationError,
  SETTINGS,
  readConfiguration,
  type Configuration,
  type Setting,
} from "./configuration.ts";
export { openApiDocument } from "./openapi.ts";
export { VERSION, startServer, type RunningServer } from "./server.ts";
