import { SHARED_TENANT_ID, type KnownCredential, type SourceCredential } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import { sealingKey, unknownKey, type SecretBox, type SecretPlace } from "./secret-box.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** A credential as it is kept. */
interface SealedCredential {
  readonly source: string;
  readonly header: string;
  readonly sealed_value: string;
  readonly set_at_ms: number;
}

const fromRow = (row: Row): SealedCredential => ({
  source: row.source as string,
  header: row.header as string,
  sealed_value: row.sealed_value as string,
  set_at_ms: Number(row.set_at_ms),
});

const toKnown = ({ source, header, sealed_value, set_at_ms }: SealedCredential): KnownCredential => ({
  source,
  header,
  key_id: sealingKey(sealed_value),
  set_at_ms,
});

/** The header is a part of it, so that a value that is meant for one is not sent in another, which may be logged. */
const placeOf = ({ source, header }: Pick<SealedCredential, "source" | "header">): SecretPlace => ({
  table: "source_credentials",
  column: "sealed_value",
  row: JSON.stringify([source, header.toLowerCase()]),
});

/** What sources of prices are asked with, one header for each source at most. Values are kept encrypted. */
export class SourceCredentialRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** What may be known of all credentials, by source. */
  async getAll(transaction?: Transaction): Promise<readonly KnownCredential[]> {
    return (await this.#sealed(transaction)).map(toKnown);
  }

  /**
   * The credential of a source, decrypted; null where it has none.
   * @throws SecretError where it has one that these keys do not decrypt
   */
  async open(source: string, box: SecretBox | null): Promise<SourceCredential | null> {
    const found = (await this.#sealed()).find((one) => one.source === source);
    if (found === undefined) return null;
    const { header, sealed_value } = found;
    if (box === null) throw unknownKey(sealingKey(sealed_value));
    return { header, value: box.open(sealed_value, placeOf(found)) };
  }

  /** Sets the credential of a source, whether it had one before or not. */
  async save(
    transaction: Transaction,
    source: string,
    { header, value }: SourceCredential,
    set_at_ms: number,
    box: SecretBox,
  ): Promise<KnownCredential> {
    const sealed_value = box.seal(value, placeOf({ source, header }));
    const row = { source, header, sealed_value, set_at_ms };
    await transaction.insertMissing(tables.sourceCredentials, [row]);
    await transaction.update(tables.sourceCredentials, [row]);
    return toKnown(row);
  }

  async delete(transaction: Transaction, source: string): Promise<void> {
    await transaction.query("DELETE FROM source_credentials WHERE source = $1", [source]);
  }

  /**
   * Encrypts with the first key what has another one.
   * @returns how many there are, and how many had another key
   * @throws SecretError where one cannot be decrypted
   */
  async reseal(
    transaction: Transaction,
    box: SecretBox,
  ): Promise<{ readonly secrets: number; readonly resealed: number }> {
    const sealed = await this.#sealed(transaction);
    const changed = sealed
      .map((one) => ({ ...one, sealed_value: box.reseal(one.sealed_value, placeOf(one)) }))
      .filter(({ sealed_value }, index) => sealed_value !== sealed[index]?.sealed_value);
    await transaction.update(tables.sourceCredentials, changed);
    return { secrets: sealed.length, resealed: changed.length };
  }

  async #sealed(transaction?: Transaction): Promise<readonly SealedCredential[]> {
    const select = this.#database.knex<Row, Row[]>("source_credentials").orderBy("source");
    const rows = await (transaction ?? this.#database.reader(SHARED_TENANT_ID)).run(select);
    return rows.map(fromRow);
  }
}
