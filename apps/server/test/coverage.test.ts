import { expect } from "chai";
import { ROUTES } from "../src/routes/index.ts";
import { DOCUMENT, seenAnswers } from "./support.ts";

/** What a test cannot bring about at will: a bug of ours, and a database that is lost or flooded. */
const NOT_AT_WILL = ["500", "503"];

// Runs after all other files, see .mocharc.json; by itself it has seen nothing.
describe("the tests", () => {
  for (const { method, path, operation_id } of ROUTES) {
    it(`met every documented answer of ${method.toUpperCase()} ${path}`, () => {
      const documented = Object.keys(DOCUMENT.paths[path]?.[method]?.responses ?? {});
      expect(documented).to.be.an("array").that.is.not.empty;
      const unmet = documented.filter(
        (status) => !NOT_AT_WILL.includes(status) && !seenAnswers().has(`${operation_id} ${status}`),
      );
      expect(unmet).to.deep.equal([]);
    });
  }

  it("know no path that is not a route", () => {
    expect(new Set(Object.keys(DOCUMENT.paths))).to.deep.equal(new Set(ROUTES.map(({ path }) => path)));
  });

  it("know what may be wrong with every operation but those that take nothing", () => {
    const silent = ROUTES.filter(
      ({ path, method }) =>
        !Object.keys(DOCUMENT.paths[path]?.[method]?.responses ?? {}).some((status) =>
          status.startsWith("4"),
        ),
    );
    expect(silent.map(({ path }) => path)).to.deep.equal(["/health", "/api/health", "/ready"]);
  });
});
