import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { judgeAudit } from "../src/audit.ts";

const report = (vulnerabilities: Readonly<Record<string, number>>, advisories: object = {}): string =>
  JSON.stringify({
    advisories,
    metadata: { vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, ...vulnerabilities } },
  });

const GRAVE = report(
  { high: 1, moderate: 2 },
  {
    1: { module_name: "express", severity: "high", title: "Bad thing", url: "https://example.com/1" },
    2: { module_name: "other", severity: "moderate", title: "Less so", url: "https://example.com/2" },
  },
);

/** As pnpm 12 says it. */
const REFUSED = `Error: ERR_PNPM_AUDIT_BAD_RESPONSE

  × Failed to request the audit endpoint (at https://registry.example/-/npm/v1/
  │ security/advisories/bulk): error sending request for url
  ├─▶ client error (Connect)
  ╰─▶ Connection refused (os error 111)
`;
const NOT_ALLOWED = `Error: ERR_PNPM_AUDIT_BAD_RESPONSE

  × The audit endpoint (at https://registry.example/-/npm/v1/security/
  │ advisories/bulk) responded with 405:
`;
const NO_SERVICE = `Error: ERR_PNPM_AUDIT_ENDPOINT_NOT_EXISTS

  × The audit endpoint (at http://127.0.0.1:4999/-/npm/v1/security/advisories/
  │ bulk) doesn't exist.
`;

describe("an audit of dependencies", () => {
  for (const [what, stdout, stderr, kind, said] of [
    ["nothing", report({}), "", "clean", /^0 of high severity or above, 0 milder$/],
    ["mild defects", report({ low: 1, moderate: 2 }), "a warning", "clean", /^0 of high .*, 3 milder$/],
    ["a grave defect", GRAVE, "", "vulnerable", /express: high: Bad thing \(https:\/\/example.com\/1\)$/],
    ["critical ones that it does not name", report({ critical: 2 }), "", "vulnerable", /^2 of high/],
    ["no network", "", REFUSED, "unanswered", /Connection refused/],
    ["405", "", NOT_ALLOWED, "unanswered", /responded with 405/],
    ["404", "", NO_SERVICE, "unanswered", /doesn't exist/],
    ["no lock file", "", "Error: ERR_PNPM_AUDIT_NO_LOCKFILE", "failed", /NO_LOCKFILE/],
    ["other JSON", '{"error":"oops"}', "", "failed", /it said nothing/],
    ["null", "null", "", "failed", /it said nothing/],
    ["half a report", GRAVE.slice(0, 80), "", "failed", /could not be made/],
  ] as const) {
    it(`that finds ${what} is ${kind}`, () => {
      const verdict = judgeAudit({ stdout, stderr, isOverdue: false });
      expect(verdict.kind).to.equal(kind);
      expect(verdict.lines.join("\n")).to.match(said);
      expect(verdict.lines.join("\n")).to.not.contain("registry.example");
    });
  }

  it("that takes too long is unanswered, whatever it wrote by then", () => {
    expect(judgeAudit({ stdout: "", stderr: "", isOverdue: true })).to.deep.equal({
      kind: "unanswered",
      lines: ["The registry did not answer in time."],
    });
  });

  const MAIN = join(import.meta.dirname, "../src/audit-main.ts");

  /** Runs the step with a program in pnpm's place, which is given the arguments of pnpm. */
  function step(program: string) {
    const folder = mkdtempSync(join(tmpdir(), "budget-audit-"));
    try {
      writeFileSync(join(folder, "pnpm.mjs"), program);
      const { status, stdout } = spawnSync(
        process.execPath,
        [MAIN, process.execPath, join(folder, "pnpm.mjs")],
        {
          encoding: "utf8",
        },
      );
      return { status, stdout };
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  const isFor = (scope: string): string => `process.argv.includes("${scope}")`;

  it("passes, and says so for each scope, where nothing is found", () => {
    expect(step(`console.log(${JSON.stringify(report({}))})`)).to.deep.equal({
      status: 0,
      stdout:
        "prod: clean: 0 of high severity or above, 0 milder\ndev: clean: 0 of high severity or above, 0 milder\n",
    });
  });

  it("fails where only the tools of developers have a grave defect", () => {
    const program = `console.log(${isFor("--dev")} ? ${JSON.stringify(GRAVE)} : ${JSON.stringify(report({}))}); process.exitCode = 1;`;
    const { status, stdout } = step(program);
    expect(status).to.equal(1);
    expect(stdout).to.match(/^prod: clean: .*\ndev: vulnerable: 1 of high .*\ndev: vulnerable: express/);
  });

  it("passes, and says why in one line, where the registry does not answer", () => {
    const program = `console.error(${JSON.stringify(NOT_ALLOWED)}); process.exitCode = 1;`;
    const { status, stdout } = step(program);
    expect(status).to.equal(0);
    expect(stdout).to.match(/^prod: unanswered: The registry did not answer: .*405:?\n$/);
  });

  it("fails where pnpm fails for another reason", () => {
    expect(step("throw new Error('no')").status).to.equal(1);
  });
});
