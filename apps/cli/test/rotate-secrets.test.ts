import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { parseSecretKeys } from "@budget/domain";
import { DEFAULT_TENANT_ID, prepareFirstStart } from "@budget/engine";
import { ALL_TENANTS, AuditRepository, SecretBox, SourceCredentialRepository } from "@budget/repositories";
import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { expect } from "chai";
import { v7 } from "uuid";
import { type, type Ran } from "./support.ts";

const keyOf = (name: string, fill: number) => `${name}:${Buffer.alloc(32, fill).toString("base64")}`;
const OLD = keyOf("old", 1);
const NEW = keyOf("new", 2);
const boxOf = (keys: string): SecretBox =>
  SecretBox.of(parseSecretKeys(keys) ?? [], { bytes: (count) => randomBytes(count) })!;

/** So many that a kill often comes in the middle of the work. */
const SECRETS = 1000;
const KILLS = 6;

/** What `db rotate-secrets` does; it says when it begins. */
const ROTATE = `
  import { randomBytes } from "node:crypto";
  import { parseSecretKeys } from "@budget/domain";
  import { rotateSecrets } from "@budget/engine";
  import { SecretBox, openDatabase } from "@budget/repositories";
  const box = SecretBox.of(parseSecretKeys(process.env.KEYS), { bytes: (count) => randomBytes(count) });
  const database = openDatabase({ url: process.argv[1], must_exist: true });
  process.stdout.write("begins");
  // Until it is written, nobody can see it.
  await new Promise(setImmediate);
  await rotateSecrets(database, box, { now: () => 0 });
  process.exit(0);
`;

