import type { Logger } from "@budget/domain";
import { startPostgres, type PostgresServer } from "@budget/repositories/testing";
import { expect } from "chai";
import { startServer } from "../src/server.ts";
import { CONFIGURATION } from "./support.ts";

describe("a server on PostgreSQL", () => {
  let postgres: PostgresServer;
  before(async () => {
    postgres = await startPostgres();
  });
  after(() => postgres.stop());

  async function warningsOf(database_url: string): Promise<readonly string[]> {
    const warnings: string[] = [];
    const silent = () => undefined;
    const warning: Logger["warning"] = (_component, message) => void warnings.push(message);
    const logger: Logger = { error: silent, info: silent, debug: silent, warning };
    await (await startServer({ ...CONFIGURATION, database_url }, logger)).stop();
    return warnings;
  }

  it("warns where row-level security does not bind its role, and else not", async () => {
    const said = /^Row-level security does not hold .* superuser or has BYPASSRLS; docs\/security\.md/;
    expect((await warningsOf(postgres.url)).filter((text) => said.test(text))).to.deep.equal([]);
    expect((await warningsOf(postgres.admin_url)).filter((text) => said.test(text))).to.have.length(1);
  });
});
