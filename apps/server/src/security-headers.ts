import { IncomingMessage, ServerResponse, type OutgoingHttpHeaders } from "node:http";
import { Socket } from "node:net";
import helmet from "helmet";

/**
 * The headers that helmet sets, and that nothing may be kept in a cache, worked out once: they are the same for every answer of an API, and setting each of them
 * anew costs as much as the rest of a small answer.
 */
export function securityHeaders(): OutgoingHttpHeaders {
  const middleware = helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] },
    },
  });
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  middleware(request, response, (error) => {
    if (error !== undefined) throw error as Error;
  });
  // Costs and budgets are nothing for the caches of browsers and proxies.
  return { ...response.getHeaders(), "cache-control": "no-store" };
}
