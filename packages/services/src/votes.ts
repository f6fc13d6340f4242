import {
  failedGate,
  isMovingAlias,
  pricedThingKey,
  verifyPrice,
  withoutMarkup,
  type PriceVerdict,
  type PricedThing,
  type PriceStatus,
  type ProviderPricing,
  type VerificationRules,
  type Witness,
} from "@budget/domain";
import type { KeptObservation } from "@budget/repositories";

/** Of a source, what a vote needs to know. */
export interface Voter {
  readonly name: string;
  readonly lineage: string;
  readonly trust_ppm: number;
  /** What it says is charged without a vote: it speaks for the operator. */
  readonly decides?: boolean;
}

/** A price that is voted on: what is charged for it, and what each source says. */
export interface Question extends PricedThing {
  readonly key: string;
  /** What is charged at the instant of the vote; null where nothing is. */
  readonly inForce: ProviderPricing | null;
  /** Other prices that are in force for the same thing, under another name of its model. */
  readonly duplicates: readonly ProviderPricing[];
  /** Whether the price in force is what the operator said once, and says no more: nothing is held against it. */
  readonly isEnded: boolean;
  /** Where nothing is in force: when the last price ended; 0 where there was none. */
  readonly free_since_ms: number;
  /** What was charged for it 30 days ago, or first since then, or first since a person decided; null where nothing was. */
  readonly earlier: ProviderPricing | null;
  /** Whether anything was ever charged for it. */
  readonly isKnown: boolean;
  /** Of each source, what it says now. */
  readonly said: readonly KeptObservation[];
  readonly witnesses: readonly Witness[];
  /** What the operator says; null where that is nothing. */
  readonly decision: KeptObservation | null;
  /** What is added to the price of the vote. */
  readonly markup_ppm: number;
}

interface Gathered {
  readonly thing: PricedThing;
  readonly bySource: Map<string, KeptObservation[]>;
  readonly prices: ProviderPricing[];
}

interface Span {
  readonly effective_ms: number | null;
  readonly end_ms: number | null;
}

const isOver = ({ end_ms }: Span, at_ms: number): boolean => end_ms !== null && end_ms <= at_ms;
const isToCome = ({ effective_ms }: Span, at_ms: number): boolean => (effective_ms ?? 0) > at_ms;
const isNow = (span: Span, at_ms: number): boolean => !isOver(span, at_ms) && !isToCome(span, at_ms);

/** The scope of a price that is the same in every region that has one of its own. */
const ANY_REGION = "regional";
const REGIONS: ReadonlySet<string> = new Set(["us", "eu", "apac", "au", "jp", "ca", "sa"]);

/** What is charged and what is said about each thing; added to a part at a time, because there are many. */
export class Gathering {
  readonly #things = new Map<string, Gathered>();
  readonly #operators = new Set<string>();

  /** Prices come first: where a thing has one, it goes by the name that people have seen. */
  addPrice(price: ProviderPricing): void {
    this.#of(price).prices.push(price);
  }

  addObservation(observation: KeptObservation): void {
    const { bySource } = this.#of(observation);
    const said = bySource.get(observation.source);
    if (said) said.push(observation);
    else bySource.set(observation.source, [observation]);
  }

  /** What the operator ever said, by the ids of the observations; it shows which prices in force are the operator's. */
  addOperators(observation_ids: readonly string[]): void {
    for (const observation_id of observation_ids) this.#operators.add(observation_id);
  }

  /**
   * Every price that can be voted on, those that one of the voters says something about at an instant; and those that
   * are charged with another markup than the operator wants, or are the operator's no longer.
   * @param voters in the order that decides between sources of equal trust; what others said is left out
   * @param markupOf in millionths
   */
  *questions(
    voters: readonly Voter[],
    at_ms: number,
    markupOf: (thing: PricedThing) => number,
  ): Generator<Question> {
    for (const [key, gathered] of this.#things) {
      const markup_ppm = markupOf(gathered.thing);
      const asked = questionOf(key, gathered, this.#regional(gathered), voters, at_ms, markup_ppm);
      const question = { ...asked, isEnded: this.#isEnded(asked) };
      if (question.witnesses.length > 0 || question.isEnded || isMarkedAnew(question)) yield question;
    }
  }

  #isEnded({ inForce, decision }: Pick<Question, "inForce" | "decision">): boolean {
    const isManual = decision === null && inForce?.status === "manual";
    return isManual && inForce.evidence.some((observation_id) => this.#operators.has(observation_id));
  }

  /** What sources say about all regions at once, where the thing is one region's. */
  #regional({ thing }: Gathered): Gathered["bySource"] | undefined {
    if (!REGIONS.has(thing.scope)) return undefined;
    return this.#things.get(pricedThingKey({ ...thing, scope: ANY_REGION }))?.bySource;
  }

  #of(thing: PricedThing): Gathered {
    const key = pricedThingKey(thing);
    const known = this.#things.get(key);
    if (known) return known;
    const gathered: Gathered = { thing, bySource: new Map(), prices: [] };
    this.#things.set(key, gathered);
    return gathered;
  }
}

const DAY_MS = 86_400_000;
/** So long a price that changes in steps is held against what it was; of real ones few change twice in it. */
const LOOKED_BACK_MS = 30 * DAY_MS;

