import type { ConfigurationReading } from "@budget/configuration";
import { DatabaseError, describeConnectionFailure } from "@budget/repositories";

interface SystemError {
  readonly code?: string;
  readonly syscall?: string;
  readonly message?: string;
}

/** What a failed start means to whoever started it, in one line; a bug of ours has its stack. */
export function explainStartFailure(error: unknown, reading: ConfigurationReading): string {
  if (error instanceof DatabaseError) return error.message;
  const listening = explainListening(error as SystemError, reading);
  if (listening !== null) return listening;
  const failure = describeConnectionFailure(error);
  if (failure !== null) {
    const origin = reading.settings.find(({ path }) => path === "database.url")?.origin;
    return `The database of database.url (${origin}) cannot be used: ${failure.reason}. ${failure.remedy}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Null where it did not fail to listen. */
function explainListening(
  { code, syscall, message }: SystemError,
  { configuration: { port, host } }: ConfigurationReading,
): string | null {
  if (code === "EADDRINUSE") {
    return `Port ${port} on ${host} is in use. Stop what listens there, or set BUDGET_PORT to another port.`;
  }
  if (code === "EACCES" && syscall === "listen") {
    return `Port ${port} may not be used by this user. Set BUDGET_PORT to one above 1023.`;
  }
  if (code === "EADDRNOTAVAIL" || (syscall === "getaddrinfo" && message?.endsWith(` ${host}`) === true)) {
    return `${host} is no address of this machine. Set BUDGET_HOST to one that is, such as localhost.`;
  }
  return null;
}
