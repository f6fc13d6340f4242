import {
  NotFoundError,
  type BudgetError,
  ConnectionError,
  InvalidRequestError,
  ServerError,
  TimeoutError,
  errorOf,
} from "./errors.ts";
import type { Problem } from "./types.ts";

/** What a client is made with. */
export interface ClientOptions {
  /** Where the server is; `http://localhost:8013` if left out. */
  readonly base_url?: string;
  /** Sent as `X-API-Key`, and nowhere else; printable ASCII. */
  readonly api_key?: string;
  /** The global one if left out. */
  readonly fetch?: typeof fetch;
  /** How long one attempt may take, in milliseconds; 10,000 if left out. */
  readonly timeout_ms?: number;
  /** How often a failed attempt is repeated; 2 if left out. */
  readonly max_retries?: number;
  /** Waits between attempts, in milliseconds; rejects when the signal is aborted. */
  readonly wait?: (duration_ms: number, signal: AbortSignal | undefined) => Promise<void>;
  /**
   * Names one change; `crypto.randomUUID` if left out, which browsers have on pages from HTTPS or localhost only.
   */
  readonly new_idempotency_key?: () => string;
}

/** What a single call may say. */
export interface CallOptions {
  /** Cancels the call, also between its attempts: it then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** How long one attempt may take, in milliseconds; the client's limit if left out. */
  readonly timeout_ms?: number;
  /** The key of a POST that changes something; a new one for each call if left out. */
  readonly idempotency_key?: string;
  /** The ETag that a change is based on. */
  readonly if_match?: string;
}

export interface Call extends CallOptions {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly query?: object | undefined;
  readonly body?: unknown;
  /** Whether a POST changes something; then it carries an idempotency key. */
  readonly changes?: boolean;
  /** Whether it is sent again only where it is known to have changed nothing. */
  readonly once?: boolean;
}

const DEFAULT_BASE_URL = "http://localhost:8013";
const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_MAX_RETRIES = 2;
const FIRST_DELAY_MS = 200;
const MAX_RETRY_AFTER_MS = 30_000;
const HEADER_TEXT = /^[\x20-\x7e]*$/;
const WORTH_RETRYING: ReadonlySet<number> = new Set([408, 429, 502, 503, 504]);

/** Sends calls, and is the one place that decides about retries. */
export class Transport {
  readonly #base_url: string;
  /** For messages: without what could be a password. */
  readonly #shown_url: string;
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    // Refused here, because fetch would name the key in the error that it throws.
    if (!HEADER_TEXT.test(options.api_key ?? "")) {
      throw new InvalidRequestError(
        "The API key has characters that no header can carry, such as a line break.",
        "invalid_api_key",
      );
    }
    this.#base_url = (options.base_url ?? DEFAULT_BASE_URL).replace(/\/+$/, "");
    this.#shown_url = this.#base_url.replace(/\/\/[^/@]*@/, "//");
    this.#options = options;
  }

  /**
   * Sends a call, and again where that may help: nobody answered, or the server said that it cannot now.
   *
   * A POST that changes something carries one idempotency key through all of its attempts: when an answer is lost,
   * nobody can tell whether the change was made, and the key lets the server make it once.
   * @throws BudgetError for every answer that is no success, and for none at all
   */
  async send<T>(call: Call): Promise<T> {
    const { max_retries = DEFAULT_MAX_RETRIES, new_idempotency_key = () => crypto.randomUUID() } =
      this.#options;
    const key = call.idempotency_key ?? (call.changes === true ? new_idempotency_key() : undefined);
    let isUnanswered = false;
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#attempt(call, key);
      if (outcome.ok) return outcome.value as T;
      // What an unanswered attempt has deleted is not found by the next.
      if (isUnanswered && call.method === "DELETE" && outcome.error instanceof NotFoundError)
        return { message: outcome.error.message } as T;
      isUnanswered ||= outcome.error instanceof ConnectionError || outcome.error instanceof TimeoutError;
      // A change that depends on a version would meet the version that it has itself made.
      const wouldMeetItself = isUnanswered && call.if_match !== undefined;
      const mayHaveBeenMade = isUnanswered && call.once === true;
      if (attempt >= max_retries || !outcome.worth_retrying || wouldMeetItself || mayHaveBeenMade)
        throw outcome.error;
      await this.#wait(outcome.retry_after_ms ?? backoff(attempt), call.signal);
    }
  }

  async #attempt(call: Call, key: string | undefined): Promise<Attempt> {
    const timeout_ms = call.timeout_ms ?? this.#options.timeout_ms ?? DEFAULT_TIMEOUT_MS;
    const timeout = AbortSignal.timeout(timeout_ms);
    const signal = call.signal === undefined ? timeout : AbortSignal.any([call.signal, timeout]);
    try {
      const response = await (this.#options.fetch ?? fetch)(this.#url(call), {
        method: call.method,
        headers: this.#headers(call, key),
        signal,
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      const text = await response.text();
      return response.ok ? success(response, text) : failure(response, text);
    } catch (error) {
      call.signal?.throwIfAborted();
      const failed = timeout.aborted
        ? new TimeoutError(`Budget at ${this.#shown_url} did not answer within ${timeout_ms} ms.`, "timeout")
        : new ConnectionError(`Budget at ${this.#shown_url} cannot be reached.`, "unreachable", undefined, {
            cause: error,
          });
      return { ok: false, error: failed, worth_retrying: true, retry_after_ms: null };
    }
  }

  #url({ path, query }: Call): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined) parameters.set(name, String(value));
    }
    return `${this.#base_url}${path}${parameters.size === 0 ? "" : `?${parameters.toString()}`}`;
  }

  #headers(call: Call, key: string | undefined): Record<string, string> {
    const { api_key } = this.#options;
    return {
      accept: "application/json",
      ...(call.body === undefined ? {} : { "content-type": "application/json" }),
      ...(api_key === undefined ? {} : { "x-api-key": api_key }),
      ...(key === undefined ? {} : { "idempotency-key": key }),
      ...(call.if_match === undefined ? {} : { "if-match": call.if_match }),
    };
  }

  async #wait(duration_ms: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await (this.#options.wait ?? waitFor)(duration_ms, signal);
    signal?.throwIfAborted();
  }
}