/** What a person decided is where later changes are measured from, so it and what was before it are left out. */
function earlierOf(prices: readonly ProviderPricing[], at_ms: number): ProviderPricing | null {
  const lately = prices
    .filter((price) => !isToCome(price, at_ms) && !isOver(price, at_ms - LOOKED_BACK_MS))
    .filter(({ status, effective_ms, end_ms }) => status !== "rejected" && effective_ms !== end_ms)
    .sort((a, b) => byRecency(b, a));
  const decided = lately.findLastIndex(({ status }) => status === "manual");
  return lately[decided + 1] ?? null;
}

const byRecency = (a: ProviderPricing, b: ProviderPricing): number =>
  b.effective_ms - a.effective_ms ||
  b.created_at_ms - a.created_at_ms ||
  (a.pricing_id < b.pricing_id ? 1 : -1);

const compareIds = (a: KeptObservation, b: KeptObservation): number =>
  a.observation_id < b.observation_id ? -1 : 1;

function witnessOf(
  voter: Voter,
  said: readonly KeptObservation[],
  at_ms: number,
): { readonly witness: Witness; readonly observation: KeptObservation } | undefined {
  const now = said
    .filter((observation) => isNow(observation, at_ms))
    .sort((a, b) => (b.effective_ms ?? 0) - (a.effective_ms ?? 0) || compareIds(b, a))[0];
  if (now === undefined) return undefined;
  const componentsOf = (observations: readonly KeptObservation[]) =>
    observations.map(({ components }) => components);
  return {
    observation: now,
    witness: {
      source: voter.name,
      lineage: voter.lineage,
      trust_ppm: voter.trust_ppm,
      observation_id: now.observation_id,
      components: now.components,
      past: componentsOf(said.filter((observation) => isOver(observation, at_ms))),
      future: componentsOf(said.filter((observation) => isToCome(observation, at_ms))),
    },
  };
}

function questionOf(
  key: string,
  gathered: Gathered,
  regional: Gathered["bySource"] | undefined,
  voters: readonly Voter[],
  at_ms: number,
  markup_ppm: number,
): Omit<Question, "isEnded"> {
  const { provider, model, scope, service_tier, time_of_day } = gathered.thing;
  const [inForce = null, ...duplicates] = gathered.prices
    .filter((price) => price.status !== "rejected" && isNow(price, at_ms))
    .sort(byRecency);
  const ends = gathered.prices.map((price) => (isOver(price, at_ms) ? (price.end_ms ?? 0) : 0));
  const heard = voters.flatMap((voter) => {
    const said = gathered.bySource.get(voter.name) ?? regional?.get(voter.name);
    return (said && witnessOf(voter, said, at_ms)) ?? [];
  });
  const decisions = new Set(voters.filter(({ decides = false }) => decides).map(({ name }) => name));
  const decision = heard.find(({ witness }) => decisions.has(witness.source))?.observation ?? null;
  return {
    key,
    provider,
    model: inForce?.model ?? model,
    scope,
    service_tier,
    time_of_day,
    inForce,
    duplicates,
    free_since_ms: Math.max(0, ...ends),
    earlier: earlierOf(gathered.prices, at_ms),
    isKnown: gathered.prices.length > 0,
    said: heard.map(({ observation }) => observation),
    witnesses: heard.map(({ witness }) => witness),
    decision,
    // What the operator says is what they pay.
    markup_ppm: decision === null ? markup_ppm : 0,
  };
}

/** Whether the price in force has another markup than it should have. What a person decided is what they pay. */
export const isMarkedAnew = ({ inForce, markup_ppm }: Question): boolean =>
  inForce !== null && inForce.status !== "manual" && inForce.markup_ppm !== markup_ppm;

const totalOf = ({ components }: Witness): bigint =>
  components.reduce((sum, { amount_femto_usd }) => sum + amount_femto_usd, 0n);

/**
 * A name that moves from model to model means another one in each source, so there is nothing to agree on: its price is
 * that of the dearest source, and stays provisional.
 */
function dearestOf(witnesses: readonly Witness[]): readonly Witness[] {
  const believable = witnesses.filter(({ components }) => failedGate(components) === undefined);
  const [dearest] = [...believable].sort((a, b) => (totalOf(b) > totalOf(a) ? 1 : -1));
  return dearest === undefined ? witnesses : [dearest];
}

/** The verdict where the operator says what is charged: nobody else is asked. */
const decided = ({ source, observation_id, components }: KeptObservation): PriceVerdict => ({
  status: "manual",
  components: components.map((component) => ({ ...component, status: "manual", source })),
  objection: null,
  testimonies: [{ source, observation_id, kind: "agrees" }],
});

/** The verdict where nobody says anything. */
const unsaid = (status: PriceStatus): PriceVerdict => ({
  status,
  components: null,
  objection: null,
  testimonies: [],
});

/** Votes on one price, without the markup of the one in force. */
export function voteOn(question: Question, rules: VerificationRules): PriceVerdict {
  const { model, witnesses, inForce, isEnded, earlier, decision } = question;
  if (decision !== null) return decided(decision);
  if (witnesses.length === 0) return unsaid(inForce?.status ?? "provisional");
  const asked = isMovingAlias(model) ? dearestOf(witnesses) : witnesses;
  const before = earlier === null ? [] : withoutMarkup(earlier);
  const charged =
    inForce && !isEnded ? { ...inForce, components: withoutMarkup(inForce), earlier: before } : null;
  return verifyPrice(asked, charged, rules);
}
