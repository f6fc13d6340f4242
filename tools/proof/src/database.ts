import { startPostgres, type PostgresServer } from "@budget/repositories/testing";
import pg from "pg";

/** A PostgreSQL server of the run's own, with one database; commits wait for the disk, as in production. */
export interface ProofDatabase {
  readonly url: string;
  /** Runs `work` on a connection of its own. */
  with<T>(work: (client: pg.Client) => Promise<T>): Promise<T>;
  stop(): Promise<void>;
}

export async function startDatabase(): Promise<ProofDatabase> {
  const server: PostgresServer = await startPostgres({ durable: true });
  await connected(server.url, (client) => client.query("CREATE DATABASE proof"));
  const url = new URL(server.url);
  url.pathname = "/proof";
  return {
    url: url.href,
    with: (work) => connected(url.href, work),
    stop: () => server.stop(),
  };
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  // Whoever checks the product looks at the rows of all tenants.
  const client = new pg.Client({ connectionString: url, options: "-c budget.all_tenants=on" });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
