import { setTimeout as pause } from "node:timers/promises";
import type { Stage } from "./clients.ts";
import type { Http } from "./http.ts";
import type { Random } from "./random.ts";
import { subtree, type Node, type Policy, type Scenario } from "./scenarios.ts";
import type { Tally, Used } from "./tally.ts";

/** What one token costs while it is held: the dearest price of the model, which the limits of cost are chosen by. */
const HELD_USD_PER_TOKEN = 0.0000006;
/** What a client holds on average when nothing refuses it. */
const TOKENS_OF_A_CLIENT = 512;
/** How much of that the limits of the churn have room for: so little that a part of it does not fit. */
const ROOM_IN_CHURN = 0.6;
/** Limits of the churn have between so many times the room. */
const LEAST_ROOM = 0.3;
const MOST_ROOM = 1.5;
/** How often the limits are changed in a churn; in a short one as often as this at least. */
const CHANGE_INTERVAL_MS = 2000;
const LEAST_CHANGES = 8;
/** Far above what a run uses. */
const OPEN: Used = { tokens: 1_000_000_000, cost_usd: 100_000 };
/** Parts of the filling phase: as long the rate is measured, then the limits are reached after as much again. */
const SHARE_MEASURED = 0.15;
const SHARE_UNTIL_FULL = 0.35;
/** When the full limits are raised by how much, so that they fill once more. */
const SHARE_UNTIL_RAISED = 0.3;
const RAISE = 0.1;

/**
 * Changes the limits through one server while all servers decide by them. In the churn they go up and down around what
 * is used, leaving room for a part of the clients only, so that grants and refusals mix all the time. In the filling
 * phase they are opened, then closed to what the clients use about half-way, then raised a little.
 */
export async function steer(
  http: Http,
  scenario: Scenario,
  clients: number,
  seconds: number,
  stage: Stage,
  tally: Tally,
  random: Random,
): Promise<void> {
  const phase_ms = (seconds * 1000) / 2;
  const steering = new Steering(http, scenario, tally, random);
  stage.phase = "churn";
  const room = clients * TOKENS_OF_A_CLIENT * ROOM_IN_CHURN;
  const changes = Math.max(LEAST_CHANGES, Math.round(phase_ms / CHANGE_INTERVAL_MS));
  for (let change = 0; change < changes; change += 1) {
    await Promise.all([steering.leaveRoom(room), pause(phase_ms / changes)]);
  }

  stage.phase = "fill";
  const before = steering.used(scenario.root).tokens;
  await Promise.all([steering.open(), pause(phase_ms * SHARE_MEASURED)]);
  const measured = steering.used(scenario.root).tokens - before;
  await Promise.all([
    steering.leaveUse((measured / SHARE_MEASURED) * SHARE_UNTIL_FULL),
    pause(phase_ms * (SHARE_UNTIL_FULL + SHARE_UNTIL_RAISED)),
  ]);
  const rest = 1 - SHARE_MEASURED - SHARE_UNTIL_FULL - SHARE_UNTIL_RAISED;
  await Promise.all([
    steering.leaveUse((measured / SHARE_MEASURED) * SHARE_UNTIL_FULL * RAISE),
    pause(phase_ms * rest),
  ]);
}

class Steering {
  readonly #http: Http;
  readonly #nodes: readonly Node[];
  readonly #tally: Tally;
  readonly #random: Random;

  constructor(http: Http, scenario: Scenario, tally: Tally, random: Random) {
    this.#http = http;
    this.#nodes = [...subtree(scenario.root)];
    this.#tally = tally;
    this.#random = random;
  }

  /** What clients have used of a budget and those below it. */
  used(node: Node): Used {
    let [tokens, cost_usd] = [0, 0];
    for (const { budget_id } of subtree(node)) {
      const used = this.#tally.used(budget_id);
      tokens += used.tokens;
      cost_usd += used.cost_usd;
    }
    return { tokens, cost_usd };
  }

  /** Leaves room for holds above what is used, at random, each policy by itself. */
  leaveRoom(tokens: number): Promise<void> {
    return this.#change((node) => {
      // The smaller a budget, the more uneven its load: it gets more than its share, so that not always it is the one
      // that refuses.
      const room = tokens * node.share ** 0.8 * this.#betweenFractions(LEAST_ROOM, MOST_ROOM);
      return { tokens: room, cost_usd: room * HELD_USD_PER_TOKEN };
    });
  }

  /** Leaves so many tokens of the scenario to be used. */
  leaveUse(tokens: number): Promise<void> {
    return this.#change((node) => {
      const used = this.used(node);
      const room = tokens * node.share * this.#betweenFractions(1, 1.2);
      // What is used is cheaper than what is held, as some of it is input; which limit is reached first is left to
      // chance.
      return { tokens: room, cost_usd: used.tokens === 0 ? 0 : (room * used.cost_usd) / used.tokens };
    });
  }

  open(): Promise<void> {
    return this.#change(() => OPEN);
  }

  async #change(roomOf: (node: Node) => Used): Promise<void> {
    for (const node of this.#nodes) {
      for (const policy of node.policies) {
        const used = this.used(node);
        const room = roomOf(node);
        await this.#setLimit(policy, {
          tokens: used.tokens + room.tokens,
          cost_usd: used.cost_usd + room.cost_usd,
        });
      }
    }
  }

  async #setLimit({ policy_id, limits }: Policy, { tokens, cost_usd }: Used): Promise<void> {
    const limit =
      limits === "tokens" ? { token_limit: Math.round(tokens) } : { cost_limit: cost_usd.toFixed(9) };
    const { status, body } = await this.#http.send("PUT", `/api/policies/${policy_id}`, limit);
    if (status !== 200) this.#tally.unexpected.push(`change of a limit: ${status} ${JSON.stringify(body)}`);
  }

  #betweenFractions(least: number, most: number): number {
    return least + this.#random.fraction() * (most - least);
  }
}
