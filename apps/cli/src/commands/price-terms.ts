import type { ServiceTier } from "@budget/client-js";
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
