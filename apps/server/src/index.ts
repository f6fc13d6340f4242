export { VERSION } from "@budget/domain";
export { createApp, type AppOptions } from "./app.ts";
export type { Doorkeeper } from "./guard.ts";
export { openApiDocument } from "./openapi.ts";
export { priceRunOptions, type PriceSettings } from "./price-settings.ts";
export { PriceProcess } from "./price-process.ts";
export { RateLimiter, type RateLimit } from "./rate-limiter.ts";
export { startServer, type RunningServer } from "./server.ts";
export { systemTimers } from "./world.ts";
