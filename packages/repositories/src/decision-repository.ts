import { decodeDecision, type ExplainedDecision } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import { readOne } from "./query.ts";
import { allocationFromRow, refusalFromRow } from "./rows.ts";

/** Reads the decisions that the ledger has kept: those of grants with their allocations, those of refusals apart. */
export class DecisionRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @param decision_id the id of an allocation, or of a refusal */
  async getById(tenant_id: string, decision_id: string): Promise<ExplainedDecision | null> {
    const { knex } = this.#database;
    const reader = this.#database.reader(tenant_id);
    const granted = knex<Row, Row[]>("allocations")
      .where({ tenant_id, allocation_id: decision_id })
      .whereNotNull("decision");
    const refused = knex<Row, Row[]>("refusals").where({ tenant_id, refusal_id: decision_id });
    return (await readOne(reader, granted, explainGrant)) ?? (await readOne(reader, refused, explainRefusal));
  }
}

function explainGrant(row: Row): ExplainedDecision {
  const { allocation_id, budget_id, context_id, creation_time_ms, ...allocation } = allocationFromRow(row);
  const { tier, provider, model, component, task_type } = allocation;
  return {
    decision_id: allocation_id,
    allocation_id,
    budget_id,
    context_id,
    dimensions: { tier, provider, model, component, task_type },
    decided_at_ms: creation_time_ms,
    decision: decodeDecision(row.decision as string),
  };
}

function explainRefusal(row: Row): ExplainedDecision {
  const { refusal_id, allocation_id, budget_id, context_id, ...refusal } = refusalFromRow(row);
  const { tier, provider, model, component, task_type, created_at_ms, decision } = refusal;
  return {
    decision_id: refusal_id,
    allocation_id,
    budget_id,
    context_id,
    dimensions: { tier, provider, model, component, task_type },
    decided_at_ms: created_at_ms,
    decision,
  };
}
