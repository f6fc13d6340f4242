import { failedGate, type Gate } from "./price-gates.ts";
import { amountsOf, placeOf, principalOf, sharedBounds, withBounds, type Place } from "./price-places.ts";
import type { PriceComponent, PriceStatus } from "./price.ts";
import { withoutUnsure, type SureComponents } from "./unsure-components.ts";
import type { UsageUnit } from "./usage.ts";

/** What one source says about one model, in one scope, service tier and time of day, at the instant of the vote. */
export interface Witness {
  readonly source: string;
  /** Sources of one lineage copy from each other, so they have one vote: that of the most trusted of them. */
  readonly lineage: string;
  /** Millionths, from 0 to 1,000,000. */
  readonly trust_ppm: number;
  readonly observation_id: string;
  readonly components: readonly PriceComponent[];
  /** What the source says for other spans of time, by whether they are over or still to come. */
  readonly past: readonly (readonly PriceComponent[])[];
  readonly future: readonly (readonly PriceComponent[])[];
}

/** What is charged now. */
export interface PriceInForce {
  readonly components: readonly PriceComponent[];
  readonly status: PriceStatus;
  /** What was charged some weeks ago, so that many small changes are seen as the large one that they are. */
  readonly earlier: readonly PriceComponent[];
}

export interface VerificationRules {
  /** How far two amounts of one price may lie apart, in millionths of the larger one. */
  readonly tolerance_ppm: number;
  /** A price that changes by more than this factor needs two lineages; in thousandths. */
  readonly guarded_change_permille: number;
  /** A price that changes by this factor or more needs a person; in thousandths. */
  readonly reviewed_change_permille: number;
}

/**
 * Why these: below 5 % a tolerance hardly matters, and regional premiums are 9 %; of real changes half
 * are below 1.7 times, three quarters below 3.5, and a tenth above 10.
 */
export const DEFAULT_VERIFICATION_RULES: VerificationRules = {
  tolerance_ppm: 10_000,
  guarded_change_permille: 3_500,
  reviewed_change_permille: 10_000,
};

/** How a witness came out. */
export type Testimony =
  | { readonly source: string; readonly observation_id: string; readonly kind: "gated"; readonly gate: Gate }
  | {
      readonly source: string;
      readonly observation_id: string;
      /**
       * `stale` still has a price that another source says is over, `ahead` one that another source says is to come:
       * neither is asked about now. `copy` is of the lineage of a more trusted source, which speaks for it.
       */
      readonly kind: "stale" | "ahead" | "copy" | "agrees" | "dissents";
    };

/** What the vote says about one component. */
export interface VerifiedComponent extends PriceComponent {
  readonly status: Exclude<PriceStatus, "rejected">;
  /** Whose amount it is. */
  readonly source: string;
}

export const OBJECTIONS = ["conflict", "guarded_change", "unconfirmed_change", "all_gated"] as const;
/** Why a price is not changed although the sources say so. */
export type Objection = (typeof OBJECTIONS)[number];

/** The outcome of one vote. */
export interface PriceVerdict {
  /** `rejected` where every witness was gated. */
  readonly status: PriceStatus;
  /** What to charge; null where the price in force stays. */
  readonly components: readonly VerifiedComponent[] | null;
  /** What a person has to look at, be it a part that is not charged while the rest is; null where nothing. */
  readonly objection: Objection | null;
  readonly testimonies: readonly Testimony[];
}

const MILLION = 1_000_000n;
/** The share of all trust that a cluster needs, in percent. */
const NEEDED_SHARE = 60n;

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);
const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a);

const isWithin = (a: bigint, b: bigint, tolerance_ppm: number): boolean =>
  distance(a, b) * MILLION <= BigInt(tolerance_ppm) * larger(a, b);

