import type { TEST_DATABASES, TestDatabase } from "@budget/repositories/testing";
import { newTenant, type IdSource, type Logger } from "@budget/domain";
import { createEngine, prepareFirstStart } from "@budget/engine";
import { ALL_TENANTS, TenantRepository } from "@budget/repositories";
import fc from "fast-check";
import { PRICES } from "../support.ts";
import { playHistory } from "./play-history.ts";
import { history } from "./steps.ts";

/** A database that has seen so many histories gives way to a fresh one, so that the last ones run as fast as the first. */
const HISTORIES_PER_DATABASE = 250;

/** Histories side by side, each in a tenant of its own: on PostgreSQL most of the time is waiting for it. */
const LANES = { sqlite: 1, postgres: 4 } as const;

export interface RunOptions {
  readonly kind: (typeof TEST_DATABASES)[number];
  readonly count: number;
  readonly seed: number;
  /** Where in the shrinking of a seed to begin; from the message of a failure. */
  readonly path?: string;
  /** Whether a history that fails is cut down to the steps that matter; it is, if left out. */
  readonly shrink?: boolean;
  /** Told after each database. */
  readonly onProgress?: (done: number) => void;
}

/**
 * Plays random histories against engine and database, and compares every answer and every balance with the reference.
 * @throws Error with the smallest history that fails, and the seed and path that play it again
 */
export async function runHistories({
  kind,
  count,
  seed,
  path,
  shrink = true,
  onProgress,
}: RunOptions): Promise<void> {
  for (let done = 0; done < count; done += HISTORIES_PER_DATABASE) {
    const histories = Math.min(HISTORIES_PER_DATABASE, count - done);
    const stages = await Stages.open(kind);
    try {
      const property = fc.asyncProperty(history, (drawn) =>
        stages.onFresh((stage) => playHistory(stage, drawn)),
      );
      const lanes = path === undefined ? Math.min(LANES[kind.name], histories) : 1;
      const run = (lane: number) =>
        fc.assert(property, {
          seed: seed + done + lane,
          numRuns: Math.floor(histories / lanes) + (lane < histories % lanes ? 1 : 0),
          endOnFailure: !shrink || path !== undefined,
          ...(path === undefined ? {} : { path }),
        });
      await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
    } finally {
      await stages.close();
    }
    onProgress?.(done + histories);
  }
}

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };

/** Ids in the order in which they are asked for, so that a history that is played again has the same ones. */
function idsInOrder(): IdSource {
  let made = 0;
  return { next: () => `00000000-0000-7000-9000-${(made += 1).toString(16).padStart(12, "0")}` };
}

/** One database, on which each history has a tenant and servers of its own. */
class Stages {
  readonly #test: TestDatabase;
  readonly #servers: number;
  #tenants = 0;

  private constructor(test: TestDatabase, servers: number) {
    this.#test = test;
    this.#servers = servers;
  }

  static async open(kind: RunOptions["kind"]): Promise<Stages> {
    const test = await kind.open();
    const stages = new Stages(test, kind.name === "postgres" ? 2 : 1);
    const { database } = test;
    const clock = { now: () => 0 };
    await prepareFirstStart({ database, clock, ids: idsInOrder(), readPrices: () => PRICES });
    return stages;
  }

  async onFresh(work: (stage: Parameters<typeof playHistory>[0]) => Promise<void>): Promise<void> {
    const { database } = this.#test;
    const tenant_id = `00000000-0000-7000-a000-${(this.#tenants += 1).toString(16).padStart(12, "0")}`;
    const tenants = new TenantRepository(database);
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await tenants.create(transaction, newTenant(tenant_id, "history", 0));
      await tenants.bumpCatalogVersion(transaction, tenant_id);
    });
    const clock = { now_ms: 0, now: () => clock.now_ms };
    const ids = idsInOrder();
    const engines = Array.from({ length: this.#servers }, () =>
      createEngine({
        database,
        clock,
        ids,
        secrets: { bytes: (count: number) => new Uint8Array(count) },
        timers: { every: () => silent },
        logger,
      }),
    );
    try {
      await work({ test_database: this.#test, engines, clock, tenant_id });
      const { differences } = await engines[0]!.verify({ tenant_id });
      if (differences.length > 0) throw new Error(`verify finds ${JSON.stringify(differences)}`);
    } finally {
      for (const engine of engines) await engine.stop();
    }
  }

  async close(): Promise<void> {
    await this.#test.close();
  }
}
