import { expect } from "chai";
import { VERSION } from "@budget/domain";
import { DOCUMENT, codeOf, onEveryDatabase, validatorAt } from "./support.ts";
import { ROUTES } from "../src/routes/index.ts";

onEveryDatabase("health, readiness and documentation", (server) => {
  for (const path of ["/health", "/api/health"]) {
    it(`GET ${path}`, async () => {
      const { status, body } = await server().get(path);
      expect(status).to.equal(200);
      expect(body).to.deep.equal({ status: "healthy", component: "budget", version: VERSION });
    });
  }

  it("GET /ready answers 503 with Retry-After while it cannot serve", async () => {
    expect((await server().get("/ready")).body).to.deep.equal({ status: "ready" });
    server().readiness.isReady = false;
    try {
      const answer = await server().get("/ready");
      expect(codeOf(answer)).to.equal("503 not_ready");
      expect(answer.headers.get("retry-after")).to.equal("1");
    } finally {
      server().readiness.isReady = true;
    }
  });

  it("GET /openapi.json is the document", async () => {
    const { status, body, headers } = await server().get("/openapi.json");
    expect(status).to.equal(200);
    expect(headers.get("content-type")).to.match(/^application\/json/);
    expect(body).to.deep.equal(DOCUMENT);
  });

  it("another method of /openapi.json is answered with 405", async () => {
    const answer = await server().post("/openapi.json", {});
    expect(codeOf(answer)).to.equal("405 method_not_allowed");
    expect(answer.headers.get("allow")).to.equal("GET, HEAD");
  });

  it("an unknown path is answered with 404", async () => {
    for (const path of ["/", "/api", "/api/nothing", "/api/budgets/a/b/c"]) {
      expect(codeOf(await server().get(path))).to.equal("404 route_not_found");
    }
  });

  it("every path answers a method that it does not have with 405 and Allow", async () => {
    for (const { path } of ROUTES) {
      const answer = await server().call("PATCH", path.replaceAll(/\{\w+\}/g, "x"));
      expect(codeOf(answer), path).to.equal("405 method_not_allowed");
      const allowed = answer.headers.get("allow")?.split(", ") ?? [];
      const methods = ROUTES.filter((route) => route.path === path).map((route) =>
        route.method.toUpperCase(),
      );
      expect(allowed, path).to.include.members(methods);
      expect(new Set(allowed).size, path).to.equal(allowed.length);
    }
  });

  it("HEAD answers as GET, without a body", async () => {
    const response = await fetch(`${server().url}/health`, { method: "HEAD" });
    expect(response.status).to.equal(200);
    expect(await response.text()).to.equal("");
  });
});

describe("the examples of the OpenAPI document", () => {
  for (const [path, operations] of Object.entries(DOCUMENT.paths)) {
    for (const [method, { requestBody, responses }] of Object.entries(operations)) {
      it(`are valid at ${method.toUpperCase()} ${path}`, () => {
        const check = (content: Readonly<Record<string, { example?: unknown }>>, ...at: string[]) => {
          for (const [type, { example }] of Object.entries(content)) {
            if (example === undefined) continue;
            const validate = validatorAt("paths", path, method, ...at, "content", type, "schema");
            expect(validate(example), JSON.stringify(validate.errors)).to.equal(true);
          }
        };
        if (requestBody !== undefined) check(requestBody.content, "requestBody");
        for (const [status, { content }] of Object.entries(responses)) check(content, "responses", status);
      });
    }
  }
});