/** Whether two prices say the same wherever both say something, of what prices are chiefly told by. */
function agree(a: readonly PriceComponent[], b: readonly PriceComponent[], tolerance_ppm: number): boolean {
  const others = amountsOf(b);
  const shared = principalOf(a).filter((component) => others.has(placeOf(component)));
  return (
    shared.length > 0 &&
    shared.every((component) =>
      isWithin(component.amount_femto_usd, others.get(placeOf(component)) ?? 0n, tolerance_ppm),
    )
  );
}

/** Most trusted first; the given order decides between equals. */
const byTrust = (witnesses: readonly Witness[]): readonly Witness[] =>
  [...witnesses].sort((a, b) => b.trust_ppm - a.trust_ppm);

/** The witnesses that are asked, and what became of the others. */
interface Bench {
  readonly heard: readonly Witness[];
  readonly testimonies: readonly Testimony[];
}

const testimony = ({ source, observation_id }: Witness, kind: "stale" | "ahead" | "copy"): Testimony => ({
  source,
  observation_id,
  kind,
});

function withoutGated(witnesses: readonly Witness[]): Bench {
  const testimonies: Testimony[] = [];
  const heard = witnesses.filter((witness) => {
    const gate = failedGate(witness.components);
    const { source, observation_id } = witness;
    if (gate !== undefined) testimonies.push({ source, observation_id, kind: "gated", gate });
    return gate === undefined;
  });
  return { heard, testimonies };
}

function oneOfEachLineage(witnesses: readonly Witness[]): Bench {
  const testimonies: Testimony[] = [];
  const lineages = new Set<string>();
  const heard = witnesses.filter((witness) => {
    const isFirst = !lineages.has(witness.lineage);
    lineages.add(witness.lineage);
    if (!isFirst) testimonies.push(testimony(witness, "copy"));
    return isFirst;
  });
  return { heard, testimonies };
}

/**
 * Takes out the witnesses whose dissent a dated price of another one explains. That a price is over, or is to come, is
 * only believed where two others are left to say what holds now: else one source could silence all others.
 */
function withoutExplained(witnesses: readonly Witness[], { tolerance_ppm }: VerificationRules): Bench {
  const explainedBy = (witness: Witness, spans: "past" | "future"): boolean =>
    witnesses.some(
      (other) =>
        other !== witness &&
        !agree(witness.components, other.components, tolerance_ppm) &&
        other[spans].some((components) => agree(witness.components, components, tolerance_ppm)),
    );
  const testimonies: Testimony[] = [];
  let heard = witnesses;
  for (const [spans, kind] of [
    ["future", "ahead"],
    ["past", "stale"],
  ] as const) {
    const out = new Set(heard.filter((witness) => explainedBy(witness, spans)));
    if (heard.length - out.size < 2) continue;
    heard = heard.filter((witness) => !out.has(witness));
    testimonies.push(...[...out].map((one) => testimony(one, kind)));
  }
  return { heard, testimonies };
}

/** Amounts of one component that are the same within the tolerance. */
interface Cluster {
  /** Most trusted first. */
  readonly members: Witness[];
  readonly amount_femto_usd: bigint;
  trust_ppm: number;
}

function clustersOf(
  place: Place,
  witnesses: readonly Witness[],
  { tolerance_ppm }: VerificationRules,
): readonly Cluster[] {
  const clusters: Cluster[] = [];
  for (const witness of witnesses) {
    const amount_femto_usd = amountsOf(witness.components).get(place);
    if (amount_femto_usd === undefined) continue;
    const found = clusters.find((cluster) =>
      isWithin(cluster.amount_femto_usd, amount_femto_usd, tolerance_ppm),
    );
    if (found) {
      found.members.push(witness);
      found.trust_ppm += witness.trust_ppm;
    } else {
      clusters.push({ members: [witness], amount_femto_usd, trust_ppm: witness.trust_ppm });
    }
  }
  return clusters.sort((a, b) => b.trust_ppm - a.trust_ppm);
}

type Vote = Pick<VerifiedComponent, "status" | "source" | "amount_femto_usd">;

