import robotsModule from "robots-parser";
import { fetchSource, type FetchOptions } from "./fetch-source.ts";
import type { LastRead, SourceRead } from "./price-source.ts";
import type { PageLayout } from "./scraper/layout.ts";

// Its types put the function into a property that is not there.
const robotsParser = robotsModule as unknown as typeof robotsModule.default;

/** A page is parsed as a whole, and nothing else is done meanwhile: longer ones would keep requests waiting. */
const MOST_BYTES = 2 * 1024 * 1024;

/** Of an answer to a request for robots.txt, those that mean that there is none. */
const isNone = (status_code: number | undefined): boolean =>
  status_code !== undefined && status_code >= 400 && status_code < 500;

/** Why a page may not be read by robots; null where it may. */
async function refusedByRobots(address: string, options: FetchOptions): Promise<string | null> {
  const robots = new URL("/robots.txt", address).href;
  const request = { address: robots, accept: "text", etag: null, last_modified: null } as const;
  const fetched = await fetchSource(request, options);
  if (!fetched.ok)
    return isNone(fetched.status_code) ? null : `Whether robots may read it is not known: ${fetched.detail}`;
  const rules = fetched.status === "new" ? fetched.body : "";
  const isAllowed = robotsParser(robots, rules).isAllowed(address, options.user_agent) !== false;
  return isAllowed ? null : `${robots} does not allow ${options.user_agent} to read it.`;
}

/**
 * Reads a page of prices: where its robots.txt allows it, without running scripts, and only where it changed.
 * @returns never throws for what a server does
 */
export async function readPage(
  address: string,
  layout: PageLayout,
  last: LastRead,
  options: FetchOptions,
): Promise<SourceRead> {
  if (!URL.canParse(address)) return { status: "failed", fault: "HTTP", detail: "Its address is no URL." };
  const refused = await refusedByRobots(address, options);
  if (refused !== null) return { status: "failed", fault: "HTTP", detail: refused };
  const bounded = { ...options, max_bytes: Math.min(options.max_bytes, MOST_BYTES) };
  const fetched = await fetchSource({ address, accept: "html", ...last }, bounded);
  if (!fetched.ok) return { status: "failed", fault: fetched.fault, detail: fetched.detail };
  if (fetched.status === "not_modified") return { status: "not_modified" };
  // Servers that read no page need not load what parses one.
  const { readPricePage } = await import("./scraper/page.ts");
  const outcome = readPricePage(fetched.body, layout);
  if (!outcome.ok) return { status: "failed", fault: outcome.fault, detail: outcome.detail };
  const { etag, last_modified, content_hash } = fetched;
  return { status: "read", reading: outcome.reading, etag, last_modified, content_hash };
}
