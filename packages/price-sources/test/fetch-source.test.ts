import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { expect } from "chai";
import {
  DEFAULT_FETCH_OPTIONS,
  fetchSource,
  type FetchOptions,
  type FetchOutcome,
} from "../src/fetch-source.ts";
import { isPrivateAddress } from "../src/private-addresses.ts";

const LOCAL: FetchOptions = {
  ...DEFAULT_FETCH_OPTIONS,
  timeout_ms: 5_000,
  retries: 0,
  allow_http: true,
  allow_private_addresses: true,
};

const told = (outcome: FetchOutcome): string =>
  outcome.ok ? outcome.status : `${outcome.fault}: ${outcome.detail.replace(/127\.0\.0\.1:\d+/, "HOST")}`;

describe("fetching a source", () => {
  let server: Server;
  let origin: string;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let requests: IncomingMessage[];
  before(async () => {
    server = createServer((request, response) => {
      requests.push(request);
      answer(request, response);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  beforeEach(() => (requests = []));

  const fetchLocal = (
    options: Partial<FetchOptions> = {},
    path = "/prices",
    accept: "json" | "html" = "json",
  ) =>
    fetchSource(
      { address: origin + path, accept, etag: null, last_modified: null },
      { ...LOCAL, ...options },
    );

  const sends = (status: number, body: string | Buffer, headers: Record<string, string> = {}) => {
    answer = (_request, response) => {
      response.writeHead(status, { "content-type": "application/json", ...headers }).end(body);
    };
  };

  it("reads a body with what tells its version, and asks for changes only the next time", async () => {
    sends(200, '{"one":1}', { etag: '"v1"', "last-modified": "Mon, 23 Nov 2026 09:00:00 GMT" });
    expect(await fetchLocal()).to.deep.equal({
      ok: true,
      status: "new",
      body: '{"one":1}',
      etag: '"v1"',
      last_modified: "Mon, 23 Nov 2026 09:00:00 GMT",
      content_hash: createHash("sha256").update('{"one":1}').digest("hex"),
    });
    expect(requests[0]?.headers).to.include({ "user-agent": "budget-price-monitor" });
    answer = (_request, response) => {
      response.writeHead(304).end();
    };
    const again = await fetchSource(
      { address: `${origin}/prices`, accept: "json", etag: '"v1"', last_modified: "yesterday" },
      LOCAL,
    );
    expect(again).to.deep.equal({ ok: true, status: "not_modified" });
    expect(requests[1]?.headers).to.include({ "if-none-match": '"v1"', "if-modified-since": "yesterday" });
  });

  it("tries again where a server fails, and says what it answered in the end", async () => {
    sends(500, "{}");
    expect(told(await fetchLocal({ retries: 1 }))).to.equal("HTTP: http://HOST/prices answered 500.");
    expect(requests).to.have.length(2);
    let attempts = 0;
    answer = (_request, response) => {
      attempts += 1;
      response.writeHead(attempts === 1 ? 503 : 200, { "content-type": "application/json" }).end("{}");
    };
    expect(told(await fetchLocal({ retries: 1 }))).to.equal("new");
    sends(404, "{}");
    expect(told(await fetchLocal())).to.equal("HTTP: http://HOST/prices answered 404.");
  });

  it("gives up a server that does not answer", async () => {
    answer = () => undefined;
    expect(told(await fetchLocal({ timeout_ms: 50 }))).to.equal(
      "HTTP: http://HOST/prices did not answer within 50 ms.",
    );
  });

  it("gives up a body that ends too early", async () => {
    answer = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
      response.write('{"one":');
      response.destroy();
    };
    expect(told(await fetchLocal())).to.match(/^HTTP: http:\/\/HOST\/prices could not be read/);
  });

  it("takes no page for JSON", async () => {
    sends(200, "<!doctype html><title>Sign in</title>", { "content-type": "text/html" });
    expect(told(await fetchLocal())).to.equal(
      'NOT_READABLE: http://HOST/prices answered a page and not JSON: "<!doctype html><title>Sign in</title>".',
    );
    sends(200, "{}");
    expect(told(await fetchLocal({}, "/prices", "html"))).to.equal(
      "HTTP: http://HOST/prices answered application/json and not text/html.",
    );
  });

  it("stops reading a body that is too long, compressed or not", async () => {
    let sent = 0;
    const piece = Buffer.alloc(1024 * 1024, 32);
    answer = (_request, response) => {
      response.writeHead(200, { "content-type": "application/json" });
      const send = (): void => {
        while (sent < 50 && !response.destroyed) {
          sent += 1;
          if (!response.write(piece)) {
            response.once("drain", send);
            return;
          }
        }
        response.end();
      };
      send();
    };
    const most = { max_bytes: 1024 * 1024 };
    expect(told(await fetchLocal(most))).to.equal(
      "TOO_BIG: http://HOST/prices sent more than 1048576 bytes.",
    );
    expect(sent).to.be.lessThan(50);
    sends(200, gzipSync(Buffer.alloc(8 * 1024 * 1024, 32)), { "content-encoding": "gzip" });
    expect(told(await fetchLocal(most))).to.equal(
      "TOO_BIG: http://HOST/prices sent more than 1048576 bytes.",
    );
  });

  it("follows a few redirects, and none without end", async () => {
    answer = (request, response) => {
      if (request.url === "/prices") response.writeHead(302, { location: "/moved" }).end();
      else response.writeHead(200, { "content-type": "application/json" }).end("{}");
    };
    expect(told(await fetchLocal())).to.equal("new");
    sends(302, "", { location: "/prices" });
    expect(told(await fetchLocal())).to.equal("HTTP: http://HOST/prices redirected more than 3 times.");
  });

  it("holds redirects to the rules for addresses", async () => {
    sends(302, "", { location: "ftp://example.com/prices" });
    expect(told(await fetchLocal())).to.match(/^HTTP: /);
  });

  describe("with a credential", () => {
    let elsewhere: Server;
    let other_origin: string;
    let asked_elsewhere: IncomingMessage[];
    before(async () => {
      elsewhere = createServer((request, response) => {
        asked_elsewhere.push(request);
        if (request.url === "/back") response.writeHead(302, { location: `${origin}/there` }).end();
        else if (request.url === "/busy" && asked_elsewhere.length === 1) response.writeHead(503).end();
        else response.writeHead(200, { "content-type": "application/json" }).end("{}");
      });
      await new Promise<void>((listening) => elsewhere.listen(0, "127.0.0.1", listening));
      other_origin = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    });
    after(async () => {
      elsewhere.closeAllConnections();
      await new Promise((closed) => elsewhere.close(closed));
    });
    beforeEach(() => (asked_elsewhere = []));

    for (const header of ["Authorization", "X-Api-Key", "Cookie"]) {
      const credential = { header, value: "Bearer sk-0123456789" };
      const sent = (all: readonly IncomingMessage[]) =>
        all.map(({ headers }) => headers[header.toLowerCase()]);

      it(`sends it as ${header}, again after a failure, and where its own origin redirects to`, async () => {
        answer = (request, response) => {
          if (requests.length === 1) response.writeHead(503).end();
          else if (request.url === "/prices") response.writeHead(302, { location: "/moved" }).end();
          else response.writeHead(200, { "content-type": "application/json" }).end("{}");
        };
        expect(told(await fetchLocal({ credential, retries: 1 }))).to.equal("new");
        expect(sent(requests)).to.deep.equal([credential.value, credential.value, credential.value]);
      });

      it(`does not send ${header} to another origin, nor to its own one that this leads back to`, async () => {
        for (const path of ["/there", "/busy", "/back"]) {
          [requests, asked_elsewhere] = [[], []];
          answer = (request, response) => {
            if (request.url === "/prices") response.writeHead(302, { location: other_origin + path }).end();
            else response.writeHead(200, { "content-type": "application/json" }).end("{}");
          };
          expect(told(await fetchLocal({ credential, retries: 1 })), path).to.equal("new");
          expect(sent(requests)[0]).to.equal(credential.value);
          expect(new Set([...sent(requests).slice(1), ...sent(asked_elsewhere)])).to.deep.equal(
            new Set([undefined]),
          );
        }
      });
    }

    it("says nothing of it where a source fails", async () => {
      const credential = { header: "Authorization", value: "Bearer sk-0123456789" };
      answer = (request, response) => {
        response.writeHead(401, { "content-type": "text/plain" }).end(request.headers.authorization);
      };
      expect(told(await fetchLocal({ credential }))).to.equal("HTTP: http://HOST/prices answered 401.");
    });
  });

  it("refuses http, private addresses and names that lead to them, and never asks them", async () => {
    sends(200, "{}");
    const refused = async (address: string, options: Partial<FetchOptions>) =>
      told(
        await fetchSource(
          { address, accept: "json", etag: null, last_modified: null },
          { ...LOCAL, ...options },
        ),
      );
    expect(await refused(`${origin}/prices?key=secret`, { allow_http: false })).to.equal(
      "HTTP: http://HOST/prices is not https; allow_http in the prices file lets it be read.",
    );
    expect(await refused(origin.replace("//", "//user:secret@"), {})).to.equal(
      "HTTP: http://HOST/ has credentials in its address; they do not belong there.",
    );
    const strict = { allow_private_addresses: false };
    expect(await refused(`${origin}/prices`, strict)).to.equal(
      "HTTP: http://HOST/prices is a private address; allow_private_addresses in the prices file lets it be read.",
    );
    const port = new URL(origin).port;
    const leads = (...addresses: string[]) => ({
      ...strict,
      resolve: () => Promise.resolve(addresses.map((address) => ({ address, family: 4 }))),
    });
    expect(await refused(`http://prices.example:${port}/`, leads("127.0.0.1"))).to.equal(
      "HTTP: prices.example leads to a private address; allow_private_addresses in the prices file lets it be read.",
    );
    expect(await refused(`http://prices.example:${port}/`, leads("93.184.216.34", "10.0.0.1"))).to.equal(
      "HTTP: prices.example leads to a private address; allow_private_addresses in the prices file lets it be read.",
    );
    expect(await refused("no address", {})).to.equal("HTTP: Its address is no URL.");
    expect(requests).to.be.empty;
  });

  it("connects to the address that was checked, whatever the name leads to a moment later", async () => {
    sends(200, "{}");
    const port = new URL(origin).port;
    let lookups = 0;
    const resolve = () => {
      lookups += 1;
      return Promise.resolve([{ address: lookups === 1 ? "127.0.0.1" : "10.0.0.1", family: 4 }]);
    };
    const request = {
      address: `http://prices.example:${port}/`,
      accept: "json" as const,
      etag: null,
      last_modified: null,
    };
    expect(told(await fetchSource(request, { ...LOCAL, resolve }))).to.equal("new");
    expect(lookups).to.equal(1);
  });
});

describe("private addresses", () => {
  const PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.16.0.1",
    "169.254.169.254",
    "0.0.0.0",
    "224.0.0.1",
    "100.64.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fc00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:1::",
    "64:ff9b::7f00:1",
    "[::1]",
    "not an address",
    "",
  ];
  for (const address of PRIVATE)
    it(`are ${address || "nothing"}`, () => expect(isPrivateAddress(address)).to.be.true);
  const PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"];
  for (const address of PUBLIC) it(`are not ${address}`, () => expect(isPrivateAddress(address)).to.be.false);
});
