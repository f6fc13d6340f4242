import {
  createServer,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";

/** What a client may take of a server before it has asked for anything. */
export interface HttpLimits {
  /** How long the head of a request may take, also the first one of a connection that says nothing; in milliseconds. */
  readonly head_ms: number;
  /** How long a whole request may take to arrive, in milliseconds. */
  readonly request_ms: number;
  /** How long a connection is kept between two requests, in milliseconds. */
  readonly idle_ms: number;
  /** How often connections are looked at that have passed one of the first two, in milliseconds. */
  readonly check_ms: number;
  /** Lines in the head of a request. */
  readonly header_count: number;
  /** Bytes in the head of a request. */
  readonly head_bytes: number;
}

/**
 * The defaults of Node are a minute for a head, five for a request, and up to half a minute more until somebody looks:
 * who sends a byte now and then keeps a connection for that long. An idle connection costs little, and load balancers
 * want theirs to last longer than the minute after which they close them themselves, so that no request meets a
 * connection that is just being closed.
 */
export const HTTP_LIMITS: HttpLimits = {
  head_ms: 10_000,
  request_ms: 30_000,
  idle_ms: 65_000,
  check_ms: 2000,
  header_count: 100,
  head_bytes: 16 * 1024,
};

/** A server that holds its clients to these limits. */
export function createHttpServer(serve: RequestListener, limits: HttpLimits = HTTP_LIMITS): Server {
  const options: ServerOptions = {
    headersTimeout: limits.head_ms,
    requestTimeout: limits.request_ms,
    keepAliveTimeout: limits.idle_ms,
    connectionsCheckingInterval: limits.check_ms,
    maxHeaderSize: limits.head_bytes,
  };
  const server = createServer(options, serve);
  server.maxHeadersCount = limits.header_count;
  return server;
}

/** How long a client may read nothing of an answer that did not leave at once, in milliseconds. */
const READING_MS = 30_000;

/** Cuts the connection of a client that asks and does not read, so that its answer does not stay in memory. */
export function boundReading(response: ServerResponse, reading_ms: number = READING_MS): void {
  if (response.writableLength > 0) response.setTimeout(reading_ms);
}
