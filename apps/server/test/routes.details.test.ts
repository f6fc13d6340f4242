import { expect } from "chai";
import { codeOf, onEveryDatabase, request } from "./support.ts";

onEveryDatabase("requests and answers", (server) => {
  it("carry the id that the sender gave, or one of ours", async () => {
    const given = await server().get("/health", { "X-Request-Id": "trace-7" });
    expect(given.headers.get("x-request-id")).to.equal("trace-7");
    for (const unusable of ["a b", "x".repeat(129)]) {
      const headers = { "X-Request-Id": unusable };
      const [one, other] = [await server().get("/api/nothing", headers), await server().get("/health")];
      expect(one.headers.get("x-request-id")).to.match(/^[\w-]{12}-\w+$/);
      expect(other.headers.get("x-request-id")).to.not.equal(one.headers.get("x-request-id"));
    }
  });

  it("name query parameters that no route knows, before anything is done", async () => {
    const { budget_id } = await server().budget();
    const answer = await server().post("/api/allocations?dry_run=1", request(budget_id));
    expect(codeOf(answer)).to.equal("400 invalid_value");
    expect(answer.body.field).to.equal("/dry_run");
    expect((await server().get(`/api/budgets/${budget_id}/allocations`)).body.total).to.equal(0);
    expect(codeOf(await server().get(`/api/budgets/${budget_id}?x=1`))).to.equal("400 invalid_value");
    expect(codeOf(await server().get("/health?probe=1"))).to.equal("ok");
  });

  it("have an ETag on a single allocation and usage record, which follows their content", async () => {
    const { budget_id } = await server().budget();
    const { allocation_id } = (await server().allocation(budget_id)).body;
    const path = `/api/allocations/${allocation_id}`;
    const before = (await server().get(path)).headers.get("etag");
    expect(before).to.match(/^"[\w-]+"$/);
    expect((await server().get(path)).headers.get("etag")).to.equal(before);
    const usage = { allocation_id, input_tokens: 1, output_tokens: 1 };
    const { record_id } = (await server().post("/api/usage/record", usage)).body;
    expect((await server().get(path)).headers.get("etag"))
      .to.match(/^"[\w-]+"$/)
      .and.not.equal(before);
    const record = await server().get(`/api/usage/records/${record_id}`);
    expect(record.headers.get("etag")).to.match(/^"[\w-]+"$/);
  });
});

onEveryDatabase("the model that a response names", (server) => {
  const usage = (model: unknown) => ({
    context_id: "c",
    component: "rhetor",
    provider: "openai",
    response: { model, usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 } },
  });

  it("is folded as one that a caller names", async () => {
    const { body } = await server().post("/api/usage/record", usage(" GPT-4o "));
    expect(body.model).to.equal("gpt-4o");
  });

  for (const [what, model] of [
    ["blank", "  "],
    ["too long", "m".repeat(201)],
    ["not storable", "gpt\0"],
  ] as const) {
    it(`is refused where it is ${what}, unless the caller names one`, async () => {
      const answer = await server().post("/api/usage/record", usage(model));
      expect(codeOf(answer)).to.equal("400 invalid_value");
      expect(answer.body.field).to.equal("/response");
      const named = await server().post("/api/usage/record", { ...usage(model), model: "gpt-4o" });
      expect(named.body.model).to.equal("gpt-4o");
    });
  }

  it("is not looked for where the allocation does not exist", async () => {
    const { provider: _provider, ...rest } = usage("gpt-4o");
    const allocation_id = "01a20000-0000-7000-8000-000000000000";
    expect(codeOf(await server().post("/api/usage/record", { ...rest, allocation_id }))).to.equal(
      "404 allocation_not_found",
    );
  });
});