/** The highest amount, so that nothing is budgeted too low while nobody knows. */
function highestOf(clusters: readonly Cluster[]): Cluster | undefined {
  return clusters.reduce<Cluster | undefined>(
    (highest, next) => (highest && highest.amount_femto_usd >= next.amount_femto_usd ? highest : next),
    undefined,
  );
}

function voteOn(clusters: readonly Cluster[]): Vote | undefined {
  const [first, second] = clusters;
  if (first === undefined) return undefined;
  const won = (status: Vote["status"], { members, amount_femto_usd }: Cluster): Vote => ({
    status,
    source: members[0]?.source ?? "",
    amount_femto_usd,
  });
  if (second === undefined) return won(first.members.length >= 2 ? "verified" : "provisional", first);
  const all = clusters.reduce((sum, { trust_ppm }) => sum + BigInt(trust_ppm), 0n);
  const isEnough =
    first.members.length >= 2 &&
    first.trust_ppm > second.trust_ppm &&
    BigInt(first.trust_ppm) * 100n >= NEEDED_SHARE * all;
  if (isEnough) return won("verified_with_dissent", first);
  return won("conflict", highestOf(clusters) ?? first);
}

const SEVERITY: readonly VerifiedComponent["status"][] = [
  "manual",
  "verified",
  "verified_with_dissent",
  "provisional",
  "conflict",
];

function worstOf(components: readonly VerifiedComponent[]): VerifiedComponent["status"] {
  const worst = Math.max(...principalOf(components).map(({ status }) => SEVERITY.indexOf(status)));
  return SEVERITY[worst] ?? "provisional";
}

function voteOnAll(witnesses: readonly Witness[], rules: VerificationRules): readonly VerifiedComponent[] {
  const places = new Map<Place, { readonly unit: UsageUnit; readonly above_input_tokens: number }>();
  for (const { components } of witnesses) {
    for (const component of components) places.set(placeOf(component), component);
  }
  return [...places].flatMap(([place, { unit, above_input_tokens }]) => {
    const vote = voteOn(clustersOf(place, witnesses, rules));
    return vote ? [{ unit, above_input_tokens, ...vote }] : [];
  });
}

/** How far an amount changes, in thousandths of the smaller one; free and not free are beyond every factor. */
function changePermille(before: bigint, after: bigint): bigint | null {
  const smaller = before < after ? before : after;
  if (before === after) return 1_000n;
  return smaller === 0n ? null : (larger(before, after) * 1_000n) / smaller;
}

/** Whether a change from any of the amounts before is too large for what stands behind it. */
function isGuarded(
  before: readonly bigint[],
  after: VerifiedComponent,
  { guarded_change_permille, reviewed_change_permille }: VerificationRules,
): boolean {
  return before.some((amount) => {
    const change = changePermille(amount, after.amount_femto_usd);
    if (change === null || change >= BigInt(reviewed_change_permille)) return true;
    return change > BigInt(guarded_change_permille) && after.status === "provisional";
  });
}

const isVerified = ({ status }: { readonly status: PriceStatus }): boolean =>
  status === "verified" || status === "verified_with_dissent" || status === "manual";

/** What speaks against charging these components from now on; null where nothing does. */
function objectionTo(
  components: readonly VerifiedComponent[],
  inForce: PriceInForce,
  heard: number,
  rules: VerificationRules,
): Objection | null {
  const before = amountsOf(inForce.components);
  const earlier = amountsOf(inForce.earlier);
  const amountsBefore = (place: Place): readonly bigint[] =>
    [before, earlier].flatMap((amounts) => amounts.get(place) ?? []);
  const known = new Map(components.map((component) => [placeOf(component), component]));
  const lost = [...before.keys()].some((place) => !known.has(place));
  const changed = components.filter((component) => {
    const amount = before.get(placeOf(component));
    return amount !== undefined && amount !== component.amount_femto_usd;
  });
  if (changed.some((component) => component.status === "conflict")) return "conflict";
  if (changed.some((component) => isGuarded(amountsBefore(placeOf(component)), component, rules)))
    return "guarded_change";
  const isUnconfirmed = changed.some(({ status }) => status === "provisional") || (lost && heard < 2);
  return isUnconfirmed && isVerified(inForce) ? "unconfirmed_change" : null;
}

