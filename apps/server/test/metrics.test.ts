import { startPostgres } from "@budget/repositories/testing";
import { expect } from "chai";
import { MAX_NAMED_POLICIES } from "../src/gauges.ts";
import { startServer } from "../src/server.ts";
import { CONFIGURATION, fetchAsAdmin, codeOf, onEveryDatabase, request, type TestServer } from "./support.ts";
import { readExposition } from "./exposition.ts";

const silent = () => undefined;

onEveryDatabase("GET /metrics", (server) => {
  const scrape = async (running: TestServer) => {
    const response = await fetchAsAdmin(`${running.url}/metrics`);
    expect(response.status).to.equal(200);
    expect(response.headers.get("content-type")).to.equal("text/plain; version=0.0.4; charset=utf-8");
    return readExposition(await response.text());
  };

  it("counts requests by route, method and status, and measures them", async () => {
    const { budget_id } = await server().budget();
    const name = "budget_http_request_duration_seconds_count";
    const labels = { method: "GET", route: "/api/budgets/{budget_id}", status: "200" };
    const before = (await scrape(server())).value(name, labels) ?? 0;
    await server().get(`/api/budgets/${budget_id}`);
    await server().get(`/api/budgets/${budget_id}`);
    await server().get("/api/nowhere");
    const after = await scrape(server());
    expect(after.value(name, labels)).to.equal(before + 2);
    expect(after.value(name, { method: "GET", route: "none", status: "404" })).to.be.greaterThan(0);
    const sum = after.value("budget_http_request_duration_seconds_sum", labels);
    expect(sum).to.be.a("number").that.is.within(0.000001, 60);
    const isId = after.samples.some(({ labels: { route = "" } }) => route.includes(budget_id));
    expect(isId, "an id among the routes").to.equal(false);
  });

  it("counts decisions by outcome", async () => {
    const { budget_id } = await server().budget({ token_limit: 1000 });
    const outcomes = ["granted", "refused", "replayed", "rejected"];
    const read = async (): Promise<readonly number[]> => {
      const scraped = await scrape(server());
      return outcomes.map((outcome) => scraped.value("budget_decisions_total", { outcome }) ?? Number.NaN);
    };
    const before = await read();
    const allocate = (fields: object, headers: Record<string, string> = {}) =>
      server().post("/api/allocations", { ...request(budget_id), ...fields }, headers);
    const key = { "Idempotency-Key": `metrics-${budget_id}` };
    const seen = [
      codeOf(await allocate({}, key)),
      codeOf(await allocate({}, key)),
      codeOf(await allocate({})),
      codeOf(await allocate({ budget_id: budget_id.replace(/.$/, "0").replace(/^./, "f") })),
      codeOf(await allocate({ tokens_allocated: 5 }, key)),
    ];
    expect(seen).to.deep.equal([
      "ok",
      "ok",
      "402 insufficient_budget",
      "404 budget_not_found",
      "422 idempotency_conflict",
    ]);
    const after = await read();
    expect(after.map((count, index) => count - (before[index] ?? 0))).to.deep.equal([1, 1, 1, 2]);
  });

  it("measures the transactions of the ledger", async () => {
    const { budget_id } = await server().budget();
    const before = await scrape(server());
    await Promise.all(Array.from({ length: 20 }, () => server().allocation(budget_id)));
    const after = await scrape(server());
    const added = (name: string, labels = {}): number =>
      (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
    expect(added("budget_batch_commands_sum")).to.equal(20);
    const batches = added("budget_batch_commands_count");
    expect(batches).to.be.within(1, 20);
    expect(added("budget_batch_duration_seconds_count")).to.equal(batches);
    expect(added("budget_batch_duration_seconds_sum")).to.be.greaterThan(0);
    const hits = added("budget_catalogue_uses_total", { result: "hit" });
    const refreshes = added("budget_catalogue_uses_total", { result: "refresh" });
    expect(hits + refreshes).to.equal(batches);
    expect(after.value("budget_queue_commands")).to.equal(0);
    expect(after.value("budget_commands_overloaded_total")).to.equal(0);
  });

  it("says what policies used and hold, and their limits", async () => {
    const { budget_id, policy_id } = await server().budget({ token_limit: 5000, cost_limit: 0.5 });
    const { body } = await server().allocation(budget_id);
    const usage = { allocation_id: body.allocation_id, input_tokens: 300, output_tokens: 100 };
    expect(codeOf(await server().post("/api/usage/record", usage))).to.equal("ok");
    const scraped = await scrape(server());
    const labels = { policy_id, budget_id, period: "daily" };
    const values = ["used_tokens", "held_tokens", "limit_tokens", "used_usd", "limit_usd"].map((measure) =>
      scraped.value(`budget_policy_${measure}`, labels),
    );
    // 300 × $0.0000025 + 100 × $0.00001
    expect(values).to.deep.equal([400, 600, 5000, 0.00175, 0.5]);
    expect(scraped.value("budget_policy_held_usd", labels)).to.be.greaterThan(0);
  });

  it("says how old what the price sources say is, and how many prices wait for a decision", async () => {
    const before = await scrape(server());
    const review_id = await server().review(`m-${server().clock.now_ms}`);
    server().clock.now_ms += 90_000;
    const after = await scrape(server());
    expect(after.value("budget_price_source_age_seconds", { source: "test" })).to.equal(90);
    expect(after.value("budget_price_source_interval_seconds", { source: "test" })).to.equal(3600);
    const open = (before.value("budget_price_reviews_open") ?? Number.NaN) + 1;
    expect(after.value("budget_price_reviews_open"), review_id).to.equal(open);
  });

  it("says how the connections to the database are, and how the process is", async () => {
    const scraped = await scrape(server());
    expect(scraped.value("budget_database_up")).to.equal(1);
    const states = ["used", "free"].map((state) => scraped.value("budget_database_connections", { state }));
    expect((states[0] ?? 0) + (states[1] ?? 0)).to.be.greaterThan(0);
    expect(scraped.value("budget_database_connections_pending")).to.equal(0);
    expect(scraped.value("process_cpu_seconds_total")).to.be.greaterThan(0);
    expect(scraped.value("nodejs_eventloop_lag_p99_seconds")).to.be.a("number");
  });

  it("is answered for GET alone", async () => {
    const answer = await server().post("/metrics", {});
    expect(codeOf(answer)).to.equal("405 method_not_allowed");
    expect(answer.headers.get("allow")).to.equal("GET, HEAD");
  });

  // The last one: it makes many policies.
  it("names a bounded number of policies, and sums the rest", async () => {
    const { budget_id } = await server().budget();
    const policy = { budget_id, type: "enforce", period: "daily", token_limit: 100_000 };
    for (let index = 0; index < MAX_NAMED_POLICIES; index += 1)
      expect(codeOf(await server().post("/api/policies", policy))).to.equal("ok");
    await server().allocation(budget_id);
    const { samples } = await scrape(server());
    const held = samples.filter(({ name }) => name === "budget_policy_held_tokens");
    expect(held).to.have.length(MAX_NAMED_POLICIES + 1);
    const named = held.filter(({ labels }) => labels.budget_id === budget_id).length;
    const other = held.find(({ labels }) => labels.policy_id === "other");
    expect(other?.value).to.equal((MAX_NAMED_POLICIES - named) * 1000);
    const limits = samples.filter(({ name }) => name === "budget_policy_limit_tokens");
    expect(limits.some(({ labels }) => labels.policy_id === "other")).to.equal(false);
  });
});

describe("metrics", () => {
  it("are there while the database is away, without those that only it knows", async () => {
    const postgres = await startPostgres();
    const server = await startServer(
      { ...CONFIGURATION, database_url: postgres.url },
      { error: silent, warning: silent, info: silent, debug: silent },
    );
    const scrape = async () => {
      const response = await fetchAsAdmin(`http://127.0.0.1:${server.port}/metrics`);
      const exposition = readExposition(await response.text());
      const names = new Set(exposition.samples.map(({ name }) => name));
      const isKnown = ["budget_price_reviews_open", "budget_price_source_age_seconds"].map((name) =>
        names.has(name),
      );
      return {
        up: exposition.value("budget_database_up"),
        isKnown,
        queue: exposition.value("budget_queue_commands"),
      };
    };
    try {
      expect(await scrape()).to.deep.equal({ up: 1, isKnown: [true, true], queue: 0 });
      await postgres.stop();
      expect(await scrape()).to.deep.equal({ up: 0, isKnown: [false, false], queue: 0 });
    } finally {
      await server.stop();
    }
  });
});
