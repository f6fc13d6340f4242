import { LOG_COMPONENTS } from "@budget/domain";
import { expect } from "chai";
import { createLogger, type LogOptions } from "../src/logging.ts";

/** A log whose lines the test reads. */
function testLog(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const destination = { write: (text: string) => void lines.push(text) };
  const logger = createLogger({
    level: "INFO",
    levels: new Map(),
    readable: false,
    destination,
    ...options,
  });
  const json = (): Record<string, unknown>[] =>
    lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  return { logger, lines, json };
}

describe("the log", () => {
  it("is lines of JSON with time, level, component, message and fields", () => {
    const { logger, json } = testLog({ level: "DEBUG" });
    logger.error("budget_engine", "one", { a: 1 });
    logger.warning("allocation", "two");
    logger.info("api", "three");
    logger.debug("mcp", "four");
    const [first, ...rest] = json();
    expect(first).to.include({ level: "ERROR", component: "budget_engine", msg: "one", a: 1 });
    expect(Date.parse(String(first?.time)))
      .to.be.a("number")
      .that.is.greaterThan(0);
    expect(rest.map(({ level, component, msg }) => [level, component, msg])).to.deep.equal([
      ["WARNING", "allocation", "two"],
      ["INFO", "api", "three"],
      ["DEBUG", "mcp", "four"],
    ]);
  });

  it("leaves out what is less grave than its level, or than that of the component", () => {
    const { logger, json } = testLog({
      level: "WARNING",
      levels: new Map([
        ["allocation", "DEBUG"],
        ["api", "ERROR"],
      ] as const),
    });
    for (const component of LOG_COMPONENTS) {
      logger.error(component, "ERROR");
      logger.warning(component, "WARNING");
      logger.info(component, "INFO");
      logger.debug(component, "DEBUG");
    }
    const written = (component: string) =>
      json().flatMap((line) => (line.component === component ? [line.msg] : []));
    expect(written("allocation")).to.deep.equal(["ERROR", "WARNING", "INFO", "DEBUG"]);
    expect(written("api")).to.deep.equal(["ERROR"]);
    expect(written("policy")).to.deep.equal(["ERROR", "WARNING"]);
  });

  it("is readable in development, with the same names of levels", () => {
    const { logger, lines } = testLog({ readable: true });
    logger.warning("policy", "a limit is near", { policy_id: "p-1" });
    expect(lines.join(""))
      .to.match(/WARNING: a limit is near/)
      .and.to.match(/component: "policy"/);
  });

  it("says what an error was", () => {
    const { logger, json } = testLog();
    logger.error("api", "failed", { error: Object.assign(new TypeError("no"), { code: "E_NO" }) });
    expect(json()[0]?.error).to.include({ type: "TypeError", message: "no", code: "E_NO" });
  });

  const KEY = "bgt_5fN3kQ_s3cretS3cretS3cretS3cretS3cretS3cretS3c";
  const SECRET = "s3cretS3cret";
  const inError = Object.assign(new Error(`request with ${KEY} failed`), {
    config: { headers: { Authorization: `Bearer ${SECRET}` } },
    cause: new Error(`connect postgres://budget:${SECRET}@db/budget`),
  });
  const CASES: readonly [what: string, message: string, fields: Readonly<Record<string, unknown>>][] = [
    ["a key in a message", `the key ${KEY} is unknown`, {}],
    ["a key in a field", "x", { key: KEY }],
    ["a key deep in fields", "x", { a: [{ b: { c: [KEY] } }] }],
    ["a key as the name of a field", "x", { [KEY]: 1 }],
    ["a key in a path", "x", { path: `/api/budgets?api_key=${KEY.replaceAll("_", "%5F")}` }],
    ["an error with a key in its message, a header and a cause", "x", { error: inError }],
    ["an error deep in fields", "x", { a: { stack: inError.stack } }],
    ["an error as text", "x", { error: String(inError) }],
    ["an Authorization header", "x", { headers: { authorization: SECRET } }],
    ["an Authorization header of several values", "x", { headers: { Authorization: [SECRET] } }],
    [
      "an Authorization header with quotes in it",
      "x",
      { request: { authorization: `Digest a="${SECRET}"` } },
    ],
    ["raw headers", "x", { raw: ["Authorization", `Basic ${SECRET}`, "X-Api-Key", KEY] }],
    ["a header with a key", "x", { request: { headers: { "X-API-Key": SECRET } } }],
    ["a request that is quoted as text", "x", { text: JSON.stringify({ authorization: SECRET, b: 1 }) }],
    ["a password", "x", { database: { password: SECRET } }],
    ["the password of a URL", "x", { url: `postgres://budget:${SECRET}@db:5432/budget` }],
    ["a password with other signs", "x", { url: `postgres://budget:a/b"c\\${SECRET}:@@db:5432/budget` }],
    ["the password of a URL in a message", `cannot open postgres://:${SECRET}@db/budget`, {}],
  ];
  for (const readable of [false, true]) {
    describe(`for ${readable ? "people" : "programs"}`, () => {
      for (const [what, message, fields] of CASES) {
        it(`shows nothing of ${what}`, () => {
          const { logger, lines, json } = testLog({ readable, level: "DEBUG" });
          for (const level of ["error", "warning", "info", "debug"] as const)
            logger[level]("api", message, fields);
          const text = lines.join("");
          expect(text)
            .to.include("[redacted]")
            .and.to.not.match(/s3cret/i);
          if (!readable) expect(json()).to.have.length(4);
        });
      }
    });
  }

  it("leaves what is no secret as it was", () => {
    const { logger, json } = testLog();
    const fields = {
      url: "http://localhost:8013/api/budgets",
      tokens: 12,
      detail: 'Bearer is a word, "authorization" too; a\\b, mail@example.org',
    };
    logger.info("api", "GET /health 200", fields);
    expect(json()[0]).to.include({ ...fields, msg: "GET /health 200" });
  });
});
