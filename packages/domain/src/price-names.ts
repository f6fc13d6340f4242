import { normaliseName } from "./price.ts";

/** A model as we name it, whatever a source or a caller calls it. */
export interface ModelIdentity {
  /** Our name of the provider, such as `bedrock` for `amazon-bedrock`. */
  readonly provider: string;
  /** The provider's own name, lower case, without the prefixes that sources route by. */
  readonly model: string;
  /** The region or commitment that stood in the name; empty where none did. */
  readonly scope: string;
}

/** Our name of a provider. */
export function canonicalProvider(name: string): string {
  return normaliseName(name);
}

/** Reads the names of a model. */
export function identifyModel(provider: string, model: string): ModelIdentity {
  return { provider: canonicalProvider(provider), model: normaliseName(model), scope: "" };
}

/** The form that models are compared in: two names with the same key mean the same model. */
export function modelKey({ provider, model }: Pick<ModelIdentity, "provider" | "model">): string {
  return `${provider}\n${model}`;
}

/** Whether a name is moved by its provider from one model to the next, so that no price of it can be verified. */
export function isMovingAlias(model: string): boolean {
  return /(^|[-/.])latest$/.test(model);
}
