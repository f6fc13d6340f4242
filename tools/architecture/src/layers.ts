/** What a folder of the workspace is for, and which of our packages its source may import. */
export interface Layer {
  /** Folder from the root of the repository. */
  readonly folder: string;
  readonly name: string;
  /** Names of our packages that its source may import and its package.json may list; "any" for tools. */
  readonly mayImport: readonly string[] | "any";
  /** Why the list ends where it ends; part of the failure message. */
  readonly reason: string;
}

const DOMAIN = "@budget/domain";
const REPOSITORIES = "@budget/repositories";
const ENGINE = "@budget/engine";
const PRICE_SOURCES = "@budget/price-sources";
const CONFIGURATION = "@budget/configuration";
const SERVICES = "@budget/services";
const ADAPTER_PORT = "@budget/adapter-port";
const MIGRATION = "@budget/migration";
const ADAPTERS_APOLLO = "@budget/adapters-apollo";
const ADAPTERS_RHETOR = "@budget/adapters-rhetor";
const CLIENT_JS = "@budget/client-js";
const CLIENT_PYTHON = "@budget/client-python-stub";
const SERVER = "@budget/server";
const CLI = "@budget/cli";
const DASHBOARD = "@budget/dashboard";

/** The layers of Budget, lowest first: a row may import only rows above it. */
export const LAYERS: readonly Layer[] = [
  {
    folder: "packages/domain",
    name: DOMAIN,
    mayImport: [],
    reason: "the domain is the lowest layer: it decides, and knows neither storage nor transport",
  },
  {
    folder: "packages/client-js",
    name: CLIENT_JS,
    mayImport: [],
    reason: "the client is published on its own and knows the server by its HTTP contract only",
  },
  {
    folder: "packages/client-python-stub",
    name: CLIENT_PYTHON,
    mayImport: [],
    reason: "the client is published on its own and knows the server by its HTTP contract only",
  },
  {
    folder: "packages/repositories",
    name: REPOSITORIES,
    mayImport: [DOMAIN],
    reason: "repositories turn rows into entities and back; they know nothing above them",
  },
  {
    folder: "packages/price-sources",
    name: PRICE_SOURCES,
    mayImport: [DOMAIN],
    reason: "price sources fetch and normalise; whether a price is stored is decided above them",
  },
  {
    folder: "packages/configuration",
    name: CONFIGURATION,
    mayImport: [DOMAIN, PRICE_SOURCES],
    reason: "the configuration says what is wanted; who acts on it is above",
  },
  {
    folder: "packages/engine",
    name: ENGINE,
    mayImport: [DOMAIN, REPOSITORIES],
    reason: "the engine runs decisions over the repositories; sources and services use it, not it them",
  },
  {
    folder: "packages/services",
    name: SERVICES,
    mayImport: [DOMAIN, REPOSITORIES, ENGINE, PRICE_SOURCES],
    reason: "services stand on the core and serve every app alike",
  },
  {
    folder: "packages/adapter-port",
    name: ADAPTER_PORT,
    mayImport: [DOMAIN, ENGINE, CLIENT_JS],
    reason: "the port is what adapters may ask of Budget, in process or over HTTP, and knows no adapter",
  },
  {
    folder: "packages/migration",
    name: MIGRATION,
    mayImport: [DOMAIN, ENGINE],
    reason: "it moves any old system's history in; how that system's files look is its adapter's business",
  },
  {
    folder: "packages/adapters-apollo",
    name: ADAPTERS_APOLLO,
    mayImport: [DOMAIN, ENGINE, CLIENT_JS, ADAPTER_PORT, MIGRATION],
    reason: "an adapter translates words and shapes; storage is the engine's business",
  },
  {
    folder: "packages/adapters-rhetor",
    name: ADAPTERS_RHETOR,
    mayImport: [DOMAIN, ENGINE, CLIENT_JS, ADAPTER_PORT, MIGRATION],
    reason: "an adapter translates words and shapes; storage is the engine's business",
  },
  {
    folder: "apps/dashboard",
    name: DASHBOARD,
    mayImport: [CLIENT_JS],
    reason: "the dashboard runs in a browser and sees what every client sees",
  },
  {
    folder: "apps/server",
    name: SERVER,
    mayImport: [
      DOMAIN,
      REPOSITORIES,
      ENGINE,
      PRICE_SOURCES,
      CONFIGURATION,
      SERVICES,
      ADAPTER_PORT,
      ADAPTERS_APOLLO,
      ADAPTERS_RHETOR,
      DASHBOARD,
    ],
    reason: "the server wires everything but the clients, which stand on its other side",
  },
  {
    folder: "apps/cli",
    name: CLI,
    mayImport: [
      DOMAIN,
      REPOSITORIES,
      ENGINE,
      PRICE_SOURCES,
      CONFIGURATION,
      MIGRATION,
      ADAPTERS_APOLLO,
      ADAPTERS_RHETOR,
      CLIENT_JS,
    ],
    reason: "the command line talks to a server as a client, and to the core for local maintenance only",
  },
];

/** A module from elsewhere that only some packages may import. */
export interface Reserved {
  /** Matches a whole specifier. */
  readonly specifier: RegExp;
  /** Tells which packages of ours are meant by the restriction. */
  readonly forbiddenIn: (packageName: string) => boolean;
  readonly reason: string;
}

export const RESERVED: readonly Reserved[] = [
  {
    specifier: /^(knex|pg|better-sqlite3|better-sqlite3-multiple-ciphers|(node:)?sqlite)(\/.*)?$/,
    // Rhetor keeps its budgets in a SQLite file, which its adapter reads.
    forbiddenIn: (name) => name !== REPOSITORIES && name !== ADAPTERS_RHETOR,
    reason: "all SQL is in @budget/repositories, the only place that knows a row",
  },
  {
    specifier: /^(express|ws|helmet)(\/.*)?$/,
    forbiddenIn: (name) => name !== SERVER && name !== CLIENT_JS,
    reason: "only the server speaks HTTP and WebSocket to callers",
  },
  {
    specifier:
      /^(node:)?(child_process|cluster|dgram|dns|fs|http|http2|https|net|tls|worker_threads)(\/.*)?$/,
    forbiddenIn: (name) => name === DOMAIN,
    reason: "the domain has no input or output",
  },
];
