export { openApiDocument } from "./openapi.ts";
export { priceRunOptions, type PriceSettings } from "./price-settings.ts";
export { PriceProcess } from "./price-process.ts";
export { VERSION, startServer, type RunningServer } from "./server.ts";