/** What a person has to look at although the rest is charged; null where nothing. */
function objectionToParts({ charged, left_out }: SureComponents): Objection | null {
  if ([...charged, ...left_out].some(({ status }) => status === "conflict")) return "conflict";
  return left_out.length > 0 ? "unconfirmed_change" : null;
}

/**
 * Amounts in force that somebody still says, within the tolerance of what won, stay as they are to the last digit: a
 * price is not changed for which of two agreeing sources is trusted more today.
 */
function keepingAmounts(
  components: readonly VerifiedComponent[],
  inForce: PriceInForce | null,
  witnesses: readonly Witness[],
  { tolerance_ppm }: VerificationRules,
): readonly VerifiedComponent[] {
  const before = amountsOf(inForce?.components ?? []);
  return components.map((component) => {
    const place = placeOf(component);
    const amount = before.get(place);
    const isKept =
      amount !== undefined &&
      component.status !== "conflict" &&
      isWithin(amount, component.amount_femto_usd, tolerance_ppm) &&
      witnesses.some((witness) => amountsOf(witness.components).get(place) === amount);
    return isKept ? { ...component, amount_femto_usd: amount } : component;
  });
}

/**
 * Judges what sources say about one price: gates first, then one vote for each lineage, component by component. All
 * agree, at least two: verified. A strict largest cluster of at least two lineages with 60 % of the trust: verified with
 * dissent, at the amount of its most trusted member and never an average. Anything else is a conflict, and one lineage
 * alone is provisional. In a conflict the price in force stays; where none is, the highest amount is charged. What is
 * charged passes the gates as a whole, without the components that are not sure.
 *
 * @param witnesses in the order that decides between sources of equal trust
 * @param inForce what is charged now; null where nothing is
 */
export function verifyPrice(
  witnesses: readonly Witness[],
  inForce: PriceInForce | null,
  rules: VerificationRules = DEFAULT_VERIFICATION_RULES,
): PriceVerdict {
  const gated = withoutGated(byTrust(witnesses));
  if (gated.heard.length === 0) {
    return { status: "rejected", components: null, objection: "all_gated", testimonies: gated.testimonies };
  }
  const single = oneOfEachLineage(gated.heard);
  const asked = withoutExplained(single.heard, rules);
  const readBound = sharedBounds(
    asked.heard.map(({ components: said }) => said),
    inForce?.components ?? [],
  );
  const heard = asked.heard.map((one) => ({ ...one, components: withBounds(one.components, readBound) }));
  const charged = inForce && {
    ...inForce,
    components: withBounds(inForce.components, readBound),
    earlier: withBounds(inForce.earlier, readBound),
  };
  const voted = keepingAmounts(voteOnAll(heard, rules), charged, heard, rules);
  const isExplained = asked.testimonies.length > 0;
  const merged = voted.map((component): VerifiedComponent =>
    isExplained && component.status === "verified"
      ? { ...component, status: "verified_with_dissent" }
      : component,
  );
  const sure = withoutUnsure(merged, charged);
  const testimonies = [
    ...gated.testimonies,
    ...single.testimonies,
    ...asked.testimonies,
    ...heard.map(({ source, observation_id, components: said }): Testimony => {
      const isSame = agree(said, merged, rules.tolerance_ppm);
      return { source, observation_id, kind: isSame ? "agrees" : "dissents" };
    }),
  ];
  if (failedGate(sure.charged) !== undefined) {
    return { status: "rejected", components: null, objection: "all_gated", testimonies };
  }
  const objection = charged && objectionTo(sure.charged, charged, heard.length, rules);
  const isCharged = objection === null && sure.charged.length > 0;
  return {
    status: worstOf(sure.charged.length > 0 ? sure.charged : merged),
    components: isCharged ? sure.charged : null,
    objection: objection ?? objectionToParts(sure),
    testimonies,
  };
}
