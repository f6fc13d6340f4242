import { AsyncLocalStorage } from "node:async_hooks";
import type { IncomingMessage } from "node:http";
import type { Logger } from "@budget/domain";
import { requestId } from "./send.ts";
import { traceOf } from "./trace-context.ts";

const requests = new AsyncLocalStorage<IncomingMessage>();

/** Does the work of a request, and all that it starts, on its behalf. */
export const onBehalfOf = (request: IncomingMessage, work: () => void): void => requests.run(request, work);

/**
 * A log whose lines say on behalf of which request they are, whoever writes them. What serves many requests at once,
 * as the engine's batches do, or none, says nothing of them.
 */
export function namingRequests(logger: Logger): Logger {
  const write =
    (name: keyof Logger): Logger["info"] =>
    (component, message, fields) => {
      const request = requests.getStore();
      const ids =
        request === undefined ? {} : { request_id: requestId(request), trace_id: traceOf(request).trace_id };
      logger[name](component, message, { ...ids, ...fields });
    };
  return { error: write("error"), warning: write("warning"), info: write("info"), debug: write("debug") };
}
