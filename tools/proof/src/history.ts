import type pg from "pg";

/**
 * Makes the database write its own history. Triggers, which the product does not know of, copy every change of an
 * allocation, a usage record and a policy into `proof_history`, in the same transaction and so under the same locks:
 * what was decided is there whatever the product's counters (`balances`) say, and what was rolled back is not.
 *
 * The triggers run once for each statement, with all of its rows: the product writes hundreds of rows with one
 * statement, and a trigger for each row would slow down what is to be measured.
 *
 * A connection's `application_name` says which server it belongs to; see `servers.ts`.
 */
export async function installHistory(client: pg.Client): Promise<void> {
  await client.query(HISTORY);
}

const AMOUNTS = ["tokens_allocated", "cost_allocated_nano_usd", "tokens_used", "cost_used_nano_usd"];
const BEFORE = ["status", "expiration_time_ms", ...AMOUNTS];
const of = (row: string, names: readonly string[]): string =>
  names.map((name) => `${row}.${name}`).join(", ");
const named = (prefix: string, names: readonly string[]): string =>
  names.map((name) => `${prefix}_${name}`).join(", ");

const trigger = (
  name: string,
  when: string,
  table: string,
  transition: string,
  body: string,
): string => `CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
  BEGIN
    ${body};
    RETURN NULL;
  END $$;
  CREATE TRIGGER ${name} AFTER ${when} ON ${table} REFERENCING ${transition}
    FOR EACH STATEMENT EXECUTE FUNCTION ${name}();`;

const ALLOCATION = "source, subject_id, budget_id";
const POLICY = `INSERT INTO proof_history
  (source, subject_id, budget_id, period, limits_dimension, binds, token_limit, cost_limit_nano_usd)
  SELECT 'policy', policy_id, budget_id, period,
    COALESCE(tier, provider, model, component, task_type) IS NOT NULL OR time_zone <> 'UTC' OR priority_override
      OR end_ms IS NOT NULL,
    enabled AND type = 'enforce' AND deleted_at_ms IS NULL, token_limit, cost_limit_nano_usd
  FROM new_rows`;

const HISTORY = `
CREATE TABLE proof_history (
  serial bigserial PRIMARY KEY,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  server text NOT NULL DEFAULT current_setting('application_name'),
  source text NOT NULL,
  subject_id uuid,
  allocation_id uuid,
  budget_id uuid,
  before_status text,
  before_expiration_time_ms bigint,
  before_tokens_allocated bigint,
  before_cost_allocated_nano_usd bigint,
  before_tokens_used bigint,
  before_cost_used_nano_usd bigint,
  after_status text,
  after_expiration_time_ms bigint,
  after_tokens_allocated bigint,
  after_cost_allocated_nano_usd bigint,
  after_tokens_used bigint,
  after_cost_used_nano_usd bigint,
  timestamp_ms bigint,
  total_tokens bigint,
  total_cost_nano_usd bigint,
  period text,
  limits_dimension boolean,
  binds boolean,
  token_limit bigint,
  cost_limit_nano_usd bigint
);
${trigger(
  "proof_allocation_made",
  "INSERT",
  "allocations",
  "NEW TABLE AS new_rows",
  `INSERT INTO proof_history (${ALLOCATION}, ${named("after", BEFORE)})
   SELECT 'allocation', n.allocation_id, n.budget_id, ${of("n", BEFORE)} FROM new_rows n`,
)}
${trigger(
  "proof_allocation_changed",
  "UPDATE",
  "allocations",
  "OLD TABLE AS old_rows NEW TABLE AS new_rows",
  `INSERT INTO proof_history (${ALLOCATION}, ${named("before", BEFORE)}, ${named("after", BEFORE)})
   SELECT 'allocation', n.allocation_id, n.budget_id, ${of("o", BEFORE)}, ${of("n", BEFORE)}
   FROM new_rows n JOIN old_rows o USING (tenant_id, allocation_id)`,
)}
${trigger(
  "proof_usage_made",
  "INSERT",
  "usage_records",
  "NEW TABLE AS new_rows",
  `INSERT INTO proof_history
     (source, subject_id, allocation_id, budget_id, timestamp_ms, total_tokens, total_cost_nano_usd)
   SELECT 'usage', record_id, allocation_id, budget_id, timestamp_ms, total_tokens, total_cost_nano_usd
   FROM new_rows`,
)}
${["UPDATE", "DELETE"]
  .map((what) =>
    trigger(
      `proof_usage_${what.toLowerCase()}`,
      what,
      "usage_records",
      "OLD TABLE AS old_rows",
      "INSERT INTO proof_history (source, subject_id) SELECT 'rewritten usage', record_id FROM old_rows",
    ),
  )
  .join("\n")}
${["INSERT", "UPDATE"]
  .map((what) =>
    trigger(`proof_policy_${what.toLowerCase()}`, what, "policies", "NEW TABLE AS new_rows", POLICY),
  )
  .join("\n")}
${trigger(
  "proof_decided",
  "INSERT",
  "events",
  "NEW TABLE AS new_rows",
  "INSERT INTO proof_history (source) SELECT 'decision' FROM new_rows LIMIT 1",
)}
`;
