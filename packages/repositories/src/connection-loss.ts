const CONNECTION_LOSS = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "57P01",
  "57P02",
  "57P03",
  // PostgreSQL ends a session that keeps a transaction open and does nothing, so that its locks stop nobody.
  "25P03",
  "53300",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EAI_AGAIN",
]);

/** What the driver says where it gives no code; Knex puts the statement before it. */
const LOSS_WITHOUT_CODE =
  /(?:^| - )(?:Connection terminated|Client was closed|Client has encountered a connection error)[\w ]*$/;
/** The driver's own timeouts, after which it has cut the connection. */
const DRIVER_TIMEOUT = /(?:^| - )(?:Query read timeout|timeout expired)$/;

/** Whether the database did not answer in time. */
export const isTimeout = (error: unknown): boolean =>
  error instanceof Error && DRIVER_TIMEOUT.test(error.message);

/** Whether a failure means that the connection is gone, so that nobody knows whether a commit happened. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") return CONNECTION_LOSS.has(code) || code.startsWith("08");
  return LOSS_WITHOUT_CODE.test(error.message) || isTimeout(error);
}
