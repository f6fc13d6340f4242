import { setTimeout as pause } from "node:timers/promises";
import type { LedgerApi } from "./ledger-api.ts";
import type { Random } from "./random.ts";
import type { Node } from "./scenarios.ts";

const LEAST_TOKENS = 50;
const MOST_TOKENS = 2000;
/** Holds that are left to expire last so long at most. */
export const LONGEST_SHORT_HOLD_MS = 3000;
const SHORTEST_SHORT_HOLD_MS = 1000;
const LONG_HOLD_MS = 3_600_000;
/** How long a refused client waits before it asks again, as real ones do. */
const BACK_OFF_MS = [20, 100] as const;
/** How long a model takes, at most; about half of the calls take no time at all. */
const LONGEST_CALL_MS = 20;
const SHARE_OF_INSTANT_CALLS = 0.5;
/** How often a refused client asks for what would fit instead. */
const SHARE_OF_SECOND_TRIES = 0.3;

/** What becomes of an allocation that was granted. */
type Course = "settle below" | "settle equal" | "use and settle" | "release" | "extend" | "prolong" | "leave";

/** How often each course is taken, in a phase. */
type Courses = Readonly<Record<Course, number>>;

/** `churn`: holds are large beside what is used of them, and freed. `fill`: what is held is mostly used. */
export type Phase = "churn" | "fill";

const COURSES: Readonly<Record<Phase, Courses>> = {
  churn: {
    "settle below": 8,
    "settle equal": 0,
    "use and settle": 4,
    release: 70,
    extend: 12,
    prolong: 4,
    leave: 2,
  },
  fill: {
    "settle below": 30,
    "settle equal": 15,
    "use and settle": 20,
    release: 15,
    extend: 12,
    prolong: 5,
    leave: 3,
  },
};

/** Tokens used of an allocation in the churn, at most. */
const MOST_USED_IN_CHURN = 5;

/** What clients look at before each turn. */
export interface Stage {
  phase: Phase;
  is_over: boolean;
}

/** Asks for tokens, uses them one way or another, and asks again, until the stage is over. */
export async function runClient(
  api: LedgerApi,
  leaves: readonly Node[],
  stage: Stage,
  random: Random,
): Promise<void> {
  while (!stage.is_over) {
    const { budget_id } = random.pick(leaves);
    const course = chooseCourse(COURSES[stage.phase], random);
    const isShort = course === "leave" || course === "prolong";
    const hold_ms = isShort ? random.between(SHORTEST_SHORT_HOLD_MS, LONGEST_SHORT_HOLD_MS) : undefined;
    let tokens = random.between(LEAST_TOKENS, MOST_TOKENS);
    let answer = await api.allocate(budget_id, tokens, hold_ms);
    if (
      answer?.granted === false &&
      answer.tokens_that_fit >= LEAST_TOKENS &&
      random.fraction() < SHARE_OF_SECOND_TRIES
    ) {
      tokens = answer.tokens_that_fit;
      answer = await api.allocate(budget_id, tokens, hold_ms);
    }
    if (answer?.granted === true) {
      const most_used = stage.phase === "churn" ? Math.min(tokens, MOST_USED_IN_CHURN) : tokens;
      await take(api, { budget_id, allocation_id: answer.allocation_id, tokens, most_used }, course, random);
    } else {
      await pause(random.between(...BACK_OFF_MS));
    }
  }
}

function chooseCourse(courses: Courses, random: Random): Course {
  const entries = Object.entries(courses) as [Course, number][];
  let left = random.fraction() * entries.reduce((sum, [, weight]) => sum + weight, 0);
  for (const [course, weight] of entries) {
    left -= weight;
    if (left < 0) return course;
  }
  return "release";
}

interface Held {
  readonly budget_id: string;
  readonly allocation_id: string;
  readonly tokens: number;
  /** Never more than is held: truth may pass a limit, and then there would be nothing to prove. */
  readonly most_used: number;
}

async function take(api: LedgerApi, held: Held, course: Course, random: Random): Promise<void> {
  const { budget_id, allocation_id, tokens, most_used } = held;
  const use = (amount: number, final: boolean): Promise<void> => {
    const output_tokens = random.between(0, amount);
    return api.use(budget_id, allocation_id, amount - output_tokens, output_tokens, final);
  };
  if (random.fraction() >= SHARE_OF_INSTANT_CALLS) await pause(random.between(1, LONGEST_CALL_MS));
  switch (course) {
    case "settle below":
      return use(random.between(1, most_used), true);
    case "settle equal":
      return use(most_used, true);
    case "use and settle": {
      const first = random.between(1, most_used);
      await use(first, false);
      return most_used > first ? use(random.between(1, most_used - first), true) : api.release(allocation_id);
    }
    case "release":
      return api.release(allocation_id);
    case "extend": {
      const additional_tokens = random.between(LEAST_TOKENS, MOST_TOKENS / 2);
      const outcome = await api.extend(allocation_id, { additional_tokens });
      if (most_used < tokens) return api.release(allocation_id);
      return use(random.between(1, tokens + (outcome === "extended" ? additional_tokens : 0)), true);
    }
    case "prolong": {
      const outcome = await api.extend(allocation_id, { hold_ms: LONG_HOLD_MS });
      return outcome === "extended" ? use(random.between(1, most_used), true) : undefined;
    }
    case "leave":
      return undefined;
  }
}
