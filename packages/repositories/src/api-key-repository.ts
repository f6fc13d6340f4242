import type { ApiKey, FoundKey, Role } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne, readPage, type Page, type PageQuery } from "./query.ts";
import * as tables from "./tables.ts";
import { ALL_TENANTS } from "./tenant-scope.ts";
import type { Transaction } from "./transaction.ts";

const numberOrNull = (value: unknown): number | null => (value === null ? null : Number(value));
const list = (value: unknown): readonly string[] => JSON.parse(value as string) as string[];

const keyFromRow = (row: Row): ApiKey => ({
  tenant_id: row.tenant_id as string,
  key_id: row.key_id as string,
  name: row.name as string,
  owner: row.owner as string,
  role: row.role as Role,
  budget_ids: list(row.budget_ids),
  components: list(row.components),
  secret_sha256: row.secret_sha256 as string,
  previous_sha256: row.previous_sha256 as string | null,
  previous_until_ms: numberOrNull(row.previous_until_ms),
  created_at_ms: Number(row.created_at_ms),
  expires_at_ms: numberOrNull(row.expires_at_ms),
  revoked_at_ms: numberOrNull(row.revoked_at_ms),
  last_used_at_ms: numberOrNull(row.last_used_at_ms),
});

const keyToRow = ({ budget_ids, components, ...key }: ApiKey): Row => ({
  ...key,
  budget_ids: JSON.stringify(budget_ids),
  components: JSON.stringify(components),
});

/** Keys. They are revoked and never deleted: the record of changes names them. */
export class ApiKeyRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The key with this id, whosever it is: who comes with a key has not said yet whose it is. */
  find(key_id: string, transaction?: Transaction): Promise<FoundKey | null> {
    const select = this.#all();
    void select
      .join("tenants", "tenants.tenant_id", "api_keys.tenant_id")
      .where({ key_id })
      .select("api_keys.*", "tenants.requests_per_second");
    return readOne(transaction ?? this.#database.reader(ALL_TENANTS), select, (row) => ({
      ...keyFromRow(row),
      tenant_requests_per_second: numberOrNull(row.requests_per_second),
    }));
  }

  /** The ids of all keys that are not revoked, whosever they are. */
  async allIds(): Promise<readonly string[]> {
    const select = this.#all().whereNull("revoked_at_ms").select("key_id");
    const rows = await this.#database.reader(ALL_TENANTS).run(select);
    return rows.map(({ key_id }) => key_id as string);
  }

  getById(tenant_id: string, key_id: string, transaction?: Transaction): Promise<ApiKey | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#all().where({ tenant_id, key_id }),
      keyFromRow,
    );
  }

  /** Newest first, revoked ones among them. */
  list(tenant_id: string, query: PageQuery): Promise<Page<ApiKey>> {
    return readPage(
      this.#database.reader(tenant_id),
      this.#all().where({ tenant_id }).orderBy("key_id", "desc"),
      query,
      keyFromRow,
    );
  }

  /** How many keys of a tenant, of some roles, open something at an instant. */
  async countAlive(
    transaction: Transaction,
    tenant_id: string,
    roles: readonly Role[],
    now_ms: number,
  ): Promise<number> {
    const [row] = await transaction.query(
      `SELECT COUNT(*) AS total FROM api_keys WHERE tenant_id = $1 AND ${transaction.dialect.inList("role", "$2", "text")} ` +
        "AND (expires_at_ms IS NULL OR expires_at_ms > $3) AND (revoked_at_ms IS NULL OR revoked_at_ms > $3)",
      [tenant_id, roles, now_ms],
    );
    return Number(row?.total);
  }

  create(transaction: Transaction, key: ApiKey): Promise<void> {
    return transaction.insert(tables.apiKeys, [keyToRow(key)]);
  }

  update(transaction: Transaction, key: ApiKey): Promise<void> {
    return transaction.update(tables.apiKeys, [keyToRow(key)]);
  }

  /** Says when keys were used; what is known to be later stays. */
  async touch(transaction: Transaction, used: ReadonlyMap<string, number>): Promise<void> {
    for (const [key_id, used_at_ms] of used) {
      await transaction.query(
        "UPDATE api_keys SET last_used_at_ms = $1 WHERE key_id = $2 AND COALESCE(last_used_at_ms, 0) < $1",
        [used_at_ms, key_id],
      );
    }
  }

  #all(): Select {
    return this.#database.knex<Row, Row[]>("api_keys");
  }
}
