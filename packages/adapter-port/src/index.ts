export { PortError } from "./port-error.ts";
export { portOverClient } from "./port-over-client.ts";
export { portOverEngine } from "./port-over-engine.ts";
export type { Allocated, BudgetPort, PortRefusal } from "./port.ts";
