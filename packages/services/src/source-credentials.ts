import {
  SHARED_TENANT_ID,
  accepted,
  changeBy,
  isoTime,
  rejected,
  type ChangedBy,
  type Clock,
  type KnownCredential,
  type Outcome,
  type SourceCredential,
} from "@budget/domain";
import {
  AuditRepository,
  Ledger,
  SecretError,
  SourceCredentialRepository,
  type Database,
  type SecretBox,
  type Transaction,
} from "@budget/repositories";

/** What sources of prices are asked with. Nobody is told a value again once it is set. */
export interface SourceCredentials {
  /** Of all sources that have one. */
  getAll(): Promise<readonly KnownCredential[]>;
  /** Sets the credential of a source, in place of the one that it had. */
  set(source: string, credential: SourceCredential, by: ChangedBy): Promise<Outcome<KnownCredential>>;
  /** Also of a source that is not there any more. */
  remove(source: string, by: ChangedBy): Promise<Outcome<null>>;
}

export interface SourceCredentialsOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** Null where the server has no key for secrets. */
  readonly secrets: SecretBox | null;
  /** The sources that are read on the network, and may need one. */
  readonly source_names: readonly string[];
}

/** RFC 9110, section 5.6.2. */
const HEADER = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;
/** What a request is made of, or what asks for changes only. */
const OUR_HEADERS =
  /^(accept|accept-encoding|connection|content-.*|expect|host|if-.*|keep-alive|range|te|trailer|transfer-encoding|upgrade|user-agent)$/i;
/** Visible characters of ASCII, with blanks in between: whatever else would be sent differs between programs. */
const VALUE = /^[!-~]([ -~]*[!-~])?$/;

const wrong = (field: string, detail: string): Outcome<never> =>
  rejected({ code: "invalid_value", field, detail });

function whyWrong({ header, value }: SourceCredential): Outcome<never> | null {
  if (!HEADER.test(header)) return wrong("/header", "header must be a name such as Authorization.");
  if (OUR_HEADERS.test(header))
    return wrong("/header", `${header} is what Budget makes the request with; name another header.`);
  if (VALUE.test(value)) return null;
  return wrong("/value", "value must be of visible ASCII characters, with blanks only in between.");
}

const NO_KEYS = rejected({
  code: "secret_keys_missing",
  detail:
    "This server has no key to encrypt secrets with. Set BUDGET_SECRET_KEYS to a name and 32 random bytes, such as " +
    '"2026-11:$(openssl rand -base64 32)", keep a copy of it, and start the server again.',
});

/** What the record of changes says of a credential: everything but its value. */
const inRecord = (credential: KnownCredential | undefined): object | null =>
  credential === undefined
    ? null
    : { header: credential.header, key_id: credential.key_id, set_at: isoTime(credential.set_at_ms) };

export function createSourceCredentials(options: SourceCredentialsOptions): SourceCredentials {
  const { database, clock, secrets, source_names } = options;
  const ledger = new Ledger(database);
  const credentials = new SourceCredentialRepository(database);
  const audit = new AuditRepository(database);

  /** Alone: runs and rotations of keys have the same lock. */
  const change = <T>(
    source: string,
    by: ChangedBy,
    work: (known: KnownCredential | undefined, transaction: Transaction) => Promise<T>,
  ): Promise<T> =>
    ledger.transaction(
      SHARED_TENANT_ID,
      "exclusive",
      async ({ transaction }) => {
        const all = await credentials.getAll(transaction);
        const known = all.find((one) => one.source === source);
        return work(known, transaction);
      },
      by.tenant_id,
    );

  return {
    getAll: () => credentials.getAll(),

    async set(source, credential, by) {
      if (!source_names.includes(source)) return notFound(source, source_names);
      const refused = whyWrong(credential);
      if (refused !== null) return refused;
      if (secrets === null) return NO_KEYS;
      return change(source, by, async (before, transaction) => {
        const at_ms = clock.now();
        const after = await credentials.save(transaction, source, credential, at_ms, secrets);
        const action = "price_source.credential_set";
        const said = { action, subject_id: source, before: inRecord(before), after: inRecord(after), at_ms };
        await audit.append(transaction, by.tenant_id, [changeBy(by, said)]);
        return accepted(after);
      });
    },

    remove: (source, by) =>
      change(source, by, async (before, transaction) => {
        if (before === undefined) {
          if (!source_names.includes(source)) return notFound(source, source_names);
          const detail = `The price source ${source} has no credential.`;
          return rejected({ code: "source_credential_not_found", detail });
        }
        await credentials.delete(transaction, source);
        const action = "price_source.credential_removed";
        const said = {
          action,
          subject_id: source,
          before: inRecord(before),
          after: null,
          at_ms: clock.now(),
        };
        await audit.append(transaction, by.tenant_id, [changeBy(by, said)]);
        return accepted(null);
      }),
  };
}

const notFound = (source: string, source_names: readonly string[]): Outcome<never> =>
  rejected({
    code: "price_source_not_found",
    detail: `There is no price source ${source} on the network; there are ${source_names.join(", ")}.`,
  });

/** What a source is asked with, or why it cannot be asked. */
export type OpenedCredential =
  | { readonly ok: true; readonly credential: SourceCredential | null }
  | { readonly ok: false; readonly detail: string };

/** Decrypts the credential of a source, where it has one. */
export async function openCredential(
  database: Database,
  secrets: SecretBox | null,
  source: string,
): Promise<OpenedCredential> {
  try {
    return { ok: true, credential: await new SourceCredentialRepository(database).open(source, secrets) };
  } catch (error) {
    if (!(error instanceof SecretError)) throw error;
    const detail = `Its credential cannot be read. ${error.message} Or set the credential again, or remove it.`;
    return { ok: false, detail };
  }
}