for (const kind of TEST_DATABASES) {
  describe(`db rotate-secrets on ${kind.name}`, () => {
    let test: TestDatabase;
    let credentials: SourceCredentialRepository;
    beforeEach(async () => {
      test = await kind.open({ file: true });
      credentials = new SourceCredentialRepository(test.database);
      await prepareFirstStart({
        database: test.database,
        clock: { now: () => 0 },
        ids: { next: (msecs) => v7({ msecs }) },
        readPrices: () => [],
      });
    });
    afterEach(() => test.close());

    const environment = (keys: string) => ({ BUDGET_DATABASE_URL: test.url, BUDGET_SECRET_KEYS: keys });
    const rotate = (keys: string, ...more: readonly string[]): Promise<Ran> =>
      type(["db", "rotate-secrets", ...more], environment(keys));
    const nameOf = (index: number): string => `source-${index}`;
    const valueOf = (index: number): string => `Bearer sk-${index}-0123456789`;

    async function keep(count: number, keys: string, first = 0): Promise<void> {
      const box = boxOf(keys);
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        for (let index = first; index < first + count; index += 1) {
          const credential = { header: "Authorization", value: valueOf(index) };
          await credentials.save(transaction, nameOf(index), credential, index, box);
        }
      });
    }

    /** The names of the keys that secrets have; every one of them opens. */
    async function keysInUse(count: number): Promise<readonly string[]> {
      const all = await credentials.getAll();
      expect(all).to.have.length(count);
      const box = boxOf(`${OLD},${NEW}`);
      const sealed = new Map(
        (await test.database.knex<Record<string, string>>("source_credentials")).map((row) => [
          row.source,
          row,
        ]),
      );
      for (let index = 0; index < count; index += 1) {
        const { header, sealed_value } = sealed.get(nameOf(index))!;
        const place = { table: "source_credentials", column: "sealed_value" };
        const row = JSON.stringify([nameOf(index), header!.toLowerCase()]);
        expect(box.open(sealed_value!, { ...place, row })).to.equal(valueOf(index));
      }
      return [...new Set(all.map(({ key_id }) => key_id))];
    }

    const rotations = async (): Promise<readonly unknown[]> => {
      const { items } = await new AuditRepository(test.database).list(DEFAULT_TENANT_ID, {});
      return items.filter(({ action }) => action === "secrets.rotated").map(({ after }) => after);
    };

    it("encrypts everything with the first key, says how many, and the second time that there is nothing to do", async () => {
      expect((await rotate(NEW)).stdout).to.equal("Nothing to do: there are no secrets.\n");
      await keep(3, OLD);
      await keep(2, NEW, 3);
      const first = await rotate(`${NEW},${OLD}`);
      expect([first.code, first.stderr, first.stdout]).to.deep.equal([
        0,
        "",
        "3 of 5 secrets have the key new now, the others had it before.\n",
      ]);
      expect(await keysInUse(5)).to.deep.equal(["new"]);
      expect((await rotate(NEW)).stdout).to.equal("Nothing to do: all 5 secrets have the key new.\n");
      const json = await rotate(NEW, "--json");
      expect(JSON.parse(json.stdout)).to.deep.equal({ key_id: "new", secrets: 5, resealed: 0 });
      expect(await rotations()).to.deep.equal([{ key_id: "new", secrets: 5, resealed: 3 }]);
    });

    it("changes nothing where a key is missing, and says which", async () => {
      await keep(2, OLD);
      await keep(1, keyOf("older", 3), 2);
      const missing = await rotate(`${NEW},${OLD}`);
      expect([missing.code, missing.stdout]).to.deep.equal([1, ""]);
      expect(missing.stderr).to.equal(
        "A secret is encrypted with the key older, which BUDGET_SECRET_KEYS does not have. Put it back there, behind the " +
          "first one.\n",
      );
      expect((await credentials.getAll()).map(({ key_id }) => key_id)).to.deep.equal(["old", "old", "older"]);
      expect(await rotations()).to.deep.equal([]);
      const none = await rotate("");
      expect([none.code, none.stdout]).to.deep.equal([2, ""]);
      expect(none.stderr)
        .to.contain("BUDGET_SECRET_KEYS is not set")
        .and.to.contain("openssl rand -base64 32");
      const wrong = await rotate("new:short");
      expect([wrong.code, wrong.stderr.startsWith("BUDGET_SECRET_KEYS must be")]).to.deep.equal([2, true]);
    });

    it("leaves each secret with the old key or the new one, whenever it is killed", async function () {
      this.timeout(300_000);
      await keep(SECRETS, OLD);
      // Each round rotates to the key that the one before rotated from.
      const whole_ms = (await rotateAndKill(`${NEW},${OLD}`)).took_ms;
      let [first, second] = [OLD, NEW];
      const seen: string[] = [];
      for (let round = 0; round < KILLS; round += 1) {
        const keys = `${first},${second}`;
        const { signal } = await rotateAndKill(keys, (1.2 * whole_ms * round) / (KILLS - 1));
        const inUse = await keysInUse(SECRETS);
        expect(inUse, "keys after one transaction, done or not").to.have.length(1);
        seen.push(`${signal}, ${inUse[0] === nameIn(first) ? "new" : "old"} key`);
        expect((await rotate(keys)).code, "typed again").to.equal(0);
        expect(await keysInUse(SECRETS)).to.deep.equal([nameIn(first)]);
        [first, second] = [second, first];
      }
      expect(seen).to.include("SIGKILL, old key");
      expect((await rotations()).length).to.equal(KILLS + 1);
    });

    const nameIn = (key: string): string => key.slice(0, key.indexOf(":"));

    /** Rotates in a process of its own, and kills it so many milliseconds after it began. */
    async function rotateAndKill(
      keys: string,
      kill_after_ms?: number,
    ): Promise<{ readonly signal: NodeJS.Signals | null; readonly took_ms: number }> {
      const options = ["--conditions=budget-source", "--input-type=module", "-e", ROTATE, test.url];
      // The keys come in the environment, as for the command.
      const child = spawn(process.execPath, options, {
        env: { ...process.env, KEYS: keys },
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ended = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
      await once(child.stdout, "data");
      const began_ms = performance.now();
      if (kill_after_ms !== undefined) {
        await delay(kill_after_ms);
        child.kill("SIGKILL");
      }
      const [code, signal] = await ended;
      if (signal === null) expect(code).to.equal(0);
      return { signal, took_ms: performance.now() - began_ms };
    }
  });
}
