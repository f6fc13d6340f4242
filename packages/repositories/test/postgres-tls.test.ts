import { expect } from "chai";
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openDatabase } from "../src/database.ts";
import { DatabaseError } from "../src/database-error.ts";
import { createAuthority } from "./harness/certificates.ts";
import { serverOwner, startPostgres, type PostgresServer } from "./harness/postgres-server.ts";
import { rejectionOf } from "./rejection.ts";

/** Local accounts need no password here; whoever comes as `certified` shows a certificate. */
const HBA = `
hostssl all certified 127.0.0.1/32 cert
host    all budget    127.0.0.1/32 trust
`;

describe("a connection to PostgreSQL", () => {
  let folder: string;
  let server: PostgresServer;
  before(async function () {
    this.timeout(60_000);
    folder = mkdtempSync(join(tmpdir(), "budget-tls-"));
    chmodSync(folder, 0o755);
    const authority = createAuthority("Authority of the test");
    const server_certificate = authority.issue("database", ["127.0.0.1"]);
    const client = authority.issue("certified");
    const file = (name: string, content: string): string => {
      writeFileSync(join(folder, name), content);
      return join(folder, name);
    };
    const key_file = file("server.key", server_certificate.key);
    chmodSync(key_file, 0o600);
    const owner = serverOwner();
    if (owner !== undefined) chownSync(key_file, owner.uid, owner.gid);
    file("client.crt", client.certificate);
    file("client.key", client.key);
    file("other.crt", createAuthority("Authority that nobody asked").certificate);
    server = await startPostgres({
      settings: [
        "ssl=on",
        `ssl_key_file=${key_file}`,
        `ssl_cert_file=${file("server.crt", server_certificate.certificate)}`,
        `ssl_ca_file=${file("authority.crt", authority.certificate)}`,
        `hba_file=${file("pg_hba.conf", HBA)}`,
      ],
    });
  });
  after(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  interface Address {
    readonly host?: string;
    readonly user?: string;
  }

  /** A URL with parameters; where one names a file, it is in the folder. */
  function urlOf(parameters: Readonly<Record<string, string>>, { host, user }: Address = {}): string {
    const url = new URL(server.url);
    if (host !== undefined) url.hostname = host;
    if (user !== undefined) url.username = user;
    for (const [name, value] of Object.entries(parameters)) {
      url.searchParams.set(name, value.includes(".") ? join(folder, value) : value);
    }
    return url.href;
  }

  async function isEncrypted(
    parameters: Readonly<Record<string, string>>,
    address?: Address,
  ): Promise<boolean> {
    const database = openDatabase({ url: urlOf(parameters, address), pool_size: 1 });
    try {
      const answer = await database.knex.raw<{ rows: { ssl: boolean }[] }>(
        "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
      );
      // Changes of the schema have connections of their own.
      await database.patiently((knex) => knex.raw("SELECT 1"));
      return answer.rows[0]!.ssl;
    } finally {
      await database.close();
    }
  }

  const AUTHORITY = { sslrootcert: "authority.crt" };
  const UNKNOWN = { sslrootcert: "other.crt" };

  const ACCEPTED = [
    ["as ever where nothing is said", {}, {}, false],
    ["openly by disable", { sslmode: "disable" }, {}, false],
    ["encrypted by require, whoever answers", { sslmode: "require" }, {}, true],
    [
      "encrypted by require, under another name",
      { sslmode: "require", ...AUTHORITY },
      { host: "localhost" },
      true,
    ],
    ["by verify-ca", { sslmode: "verify-ca", ...AUTHORITY }, {}, true],
    ["by verify-ca, under another name", { sslmode: "verify-ca", ...AUTHORITY }, { host: "localhost" }, true],
    ["by verify-full", { sslmode: "verify-full", ...AUTHORITY }, {}, true],
  ] as const;
  for (const [title, parameters, address, encrypted] of ACCEPTED) {
    it(`is made ${title}`, async () => {
      expect(await isEncrypted(parameters, address)).to.equal(encrypted);
    });
  }

  const REFUSED = [
    [
      "verify-full under another name",
      "verify-full",
      AUTHORITY,
      { host: "localhost" },
      "ERR_TLS_CERT_ALTNAME_INVALID",
    ],
    ["verify-full by an unknown authority", "verify-full", UNKNOWN, {}, /ISSUER|SIGNATURE|SELF_SIGNED/],
    [
      "verify-full by none of the public authorities",
      "verify-full",
      { sslrootcert: "system" },
      {},
      /ISSUER|SIGNATURE|SELF_SIGNED/,
    ],
    ["verify-ca by an unknown authority", "verify-ca", UNKNOWN, {}, /ISSUER|SIGNATURE|SELF_SIGNED/],
    ["require, with authorities, by an unknown one", "require", UNKNOWN, {}, /ISSUER|SIGNATURE|SELF_SIGNED/],
  ] as const;
  for (const [title, sslmode, files, address, code] of REFUSED) {
    it(`is refused at ${title}`, async () => {
      const error = await rejectionOf(isEncrypted({ sslmode, ...files }, address));
      expect(error.code).to.match(typeof code === "string" ? new RegExp(`^${code}$`) : code);
    });
  }

  it("shows the client's certificate where one is asked for", async () => {
    const client = { sslcert: "client.crt", sslkey: "client.key" };
    // The server gets so far as to look for the user: it has none of this name.
    const shown = await rejectionOf(
      isEncrypted({ sslmode: "verify-full", ...AUTHORITY, ...client }, { user: "certified" }),
    );
    expect(shown.message).to.contain('role "certified" does not exist');
    const not_shown = await rejectionOf(
      isEncrypted({ sslmode: "verify-full", ...AUTHORITY }, { user: "certified" }),
    );
    expect(not_shown.message).to.contain("client certificate");
  });

  it("is refused by a server without TLS, but not made openly", async () => {
    const open = await startPostgres();
    try {
      const database = openDatabase({ url: `${open.url}?sslmode=require` });
      const error = await rejectionOf(database.knex.raw("SELECT 1"));
      expect(error.message).to.contain("does not support SSL");
      await database.close();
    } finally {
      await open.stop();
    }
  });

  const MISTAKES = [
    [{ sslmode: "prefer" }, /sslmode must be one of disable, require/],
    [{ sslmode: "allow" }, /sslmode must be one of/],
    [{ ...AUTHORITY }, /sslmode must be one of/],
    [{ sslnegotiation: "direct" }, /sslmode must be one of/],
    [{ ssl: "true" }, /ssl is not known; use sslmode/],
    [{ sslmode: "verify-full" }, /sslmode=verify-full needs sslrootcert/],
    [{ sslmode: "verify-ca" }, /sslmode=verify-ca needs sslrootcert/],
    [{ sslmode: "verify-ca", sslrootcert: "system" }, /sslrootcert=system needs sslmode=verify-full/],
    [
      { sslmode: "verify-full", sslrootcert: "none.crt" },
      /sslrootcert names .*none\.crt, which cannot be read \(ENOENT\)/,
    ],
    [{ sslmode: "require", sslcert: "client.crt" }, /sslcert and sslkey go together/],
  ] as const;
  for (const [parameters, says] of MISTAKES) {
    it(`is not tried with ${new URLSearchParams(parameters).toString()}`, () => {
      expect(() => openDatabase({ url: urlOf(parameters) }))
        .to.throw(DatabaseError, says)
        .with.property("code", "unsupported_url");
    });
  }
});
