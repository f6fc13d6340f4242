import { createHash } from "node:crypto";
import { lookup as systemLookup } from "node:dns";
import type { LookupAddress } from "node:dns";
import { isIP } from "node:net";
import type { SourceCredential, SourceFault } from "@budget/domain";
import got, { HTTPError, MaxRedirectsError, TimeoutError, type Response } from "got";
import { isPrivateAddress } from "./private-addresses.ts";
import { excerptOf } from "./reading.ts";

/** What is asked for. */
export interface FetchRequest {
  readonly address: string;
  readonly accept: "json" | "html" | "text";
  /** Of the last good answer; null where there was none. */
  readonly etag: string | null;
  readonly last_modified: string | null;
}

/** Finds the addresses of a host, as `dns.lookup` does with `all`. */
export type Resolve = (host: string) => Promise<readonly LookupAddress[]>;

export interface FetchOptions {
  /** For the whole request, redirects and attempts included. */
  readonly timeout_ms: number;
  /** After decompression. */
  readonly max_bytes: number;
  /** Attempts after the first, on failures of the network and of the server. */
  readonly retries: number;
  readonly max_redirects: number;
  readonly allow_http: boolean;
  readonly allow_private_addresses: boolean;
  readonly user_agent: string;
  readonly resolve: Resolve;
  /** Sent to the origin of the address, and to no other one that it redirects to; null where there is none. */
  readonly credential: SourceCredential | null;
}

const systemResolve: Resolve = (host) =>
  new Promise((found, failed) => {
    systemLookup(host, { all: true }, (error, addresses) => {
      if (error) failed(error);
      else found(addresses);
    });
  });

export const DEFAULT_FETCH_OPTIONS: FetchOptions = {
  timeout_ms: 30_000,
  max_bytes: 20 * 1024 * 1024,
  retries: 2,
  max_redirects: 3,
  allow_http: false,
  allow_private_addresses: false,
  user_agent: "budget-price-monitor",
  resolve: systemResolve,
  credential: null,
};

export type FetchOutcome =
  | {
      readonly ok: true;
      readonly status: "new";
      readonly body: string;
      readonly etag: string | null;
      readonly last_modified: string | null;
      /** SHA-256 of the body, in hexadecimal. */
      readonly content_hash: string;
    }
  | { readonly ok: true; readonly status: "not_modified" }
  | {
      readonly ok: false;
      readonly fault: SourceFault;
      readonly detail: string;
      /** What the server answered; left out where it did not. */
      readonly status_code?: number;
    };

/** Why a request was given up; its message names no query string and no credentials. */
class Refused extends Error {
  readonly fault: SourceFault;
  constructor(fault: SourceFault, message: string) {
    super(message);
    this.name = "Refused";
    this.fault = fault;
  }
}

/** An address without what may be secret in it. */
const shown = ({ protocol, host, pathname }: URL): string => `${protocol}//${host}${pathname}`;

