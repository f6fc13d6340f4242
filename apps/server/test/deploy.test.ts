import { existsSync, readFileSync } from "node:fs";
import { SETTINGS, readConfiguration } from "@budget/configuration";
import { LOG_COMPONENTS } from "@budget/domain";
import { expect } from "chai";
import { parse } from "yaml";
import { readExposition } from "./exposition.ts";
import { fetchAsAdmin, onEveryDatabase } from "./support.ts";

const textOf = (path: string): string =>
  readFileSync(new URL(`../../../deploy/${path}`, import.meta.url), "utf8");

interface Dashboard {
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
  readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
}
interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

const dashboard = JSON.parse(textOf("grafana/budget.json")) as Dashboard;
const alerts = parse(textOf("prometheus/alerts.yaml")) as Alerts;
const VARIABLE = /^label_values\((.*), \w+\)$/;
const EXPRESSIONS: Readonly<Record<string, readonly string[]>> = {
  "the dashboard": [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...dashboard.templating.list.flatMap(({ query }) =>
      typeof query === "string" ? [] : [VARIABLE.exec(query.query)?.[1] ?? query.query],
    ),
  ],
  "the alerts": alerts.groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
};

const AGGREGATION = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g;
const KEYWORDS = new Set(["and", "or", "unless", "bool", "offset"]);
/** What Prometheus itself adds. */
const OWN_METRICS = ["up"];
const OWN_LABELS = ["instance", "job", "le"];

/** The metrics that an expression of PromQL names, and the labels that it selects each by. */
function metricsIn(expression: string): readonly { name: string; labels: readonly string[] }[] {
  const bare = expression
    .replaceAll(/"(?:[^"\\]|\\.)*"/g, '""')
    .replaceAll(/\[[^\]]*\]/g, "")
    .replaceAll(AGGREGATION, "");
  return [...bare.matchAll(/([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?|\d[\w.]*/g)].flatMap(
    ([, name, after = ""]) =>
      name === undefined || after === "(" || KEYWORDS.has(name)
        ? []
        : [{ name, labels: [...after.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label) }],
  );
}

describe("an expression of a dashboard or alert", () => {
  it("is searched for metrics and labels", () => {
    expect(
      metricsIn('sum by (a) (rate(b_total{c=~"x|y", d!="z"}[5m])) / e_sum > 0.5 and on (f) g{h="i{j}"}'),
    ).to.deep.equal([
      { name: "b_total", labels: ["c", "d"] },
      { name: "e_sum", labels: [] },
      { name: "g", labels: ["h"] },
    ]);
  });
});

/** The metrics that the documentation names, without those of the process. */
const documented = new Set(
  readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8").match(
    /(?<=`)budget_[a-z_]+(?=`)/g,
  ),
);
for (const word of [...LOG_COMPONENTS, "budget_id"]) documented.delete(word);

onEveryDatabase("deploy", (server) => {
  it("has a documentation that names every metric of Budget, and no other", async () => {
    const text = await (await fetchAsAdmin(`${server().url}/metrics`)).text();
    const exposed = [...text.matchAll(/^# TYPE (budget_\w+)/gm)].map(([, name = ""]) => name);
    expect([...documented].sort()).to.deep.equal(exposed.sort());
  });

  for (const [what, expressions] of Object.entries(EXPRESSIONS)) {
    it(`has no metric or label in ${what} that /metrics does not expose`, async () => {
      const { budget_id } = await server().budget({ token_limit: 5000, cost_limit: 1 });
      await server().allocation(budget_id);
      const text = await (await fetchAsAdmin(`${server().url}/metrics`)).text();
      const labels = new Map<string, Set<string>>(OWN_METRICS.map((name) => [name, new Set()]));
      for (const sample of readExposition(text).samples) {
        const known = labels.get(sample.name) ?? new Set();
        labels.set(sample.name, known);
        for (const label of Object.keys(sample.labels)) known.add(label);
      }
      const used = expressions.flatMap(metricsIn);
      expect(used).to.have.length.greaterThan(8);
      for (const { name, labels: selected } of used) {
        const known = labels.get(name);
        expect(known, name).to.be.instanceOf(Set);
        const unknown = selected.filter((label) => known?.has(label) !== true && !OWN_LABELS.includes(label));
        expect(unknown, name).to.deep.equal([]);
      }
    });
  }
});

describe("the unit of systemd", () => {
  const unit = textOf("systemd/budget.service");
  const valueOf = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1] ?? "";
  const ROOT = new URL("../../../", import.meta.url);

  it("starts the server that the build makes, with the Node.js of the install", () => {
    const [node = "", main = ""] = valueOf("ExecStart").split(" ");
    const below = (path: string): string => path.replace(`${valueOf("WorkingDirectory")}/`, "");
    expect(existsSync(new URL(below(node), ROOT))).to.equal(true);
    const source = below(main).replace("/dist/", "/src/").replace(/\.js$/, ".ts");
    expect(source).to.not.equal(below(main));
    expect(existsSync(new URL(source, ROOT))).to.equal(true);
  });

  it("names settings that there are, and a setup that is right", async () => {
    const known = ["BUDGET_CONFIG_FILE", "BUDGET_API_KEY", ...SETTINGS.map(({ variable }) => variable)];
    const page = readFileSync(new URL("docs/operations.md", ROOT), "utf8");
    const section = page.slice(page.indexOf("## As a service"), page.indexOf("## Logs"));
    const named = `${unit}${section}`.match(/\bBUDGET_\w+/g) ?? [];
    expect(named.filter((variable) => !known.includes(variable))).to.deep.equal([]);
    const text = /config\.yaml <<'END'\n(.*?)END\n/s.exec(section)?.[1] ?? "";
    const { configuration } = await readConfiguration({
      environment: { BUDGET_CONFIG_FILE: "/etc/budget/config.yaml" },
      readFile: () => Promise.resolve(text),
    });
    expect(configuration).to.include({ environment: "production", host: "localhost" });
    expect(configuration.database_url).to.contain(`/${valueOf("StateDirectory")}/`);
  });
});
