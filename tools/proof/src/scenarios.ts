import type { Http } from "./http.ts";

/** A budget of a scenario, with its policies; its limits are set by `steering.ts`. */
export interface Node {
  readonly budget_id: string;
  readonly policies: readonly Policy[];
  readonly children: readonly Node[];
  /** How large a part of the scenario's load it carries. */
  readonly share: number;
}

export interface Policy {
  readonly policy_id: string;
  readonly limits: "tokens" | "cost";
}

export interface Scenario {
  readonly name: string;
  readonly root: Node;
  /** The budgets that are charged: those without children. */
  readonly leaves: readonly Node[];
}

interface Plan {
  readonly limits: "tokens" | "cost";
  readonly period: "total" | "hourly";
}

const CHILDREN = 3;

/** One hot budget: everything is decided against the same two policies, one by tokens and one by cost. */
export async function makeHotBudget(http: Http): Promise<Scenario> {
  const root = await makeNode(http, "one hot budget", null, 1, [
    [
      { limits: "tokens", period: "total" },
      { limits: "cost", period: "hourly" },
    ],
  ]);
  return { name: "one hot budget", root, leaves: [root] };
}

/** A tree three deep: each request is decided against the policies of its leaf, of the child above it, and of the root. */
export async function makeTree(http: Http): Promise<Scenario> {
  const root = await makeNode(http, "tree", null, 1, [
    [
      { limits: "tokens", period: "total" },
      { limits: "cost", period: "total" },
    ],
    [{ limits: "tokens", period: "hourly" }],
    [{ limits: "tokens", period: "total" }],
  ]);
  return { name: "tree three deep", root, leaves: root.children.flatMap(({ children }) => children) };
}

/** @param levels the policies of this budget, then of those below it, level by level */
async function makeNode(
  http: Http,
  name: string,
  parent_budget_id: string | null,
  share: number,
  [plans = [], ...below]: readonly (readonly Plan[])[],
): Promise<Node> {
  const { budget_id } = await make<{ budget_id: string }>(http, "/api/budgets", { name, parent_budget_id });
  const policies: Policy[] = [];
  for (const { limits, period } of plans) {
    const limit = limits === "tokens" ? { token_limit: 0 } : { cost_limit: 0 };
    const policy = { budget_id, type: "enforce", period, ...limit };
    const { policy_id } = await make<{ policy_id: string }>(http, "/api/policies", policy);
    policies.push({ policy_id, limits });
  }
  const children: Node[] = [];
  if (below.length > 0) {
    for (let index = 1; index <= CHILDREN; index += 1) {
      children.push(await makeNode(http, `${name} ${index}`, budget_id, share / CHILDREN, below));
    }
  }
  return { budget_id, policies, children, share };
}

async function make<T>(http: Http, path: string, body: object): Promise<T> {
  const answer = await http.send<T>("POST", path, body);
  if (answer.status !== 201) throw new Error(`POST ${path}: ${JSON.stringify(answer.body)}`);
  return answer.body;
}

/** A budget and all below it. */
export function* subtree(node: Node): Iterable<Node> {
  yield node;
  for (const child of node.children) yield* subtree(child);
}
