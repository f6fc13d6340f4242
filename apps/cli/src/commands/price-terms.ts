import type { Price, ServiceTier } from "@budget/client-js";
import { SERVICE_TIERS } from "@budget/domain";
import { Option, type Command } from "commander";
import { given } from "../session.ts";

export interface TermOptions {
  readonly serviceTier?: ServiceTier;
  readonly scope?: string;
}

export const withTerms = (command: Command): Command =>
  command
    .addOption(
      new Option("--service-tier <tier>", "how the provider serves the call").choices([...SERVICE_TIERS]),
    )
    .option("--scope <scope>", "region or commitment, such as us or us-east-1");

export const wantedPrice = (provider: string, model: string, { serviceTier, scope }: TermOptions) => ({
  provider,
  model,
  ...given({ service_tier: serviceTier, price_scope: scope }),
});

/** Columns that tell apart the prices of one model; most lists have nothing in them. */
export const PLACE_HEADING = ["scope", "tier", "hours (UTC)"];

export const placeCells = ({ scope, service_tier, time_of_day }: Price): readonly (string | null)[] => [
  scope === "" ? null : scope,
  service_tier === "standard" ? null : service_tier,
  time_of_day && `${time_of_day.start.slice(0, 5)}-${time_of_day.end.slice(0, 5)}`,
];