/** Holds an address to the rules; redirects are held to them as well. */
function checkAddress(url: URL, { allow_http, allow_private_addresses }: FetchOptions): void {
  if (url.protocol !== "https:" && !(allow_http && url.protocol === "http:"))
    throw new Refused("HTTP", `${shown(url)} is not https; allow_http in the prices file lets it be read.`);
  if (url.username !== "" || url.password !== "")
    throw new Refused("HTTP", `${shown(url)} has credentials in its address; they do not belong there.`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  // No name is looked up for these, so nobody else would check them.
  if (isIP(host) !== 0 && !allow_private_addresses && isPrivateAddress(host))
    throw new Refused(
      "HTTP",
      `${shown(url)} is a private address; allow_private_addresses in the prices file lets it be read.`,
    );
}

/**
 * Looks a host up and hands out only addresses that were checked: the connection is made to one of them, so a name that
 * leads elsewhere a moment later changes nothing. One private address among them is enough to refuse all.
 */
function checkedLookup({ resolve, allow_private_addresses }: FetchOptions) {
  return (
    host: string,
    options: unknown,
    answer: (error: Error | null, addresses: LookupAddress[] | string, family?: number) => void,
  ): void => {
    const wantsAll =
      typeof options === "object" && options !== null && "all" in options && options.all === true;
    resolve(host).then(
      (found) => {
        const [first] = found;
        if (first === undefined) {
          answer(new Refused("HTTP", `${host} has no address.`), []);
        } else if (!allow_private_addresses && found.some(({ address }) => isPrivateAddress(address))) {
          const message = `${host} leads to a private address; allow_private_addresses in the prices file lets it be read.`;
          answer(new Refused("HTTP", message), []);
        } else if (wantsAll) {
          answer(null, [...found]);
        } else {
          answer(null, first.address, first.family);
        }
      },
      (error: unknown) => {
        answer(error instanceof Error ? error : new Error(String(error)), []);
      },
    );
  };
}

const ACCEPT = {
  json: "application/json, text/plain;q=0.9, */*;q=0.1",
  html: "text/html",
  text: "text/plain, */*;q=0.1",
} as const;

const headerOf = (response: Response, name: string): string | null => {
  const value = response.headers[name];
  return typeof value === "string" ? value : null;
};

function checkContent(url: URL, response: Response, body: string, accept: FetchRequest["accept"]): void {
  const type = (headerOf(response, "content-type") ?? "").toLowerCase();
  if (accept === "html" && !type.startsWith("text/html"))
    throw new Refused(
      "HTTP",
      `${shown(url)} answered ${type === "" ? "no content type" : type} and not text/html.`,
    );
  if (accept === "json" && (type.startsWith("text/html") || /^\s*</.test(body)))
    throw new Refused("NOT_READABLE", `${shown(url)} answered a page and not JSON: ${excerptOf(body)}.`);
}

async function download(request: FetchRequest, options: FetchOptions): Promise<FetchOutcome> {
  const url = new URL(request.address);
  checkAddress(url, options);
  const tooLong = new AbortController();
  const headers: Record<string, string> = {
    accept: ACCEPT[request.accept],
    "user-agent": options.user_agent,
  };
  if (request.etag !== null) headers["if-none-match"] = request.etag;
  if (request.last_modified !== null) headers["if-modified-since"] = request.last_modified;
  const { credential } = options;
  if (credential !== null) headers[credential.header.toLowerCase()] = credential.value;
  const answer = got(url, {
    headers,
    signal: AbortSignal.any([AbortSignal.timeout(options.timeout_ms), tooLong.signal]),
    responseType: "text",
    maxRedirects: options.max_redirects,
    dnsLookup: checkedLookup(options),
    retry: {
      limit: options.retries,
      methods: ["GET"],
      statusCodes: [408, 429, 500, 502, 503, 504],
      maxRetryAfter: options.timeout_ms,
      backoffLimit: 2_000,
    },
    hooks: {
      beforeRedirect: [
        (next) => {
          if (!next.url) return;
          const target = new URL(next.url);
          checkAddress(target, options);
          if (credential !== null && target.origin !== url.origin)
            next.headers[credential.header.toLowerCase()] = undefined;
        },
      ],
    },
  });
  answer
    .on("downloadProgress", ({ transferred }) => {
      if (transferred > options.max_bytes) tooLong.abort();
    })
    // The same failure is met where the answer is waited for.
    .catch(() => undefined);
  const response = await answer.catch((error: unknown) => {
    throw tooLong.signal.aborted ? tooBig(url, options) : error;
  });
  if (response.statusCode === 304) return { ok: true, status: "not_modified" };
  const { body } = response;
  if (Buffer.byteLength(body) > options.max_bytes) throw tooBig(url, options);
  checkContent(url, response, body, request.accept);
  return {
    ok: true,
    status: "new",
    body,
    etag: headerOf(response, "etag"),
    last_modified: headerOf(response, "last-modified"),
    content_hash: createHash("sha256").update(body).digest("hex"),
  };
}

const tooBig = (url: URL, { max_bytes }: FetchOptions): Refused =>
  new Refused("TOO_BIG", `${shown(url)} sent more than ${max_bytes} bytes.`);

function faultOf(error: unknown, url: URL, options: FetchOptions): FetchOutcome {
  const failed = (fault: SourceFault, detail: string) => ({ ok: false, fault, detail }) as const;
  const chain: unknown[] = [];
  for (let cause: unknown = error; cause instanceof Error && chain.length < 5; cause = cause.cause)
    chain.push(cause);
  const refused = chain.find((cause) => cause instanceof Refused);
  if (refused !== undefined) return failed(refused.fault, refused.message);
  if (error instanceof HTTPError)
    return {
      ...failed("HTTP", `${shown(url)} answered ${error.response.statusCode}.`),
      status_code: error.response.statusCode,
    };
  if (error instanceof MaxRedirectsError)
    return failed("HTTP", `${shown(url)} redirected more than ${options.max_redirects} times.`);
  if (error instanceof Error && error.name === "CancelError")
    return failed("TOO_BIG", tooBig(url, options).message);
  const isTimeout =
    error instanceof TimeoutError || (error instanceof Error && /abort|timeout/i.test(error.name));
  if (isTimeout) return failed("HTTP", `${shown(url)} did not answer within ${options.timeout_ms} ms.`);
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return failed("HTTP", `${shown(url)} could not be read${code === "" ? "" : ` (${code})`}.`);
}

/**
 * Fetches what a source publishes, where it changed since the last time. Only https and public addresses unless allowed
 * otherwise; redirects are held to the same rules; a body that is too long is given up as it comes.
 * @returns never throws for what a server does
 */
export async function fetchSource(
  request: FetchRequest,
  options: FetchOptions = DEFAULT_FETCH_OPTIONS,
): Promise<FetchOutcome> {
  if (!URL.canParse(request.address)) return { ok: false, fault: "HTTP", detail: "Its address is no URL." };
  const url = new URL(request.address);
  try {
    return await download(request, options);
  } catch (error) {
    return faultOf(error, url, options);
  }
}
