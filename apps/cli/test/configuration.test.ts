import { expect } from "chai";
import { ADMIN_KEY, type } from "./support.ts";

const FILE = `database:
  url: postgres://budget:hunter2@db.example.com/budget
log: { level: DEBUG }
prices:
  markups: [{ provider: openai, percent: 5 }]
`;
const WRONG = "database: { url: mysql://u:secret@h/n }\nservers: 1\n";

describe("budget config check", () => {
  it("says that all is right, also without a file and without a server", async () => {
    expect(await type(["config", "check"], {})).to.deep.equal({
      code: 0,
      stdout: "The configuration is right.\n",
      stderr: "",
    });
    const json = await type(["config", "check", "--json"], {}, { "config.yaml": FILE });
    expect([json.code, JSON.parse(json.stdout)]).to.deep.equal([0, { mistakes: [] }]);
  });

  it("ends with 2 and names every mistake, without a secret", async () => {
    const environment = { BUDGET_PORT: "http", BUDGET_CONFIG_FILE: "other.yaml" };
    const { code, stderr } = await type(["config", "check"], environment, { "other.yaml": WRONG });
    expect(code).to.equal(2);
    expect(stderr).to.equal(
      "other.yaml:1:18: /database/url: It must be a URL that starts with sqlite: or postgres://.\n" +
        'other.yaml:2:1: /servers: There is no field "servers". It takes server, database, log, environment, prices, retention.\n' +
        "BUDGET_PORT must be a port number from 0 to 65535.\n",
    );
  });
});

describe("budget config show", () => {
  it("lists every setting, its value without secrets, and where that comes from", async () => {
    const { code, stdout } = await type(["config", "show"], { BUDGET_PORT: "9000" }, { "config.yaml": FILE });
    expect(code).to.equal(0);
    expect(stdout)
      .to.match(/^server\.port +9000 \(BUDGET_PORT\)$/m)
      .and.to.match(/^server\.host +localhost \(default\)$/m)
      .and.to.match(
        /^database\.url +postgres:\/\/budget:\*\*\*@db\.example\.com\/budget \(config\.yaml:2\)$/m,
      )
      .and.to.match(/^log\.level +DEBUG \(config\.yaml:3\)$/m)
      .and.to.match(/^log\.levels +not set \(default\)$/m)
      .and.to.match(/^prices\.markups +1 \(config\.yaml:5\)$/m);
    expect(stdout).to.not.contain("hunter2");
  });

  it("says of a key only whether there is one, and its name where it has one", async () => {
    const environment = {
      BUDGET_DATABASE_KEY: "sixteen letters!",
      BUDGET_SECRET_KEYS: `new:${"A".repeat(43)}=,old:${"B".repeat(43)}=`,
      BUDGET_ADMIN_KEY: ADMIN_KEY,
    };
    const { stdout } = await type(["config", "show"], environment);
    expect(stdout)
      .to.match(/^database\.key +\*\*\* \(BUDGET_DATABASE_KEY\)$/m)
      .and.to.match(/^database\.secret_keys +new:\*\*\*,old:\*\*\* \(BUDGET_SECRET_KEYS\)$/m)
      .and.to.match(/^server\.admin_key +\*\*\* \(BUDGET_ADMIN_KEY\)$/m);
    expect((await type(["config", "show"], {})).stdout).to.match(/^server\.admin_key +not set \(default\)$/m);
  });

  it("prints JSON with no more than that", async () => {
    const { stdout } = await type(["config", "show", "--json"], {}, { "config.yaml": FILE });
    expect(stdout).to.not.contain("hunter2");
    expect((JSON.parse(stdout) as unknown[])[2]).to.deep.equal({
      setting: "database.url",
      variable: "BUDGET_DATABASE_URL",
      value: "postgres://budget:***@db.example.com/budget",
      origin: "config.yaml:2",
    });
  });
});

describe("commands on the database itself", () => {
  it("end with 2 where the configuration is wrong", async () => {
    for (const words of [["verify"], ["db", "migrate"]]) {
      const { code, stderr } = await type(words, {}, { "config.yaml": WRONG });
      expect(code).to.equal(2);
      expect(stderr).to.contain("config.yaml:1:18: /database/url: ");
    }
  });
});
