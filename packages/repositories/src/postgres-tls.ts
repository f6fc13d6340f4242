import { readFileSync } from "node:fs";
import { checkServerIdentity, rootCertificates, type ConnectionOptions } from "node:tls";
import { DatabaseError } from "./database-error.ts";

/** How a connection to PostgreSQL is secured. */
export interface PostgresTls {
  /** The URL without what is said about TLS, which the driver reads differently. */
  readonly url: string;
  /** Undefined where the URL says nothing: then the driver does as its own environment variables say, or without TLS. */
  readonly ssl: ConnectionOptions | false | undefined;
}

const MODES = ["disable", "require", "verify-ca", "verify-full"] as const;
type Mode = (typeof MODES)[number];

const FILES = ["sslrootcert", "sslcert", "sslkey"] as const;
type Parameter = "sslmode" | (typeof FILES)[number];

/** In the place of a path: the authorities that Node trusts. */
const SYSTEM = "system";

/**
 * Reads the parameters `sslmode`, `sslrootcert`, `sslcert` and `sslkey` of a URL, with the meaning that libpq gives them
 * (https://www.postgresql.org/docs/current/libpq-ssl.html): `require` encrypts and checks nobody, unless authorities are
 * given; `verify-ca` checks who signed the server's certificate, `verify-full` also that it is for this host.
 * @throws DatabaseError `unsupported_url` that names the parameter and what would be right
 */
export function readPostgresTls(url: string): PostgresTls {
  if (!/[?&]ssl/.test(url)) return { url, ssl: undefined };
  if (!URL.canParse(url)) throw refusal("parameters need a host before them");
  const rest = new URL(url);
  const parameters: Partial<Record<Parameter, string>> = {};
  for (const name of ["sslmode", ...FILES] as const) {
    const value = rest.searchParams.get(name);
    if (value !== null) parameters[name] = value;
    rest.searchParams.delete(name);
  }
  if (rest.searchParams.has("ssl")) throw refusal(`ssl is not known; use sslmode=${MODES.join(", ")}`);
  const mode = modeOf(parameters);
  const host = rest.searchParams.get("host") ?? rest.hostname.replace(/^\[(.+)\]$/, "$1");
  return { url: rest.href, ssl: mode === "disable" ? false : optionsOf(mode, host, parameters) };
}

function modeOf({ sslmode }: Partial<Record<Parameter, string>>): Mode {
  const mode = MODES.find((one) => one === sslmode);
  if (mode === undefined) throw refusal(`sslmode must be one of ${MODES.join(", ")}`);
  return mode;
}

function optionsOf(
  mode: Exclude<Mode, "disable">,
  host: string,
  parameters: Partial<Record<Parameter, string>>,
): ConnectionOptions {
  const { sslrootcert, sslcert, sslkey } = parameters;
  if ((sslcert === undefined) !== (sslkey === undefined)) throw refusal("sslcert and sslkey go together");
  const client =
    sslcert === undefined || sslkey === undefined
      ? {}
      : { cert: read("sslcert", sslcert), key: read("sslkey", sslkey) };
  if (sslrootcert === undefined) {
    if (mode === "require") return { ...client, rejectUnauthorized: false };
    throw refusal(
      `sslmode=${mode} needs sslrootcert: the path of the authorities' certificates, or ${SYSTEM}`,
    );
  }
  // Everybody can have a certificate from a public authority, so to check that one alone says nothing.
  if (sslrootcert === SYSTEM && mode !== "verify-full") {
    throw refusal(`sslrootcert=${SYSTEM} needs sslmode=verify-full`);
  }
  const ca = sslrootcert === SYSTEM ? [...rootCertificates] : read("sslrootcert", sslrootcert);
  return {
    ...client,
    ca,
    rejectUnauthorized: true,
    // The driver names no host to the check where it is an address. With `require`, authorities mean `verify-ca`.
    checkServerIdentity: (_host, certificate) =>
      mode === "verify-full" ? checkServerIdentity(host, certificate) : undefined,
  };
}

function read(parameter: Parameter, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code = "unknown error" } = error as NodeJS.ErrnoException;
    throw refusal(`${parameter} names ${path}, which cannot be read (${code})`);
  }
}

const refusal = (what: string): DatabaseError =>
  new DatabaseError("unsupported_url", `In the database URL, ${what}.`);
