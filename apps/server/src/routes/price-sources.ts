import {
  Label,
  PageQuerySchema,
  PriceSourceSchema,
  SourceCredentialRequestSchema,
  SourceCredentialSchema,
  isoTime,
  listOf,
  type KnownCredential,
  type PriceSourceWire,
  type SourceCredentialWire,
} from "@budget/domain";
import type { SourceOff } from "@budget/price-sources";
import type { PriceSourceStatus } from "@budget/services";
import { Type } from "typebox";
import { timeOrNull } from "./price-monitoring.ts";
import { answerTo, route, sliceAnswer } from "./route.ts";

const PPM = 1_000_000;

/** Of all sources that have one. */
type Credentials = readonly KnownCredential[];

function credentialOf(name: string, all: Credentials): PriceSourceWire["credential"] {
  const found = all.find(({ source }) => source === name);
  if (found === undefined) return null;
  const { header, key_id, set_at_ms } = found;
  return { header, key_id, set_at: isoTime(set_at_ms) };
}

const toSourceWire = (source: PriceSourceStatus, credentials: Credentials): PriceSourceWire => ({
  source: source.source,
  lineage: source.lineage,
  address: source.address,
  enabled: true,
  interval_ms: source.interval_ms,
  trust: source.trust_ppm / PPM,
  agreed: source.agreed,
  differed: source.differed,
  failures: source.failures,
  attempted_at: timeOrNull(source.attempted_at_ms),
  read_at: timeOrNull(source.read_at_ms),
  due_at: timeOrNull(source.due_at_ms),
  fault: source.fault,
  detail: source.detail,
  credential: credentialOf(source.source, credentials),
});

/** A source that is not read: what is known of it is what it comes with. */
const toSourceOffWire = (
  { name, lineage, address, interval_ms, trust_ppm, why }: SourceOff,
  credentials: Credentials,
): PriceSourceWire => ({
  source: name,
  lineage,
  address,
  enabled: false,
  interval_ms,
  trust: trust_ppm / PPM,
  agreed: 0,
  differed: 0,
  failures: 0,
  attempted_at: null,
  read_at: null,
  due_at: null,
  fault: null,
  detail: why,
  credential: credentialOf(name, credentials),
});

const SOURCE = Type.Object({ source: Label("Name of the source") });

const credentialAnswer = (source: string, credentials: Credentials) => ({
  status: 200,
  body: { source, credential: credentialOf(source, credentials) } satisfies SourceCredentialWire,
});

export const priceSourceRoutes = [
  route({
    method: "get",
    path: "/api/prices/sources",
    operation_id: "listPriceSources",
    tag: "prices",
    summary: "List the sources of prices, with how far each is trusted and why one gives none or is off",
    query: PageQuerySchema,
    success: { status: 200, description: "Sources", schema: listOf(PriceSourceSchema) },
    problems: ["invalid_value"],
    async handle({ query }, { monitor, sources_off, credentials }) {
      const known = await credentials.getAll();
      const read = (await monitor.sources()).map((source) => toSourceWire(source, known));
      const off = sources_off.map((source) => toSourceOffWire(source, known));
      return sliceAnswer([...read, ...off], query);
    },
  }),
  route({
    method: "post",
    path: "/api/prices/sources/{source}/trust-reset",
    operation_id: "resetPriceSourceTrust",
    tag: "prices",
    summary: "Put the trust of a source back to where it started",
    params: SOURCE,
    success: { status: 200, description: "The source", schema: PriceSourceSchema },
    problems: ["invalid_value", "price_source_not_found"],
    async handle({ context, params }, services) {
      const outcome = await services.monitor.resetTrust(params.source, context);
      const known = await services.credentials.getAll();
      return answerTo(outcome, services, (source) => ({ status: 200, body: toSourceWire(source, known) }));
    },
  }),
  route({
    method: "put",
    path: "/api/prices/sources/{source}/credential",
    operation_id: "setSourceCredential",
    tag: "prices",
    summary: "Set the header that a source on the network is asked with",
    description:
      "Its value is kept encrypted, sent to the source only, and never answered. It takes the place of the one before.",
    params: SOURCE,
    body: SourceCredentialRequestSchema,
    body_example: { header: "Authorization", value: "Bearer sk-1234" },
    success: { status: 200, description: "What may be known of it", schema: SourceCredentialSchema },
    problems: ["invalid_value", "price_source_not_found", "secret_keys_missing"],
    async handle({ context, params, body }, services) {
      const outcome = await services.credentials.set(params.source, body, context);
      return answerTo(outcome, services, (known) => credentialAnswer(params.source, [known]));
    },
  }),
  route({
    method: "delete",
    path: "/api/prices/sources/{source}/credential",
    operation_id: "removeSourceCredential",
    tag: "prices",
    summary: "Ask a source without a credential from now on",
    params: SOURCE,
    success: { status: 200, description: "The source, without one", schema: SourceCredentialSchema },
    problems: ["invalid_value", "price_source_not_found", "source_credential_not_found"],
    async handle({ context, params }, services) {
      const outcome = await services.credentials.remove(params.source, context);
      return answerTo(outcome, services, () => credentialAnswer(params.source, []));
    },
  }),
];
