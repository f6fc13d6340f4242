import { PortError } from "@budget/adapter-port";

/** One call, and what it came to. */
export interface Exchange {
  readonly call: string;
  readonly with: unknown;
  /** What was asked of the layer below to answer it. */
  readonly asks?: Exchange[];
  answer?: unknown;
  /** Without its detail, which the server puts into other words than the port in process. */
  error?: { readonly code: string; readonly field: string | null };
}

type Calls = Readonly<Record<string, unknown>>;

/**
 * Wraps an object of calls, and objects of calls within it, so that every call is written down.
 * @param write told of a call when it begins; what it came to is filled in when it ends
 */
export function recorded<T extends object>(calls: T, write: (exchange: Exchange) => void, path = ""): T {
  const wrapped = Object.entries(calls as Calls).map(([name, value]) => {
    const call = path + name;
    if (typeof value !== "function") return [name, recorded(value as object, write, `${call}.`)];
    return [
      name,
      async (...args: unknown[]) => {
        const exchange: Exchange = { call, with: args.length === 1 ? args[0] : args };
        write(exchange);
        try {
          exchange.answer = await (value as (...all: unknown[]) => Promise<unknown>)(...args);
          return exchange.answer;
        } catch (error) {
          if (!(error instanceof PortError)) throw error;
          exchange.error = { code: error.code, field: error.field };
          throw error;
        }
      },
    ];
  });
  return Object.fromEntries(wrapped) as T;
}
