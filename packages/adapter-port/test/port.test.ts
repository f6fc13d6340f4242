import { BudgetClient } from "@budget/client-js";
import { expect } from "chai";
import { allPages } from "../src/all-pages.ts";
import { PortError, portOverClient } from "../src/index.ts";

/** A client whose server answers every request with the same problem. */
const clientAnswered = (status: number, body: object): BudgetClient =>
  new BudgetClient({
    max_retries: 0,
    fetch: () => Promise.resolve(new Response(JSON.stringify(body), { status })),
  });

async function failure(call: Promise<unknown>): Promise<PortError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof PortError) return error;
    throw error;
  }
  throw new Error("It did not fail.");
}

describe("allPages", () => {
  const reader = (items: readonly number[], total: number) => {
    const asked: number[] = [];
    return {
      asked,
      read: ({ page, limit }: { page: number; limit: number }) => {
        asked.push(page);
        return Promise.resolve({ items: items.slice((page - 1) * limit, page * limit), total });
      },
    };
  };
  const numbers = Array.from({ length: 2001 }, (_one, index) => index);

  it("reads to the end, and no page more", async () => {
    const { read, asked } = reader(numbers, numbers.length);
    expect(await allPages(read)).to.deep.equal(numbers);
    expect(asked).to.deep.equal([1, 2, 3]);
  });

  it("ends where the list became shorter meanwhile", async () => {
    const { read, asked } = reader(numbers.slice(0, 1000), 2001);
    expect(await allPages(read)).to.have.length(1000);
    expect(asked).to.deep.equal([1, 2]);
  });
});

describe("portOverClient", () => {
  const request = { context_id: "c", component: "x", tokens_allocated: 5 };

  it("gives a problem's code, field and detail on", async () => {
    const problem = { code: "invalid_value", detail: "tier must be one of …", field: "/tier" };
    const error = await failure(portOverClient(clientAnswered(400, problem)).allocations.create(request));
    expect(error).to.include({ ...problem, message: problem.detail });
  });

  it("takes a 402 of something between here and the server for an error, not for a refusal", async () => {
    const port = portOverClient(clientAnswered(402, {}));
    expect(await failure(port.allocations.create(request))).to.include({
      code: "unexpected_answer",
      field: null,
    });
  });

  it("says that nobody answers", async () => {
    const client = new BudgetClient({ max_retries: 0, fetch: () => Promise.reject(new Error("no route")) });
    expect(await failure(portOverClient(client).defaultBudget())).to.include({ code: "unreachable" });
  });

  it("lets a bug be what it is", async () => {
    const bug = new TypeError("x is not a function");
    const port = portOverClient({
      budgets: { getDefault: () => Promise.reject(bug) },
    } as unknown as BudgetClient);
    expect(await port.defaultBudget().catch((error: unknown) => error)).to.equal(bug);
  });
});
