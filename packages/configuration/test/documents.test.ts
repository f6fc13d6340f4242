import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { SETTINGS } from "../src/index.ts";
import { read } from "./support.ts";

const ROOT = join(import.meta.dirname, "../../..");
const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

describe("the documents", () => {
  it("have an example of the file that is right, and says all that the file can say", async () => {
    const document = textOf("docs/configuration.md");
    const example = /<!-- configuration: example -->\s+```yaml\n(.*?)```/s.exec(document)?.[1] ?? "";
    const { settings } = await read({ files: { "config.yaml": example } });
    const unsaid = settings.filter((setting) => setting.origin === "default");
    // A file stands for the fields beside it; a key that stood in an example would be somebody's.
    expect(unsaid.map(({ path }) => path)).to.deep.equal([
      "database.key",
      "database.secret_keys",
      "prices.file",
      "server.admin_key",
    ]);
    for (const name of ["key", "secret_keys", "admin_key"])
      expect(example).to.match(new RegExp(`^ +# ${name}: `, "m"));
  });

  it("have every setting in the table of README.md, as it is", () => {
    const rows = textOf("README.md")
      .split("\n")
      .filter((line) => /^\| `(BUDGET|PRICE)_/.test(line))
      .map((line) =>
        line
          .split("|")
          .slice(1, -1)
          .map((cell) => cell.trim()),
      );
    const code = (text: string): string => (text === "" ? "" : `\`${text}\``);
    const expected = SETTINGS.map(({ variable, path, default_value, description }) => [
      code(variable),
      code(path),
      code(default_value),
      description,
    ]);
    expect(rows.filter(([variable]) => variable !== "`BUDGET_CONFIG_FILE`")).to.deep.equal(expected);
  });
});
