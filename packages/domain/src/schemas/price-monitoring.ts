import { Type, type Static } from "typebox";
import { PRICE_RUN_TRIGGERS } from "../enums.ts";
import { SOURCE_FAULTS } from "../price-observation.ts";
import { Label, Time, Uuid, closed, nullable } from "./common.ts";

const count = (description: string) => Type.Integer({ minimum: 0, description });

const fault = nullable(
  Type.Enum([...SOURCE_FAULTS], { description: "Why it gave no prices; null where it did" }),
);
const detail = nullable(Type.String({ description: "The same in words, with what was found" }));

const CredentialSchema = Type.Object(
  {
    header: Type.String({ description: "The header of HTTP that it is sent in" }),
    key_id: Type.String({ description: "The key of BUDGET_SECRET_KEYS that its value is encrypted with" }),
    set_at: Time("When it was set"),
  },
  { description: "What the source is asked with; its value is never answered" },
);

export const SourceCredentialSchema = Type.Object({
  source: Type.String({ description: "Name of the source" }),
  credential: nullable(CredentialSchema),
});
export type SourceCredentialWire = Static<typeof SourceCredentialSchema>;

export const SourceCredentialRequestSchema = Type.Object(
  {
    header: Label("Name of the header, such as `Authorization`", 100),
    value: Type.String({
      minLength: 1,
      maxLength: 4096,
      writeOnly: true,
      description: "All of its value, such as `Bearer sk-…`; visible ASCII characters and blanks",
    }),
  },
  closed,
);
export type SourceCredentialRequest = Static<typeof SourceCredentialRequestSchema>;

export const PriceSourceSchema = Type.Object({
  source: Type.String({ description: "Name of the source" }),
  lineage: Type.String({ description: "Whom its prices are from in the end; a lineage has one vote" }),
  address: Type.String({ description: "Where it is read" }),
  enabled: Type.Boolean({ description: "Whether it is read at all; `detail` says why where it is not" }),
  interval_ms: count("How long its prices are taken for what it says"),
  trust: Type.Number({ minimum: 0, maximum: 1, description: "Its weight in a vote" }),
  agreed: count("Votes in which it said what won"),
  differed: count("Votes in which it did not"),
  failures: count("Attempts in a row that gave no prices"),
  attempted_at: nullable(Time("When it was tried last")),
  read_at: nullable(Time("When it was last read without a fault")),
  due_at: nullable(Time("When it is read next; null where it never was")),
  fault,
  detail,
  credential: nullable(CredentialSchema),
});
export type PriceSourceWire = Static<typeof PriceSourceSchema>;

const SourceReportSchema = Type.Object({
  source: Type.String(),
  outcome: Type.Enum(["read", "not_modified", "failed"]),
  fault,
  detail,
  observations: count("Prices that it has"),
  set_aside: count("Rows or fields that made no price"),
  new: count("Prices of things that it said nothing of before"),
  changed: count("Prices that it changed"),
  withdrawn: count("Prices that it no longer says"),
  agreed: count("Votes in which it said what won"),
  in_conflict: count("Votes that nobody won"),
  rejected: count("Prices that no gate let pass"),
  duration_ms: count("How long it took"),
});

const VerificationReportSchema = Type.Object({
  things: count("Prices that were voted on"),
  verified: count("Those on which all agree, at least two"),
  verified_with_dissent: count("Those on which most agree"),
  provisional: count("Those that one source alone says"),
  conflict: count("Those on which nobody has a majority"),
  rejected: count("Those that no gate lets pass"),
  prices_added: count("Prices of what had none"),
  prices_changed: count("Prices that were closed and followed by others"),
  prices_held_back: count("Prices that stay although sources say otherwise"),
  reviews_opened: count("Questions to people"),
  reviews_settled: count("Questions that the sources answered themselves"),
  duration_ms: count("How long it took"),
});

export const PriceRunSchema = Type.Object({
  run_id: Uuid("Id of the run"),
  trigger: Type.Enum([...PRICE_RUN_TRIGGERS]),
  started_at: Time("When it began"),
  ended_at: nullable(Time("When it ended; null while it goes on, and where its server died over it")),
  report: nullable(
    Type.Object({ sources: Type.Array(SourceReportSchema), verification: VerificationReportSchema }),
  ),
});
export type PriceRunWire = Static<typeof PriceRunSchema>;

export const PriceUpdateRequestSchema = Type.Object(
  {
    sources: Type.Optional(
      Type.Array(Label("Name of a source"), {
        maxItems: 50,
        description: "The sources to read, due or not; those that are due if left out",
      }),
    ),
  },
  closed,
);
export type PriceUpdateRequest = Static<typeof PriceUpdateRequestSchema>;
