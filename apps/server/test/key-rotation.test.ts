import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startPostgres } from "@budget/repositories/testing";
import { expect } from "chai";
import { ServerProcess, connected } from "./server-process.ts";
import { ADMIN_KEY, fetchAsAdmin } from "./support.ts";

const KEYS = 8;
const ROUNDS = 5;
const OVERLAP_S = 3600;

/** A key, and the secret that somebody knows. Every other one is rotated with an overlap. */
interface KnownKey {
  readonly key_id: string;
  readonly has_overlap: boolean;
  text: string;
  /** As many rotations as the record of changes must have. */
  rotations: number;
}

/** Resolves when a connection is closed, also where it was cut. */
const closing = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once("close", () => resolve());
  });

/** Where servers of a test keep their keys. */
interface Place {
  readonly database_url: string;
  clear(): Promise<void>;
}

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  sqlite() {
    const folder = mkdtempSync(join(tmpdir(), "budget-rotation-"));
    const clear = () => rm(folder, { recursive: true });
    return Promise.resolve({ database_url: `sqlite:${join(folder, "budget.db")}`, clear });
  },
  async postgres() {
    const server = await startPostgres({ durable: true });
    return { database_url: server.url, clear: () => server.stop() };
  },
};

for (const [name, open] of Object.entries(PLACES)) {
  describe(`the rotation of keys on ${name}`, function () {
    this.timeout(300_000);
    let place: Place;
    let server: ServerProcess;
    let url: string;
    const start = async () => {
      server = new ServerProcess({ BUDGET_DATABASE_URL: place.database_url });
      url = await server.listening();
    };
    beforeEach(async () => {
      place = await open();
      await start();
    });
    afterEach(async () => {
      await server.stop("SIGKILL");
      await place.clear();
    });

    const read = async (path: string) => (await (await fetchAsAdmin(url + path)).json()) as unknown;
    const post = async (path: string, body: unknown) => {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetchAsAdmin(url + path, { method: "POST", headers, body: JSON.stringify(body) });
      return (await answer.json()) as { readonly key_id: string; readonly key: string };
    };
    const opens = async (text: string): Promise<boolean> => {
      const { status } = await fetch(`${url}/api/budgets`, { headers: { "X-API-Key": text } });
      expect(status).to.be.oneOf([200, 401]);
      return status === 200;
    };

    async function makeKey(index: number): Promise<KnownKey> {
      const { key_id, key } = await post("/api/keys", { name: `key ${index}`, role: "viewer" });
      return { key_id, has_overlap: index % 2 === 1, text: key, rotations: 0 };
    }

    const bodyFor = ({ has_overlap }: KnownKey) => (has_overlap ? { overlap_s: OVERLAP_S } : {});

    function requestFor(key: KnownKey): string {
      const body = JSON.stringify(bodyFor(key));
      return (
        `POST /api/keys/${key.key_id}/rotate HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${ADMIN_KEY}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`
      );
    }

    /** Sends a rotation of every key at once, and kills the server when so many are answered: for 0, as soon as all are sent. */
    async function rotateAndKill(
      keys: readonly KnownKey[],
      answers: number,
    ): Promise<readonly (string | null)[]> {
      const received = new Map<KnownKey, string>();
      const answered = () => keys.filter((key) => keyIn(received.get(key)) !== null).length;
      const sent = keys.map(async (key) => {
        const socket = await connected(url, requestFor(key));
        socket.setEncoding("utf8").on("data", (part: string) => {
          received.set(key, `${received.get(key) ?? ""}${part}`);
          if (answers > 0 && answered() >= answers) server.child.kill("SIGKILL");
        });
        return socket;
      });
      const sockets = await Promise.all(sent);
      if (answers === 0) server.child.kill("SIGKILL");
      await Promise.all(sockets.map(closing));
      expect(await server.ended).to.include({ signal: "SIGKILL" });
      return keys.map((key) => keyIn(received.get(key)));
    }

    /** The new key in an answer; null where that did not come, or not as a whole. */
    const keyIn = (answer = ""): string | null => /"key":"(bgt_[^"]+)"/.exec(answer)?.[1] ?? null;

    /** Holds a key to what its owner was told, and returns what was found. */
    async function check(key: KnownKey, answer: string | null): Promise<string> {
      const { text: old, has_overlap } = key;
      if (answer !== null) {
        // What was answered is there for good.
        expect([await opens(answer), await opens(old)]).to.deep.equal([true, has_overlap]);
        key.text = answer;
        key.rotations += 1;
        return "answered: the new one";
      }
      const rotations = await rotationsOf(key);
      expect(rotations - key.rotations).to.be.oneOf([0, 1]);
      const isRotated = rotations > key.rotations;
      expect(await opens(old)).to.equal(!isRotated || has_overlap);
      key.rotations = rotations;
      if (!isRotated) return "not answered: the old one";
      // Nobody was told the new secret; it is rotated again.
      key.text = (await post(`/api/keys/${key.key_id}/rotate`, bodyFor(key))).key;
      key.rotations += 1;
      expect(await opens(key.text)).to.equal(true);
      return `not answered: the new one${has_overlap ? ", and the old one for a while" : ""}`;
    }

    async function rotationsOf({ key_id }: KnownKey): Promise<number> {
      const { items } = (await read(`/api/audit?subject_id=${key_id}&limit=1000`)) as {
        readonly items: readonly { readonly action: string }[];
      };
      return items.filter(({ action }) => action === "key.rotated").length;
    }

    it("leaves each key with its old secret or the new one, whenever the server is killed", async () => {
      const keys = await Promise.all(Array.from({ length: KEYS }, (_, index) => makeKey(index)));
      const found: string[] = [];
      for (let round = 0; round < ROUNDS; round += 1) {
        const answers = await rotateAndKill(keys, round);
        await start();
        for (const [index, key] of keys.entries()) found.push(await check(key, answers[index] ?? null));
        for (const key of keys) expect(await rotationsOf(key)).to.equal(key.rotations);
        expect(await read("/api/audit/verification")).to.include({ intact: true });
      }
      expect(found).to.have.length(KEYS * ROUNDS);
      expect(found).to.include("answered: the new one").and.to.include("not answered: the old one");
    });
  });
}
