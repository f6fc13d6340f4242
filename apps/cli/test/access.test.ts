import { expect } from "chai";
import type { RunningServer } from "@budget/server";
import { ADMIN_KEY, startTestServer, type } from "./support.ts";

describe("keys and the record", () => {
  let server: RunningServer;
  let environment: Record<string, string>;
  before(async () => {
    server = await startTestServer();
    environment = { BUDGET_URL: `http://127.0.0.1:${server.port}` };
  });
  after(() => server.stop());

  const make = async (...words: string[]): Promise<{ key: string; key_id: string }> => {
    const made = await type(["--json", "keys", "create", ...words], environment);
    expect(made.stderr).to.equal("");
    return JSON.parse(made.stdout) as { key: string; key_id: string };
  };

  it("are made, shown once, listed, rotated and revoked", async () => {
    const { key, key_id } = await make(
      "chat",
      "--role",
      "agent",
      "--component",
      "chat",
      "--budget",
      "default",
    );
    const shown = await type(["keys", "show", key_id], environment);
    expect(shown.stdout).to.contain("agent").and.to.not.contain(key.slice(37));
    const rotated = await type(["keys", "rotate", key_id, "--overlap", "60"], environment);
    expect(rotated.stdout).to.match(/bgt_[0-9a-f]{32}_[\w-]{43}\n\nThis is shown only now\./);
    expect((await type(["keys", "revoke", key_id], environment)).stdout).to.contain("revoked");
    expect((await type(["keys", "list"], environment)).stdout).to.contain("revoked");
  });

  it("refuse with an exit code of their own", async () => {
    const { key } = await make("watcher", "--role", "viewer");
    const forbidden = await type(["budgets", "create", "x"], { ...environment, BUDGET_API_KEY: key });
    expect(forbidden.code).to.equal(6);
    expect(forbidden.stderr).to.equal("A key of the role viewer may not do this; operator, admin may.\n");
    const unknown = await type(["budgets", "list"], { ...environment, BUDGET_API_KEY: `${ADMIN_KEY}x` });
    expect([unknown.code, unknown.stderr]).to.deep.equal([
      6,
      "This key opens nothing: it is unknown, expired or revoked.\n",
    ]);
  });

  it("are on record, which is verified and exported", async () => {
    expect((await type(["audit", "list"], environment)).stdout).to.contain("key.created");
    expect((await type(["audit", "list", "--kind", "denial"], environment)).stdout).to.contain(
      "createBudget",
    );
    const verified = await type(["audit", "verify"], environment);
    expect(verified.stdout).to.match(/^\d+ entries are as they were written\. Head: [0-9a-f]{64}\n$/);
    const exported = await type(["audit", "export"], environment);
    const sequences = exported.stdout
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { sequence: number }).sequence);
    expect(sequences).to.deep.equal(sequences.map((_, index) => index + 1));
  });

  it("are other ones in each tenant", async () => {
    const made = await type(["tenants", "create", "Acme"], environment);
    const key = /bgt_\S+/.exec(made.stdout)?.[0] ?? "";
    const own = { ...environment, BUDGET_API_KEY: key };
    expect((await type(["keys", "list"], own)).stdout)
      .to.contain("first admin")
      .and.to.not.contain("watcher");
    expect((await type(["tenants", "list"], own)).code).to.equal(6);
    expect((await type(["tenants", "list"], environment)).stdout).to.contain("Acme");
  });

  it("are held to the limits of their tenant", async () => {
    const limits = ["--max-budgets", "1", "--requests", "50"];
    const made = await type(["--json", "tenants", "create", "Small", ...limits], environment);
    const { tenant_id, key } = JSON.parse(made.stdout) as { tenant_id: string; key: { key: string } };
    const limited = await type(
      ["tenants", "limit", tenant_id, "--max-keys", "1", "--requests", "none"],
      environment,
    );
    expect(limited.stderr).to.equal("");
    expect(limited.stdout).to.match(/budgets +1\nkeys +1\nrequests a second +any number\n/);
    const own = { ...environment, BUDGET_API_KEY: key.key };
    const refused = await type(["budgets", "create", "x"], own);
    expect([refused.code, refused.stderr]).to.deep.equal([
      1,
      "This tenant has 1 budgets and may have 1 (max_budgets). Delete one that is no longer needed, or let an admin " +
        "of the installation raise the limit.\n",
    ]);
    expect((await type(["tenants", "list"], environment)).stdout).to.match(
      /Small +\d{4}-\d\d-\d\d +1 budgets, 1 keys$/m,
    );
    const nothing = await type(["tenants", "limit", tenant_id], environment);
    expect([nothing.code, nothing.stderr]).to.deep.equal([
      2,
      "Name a limit: --max-budgets, --max-keys or --requests.\n",
    ]);
    expect((await type(["tenants", "limit", tenant_id, "--max-keys", "0"], environment)).code).to.equal(2);
  });

  it("are generated without a server", async () => {
    const made = await type(["keys", "generate"], { BUDGET_URL: "http://127.0.0.1:1" });
    expect(made.stdout).to.match(/^bgt_[0-9a-f]{32}_[\w-]{43}\n$/);
  });
});

describe("the admin key that a server left beside its database", () => {
  const URL_OF_FILE = "sqlite:/var/lib/budget/budget.db";
  const files = { "/var/lib/budget/admin.key": `${ADMIN_KEY}\n` };

  const listWith = async (
    environment: Readonly<Record<string, string>>,
    more: Readonly<Record<string, string>>,
  ) => {
    const server = await startTestServer();
    try {
      const url = { BUDGET_API_KEY: "", BUDGET_URL: `http://127.0.0.1:${server.port}` };
      return await type(["budgets", "list"], { ...url, ...environment }, { ...files, ...more });
    } finally {
      await server.stop();
    }
  };

  for (const [where, environment, more] of [
    ["the environment", { BUDGET_DATABASE_URL: URL_OF_FILE }, {}],
    ["config.yaml", {}, { "config.yaml": `database: { url: "${URL_OF_FILE}" }` }],
    [
      "another file",
      { BUDGET_CONFIG_FILE: "/etc/budget.yaml" },
      { "/etc/budget.yaml": `database: { url: "${URL_OF_FILE}" }` },
    ],
  ] as const) {
    it(`is found where ${where} names the database`, async () => {
      const { code, stderr } = await listWith(environment, more);
      expect([code, stderr]).to.deep.equal([0, ""]);
    });
  }

  it("is not found where the configuration is wrong, or names another database", async () => {
    for (const text of ["", "database: { url: nonsense }", "database: { url: 'sqlite:/srv/b.db' }"]) {
      const { code, stderr } = await listWith({}, { "config.yaml": text });
      expect(code).to.equal(6);
      expect(stderr).to.match(/^A key is needed/);
    }
  });
});