type Attempt =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly error: BudgetError;
      readonly worth_retrying: boolean;
      /** What the server asked for; null where it did not. */
      readonly retry_after_ms: number | null;
    };

const requestIdOf = (response: Response): string | undefined =>
  response.headers.get("x-request-id") ?? undefined;

/** A success that is no JSON is not the server's, and its sender would say the same again. */
function success(response: Response, text: string): Attempt {
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (cause) {
    const { status } = response;
    const error = new ServerError(
      `The answer was HTTP ${status}, but no JSON.`,
      "unexpected_answer",
      undefined,
      {
        cause,
        status,
        request_id: requestIdOf(response),
      },
    );
    return { ok: false, error, worth_retrying: false, retry_after_ms: null };
  }
}

function failure(response: Response, text: string): Attempt {
  const { status } = response;
  const retry_after_s = readRetryAfter(response.headers.get("retry-after"));
  return {
    ok: false,
    error: errorOf(readProblem(status, text), retry_after_s, requestIdOf(response)),
    worth_retrying: WORTH_RETRYING.has(status),
    retry_after_ms: retry_after_s === null ? null : Math.min(retry_after_s * 1000, MAX_RETRY_AFTER_MS),
  };
}

/** Whole seconds from now. Budget sends seconds; what stands before it may send a date. */
function readRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d+$/.test(header)) return Number(header);
  const at_ms = Date.parse(header);
  return Number.isNaN(at_ms) ? null : Math.max(0, Math.ceil((at_ms - Date.now()) / 1000));
}

/** The problem of an answer; something between here and the server may have answered without one. */
function readProblem(status: number, text: string): Problem {
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    if (typeof body?.code === "string" && typeof body.detail === "string")
      return { ...body, status } as Problem;
  } catch {
    // An answer that is no JSON is told by its status alone.
  }
  const title = `HTTP ${status}`;
  return {
    type: "about:blank",
    title,
    status,
    detail: `The answer was ${title}.`,
    code: "unexpected_answer",
  };
}

/** Doubles with each attempt, and differs between clients, so that they do not all come back at once. */
const backoff = (attempt: number): number => FIRST_DELAY_MS * 2 ** attempt * (0.5 + Math.random() / 2);

function waitFor(duration_ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, duration_ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
