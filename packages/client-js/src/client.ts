import { Transport, type Call, type CallOptions, type ClientOptions } from "./transport.ts";
import type {
  Alert,
  AlertQuery,
  Allocation,
  AllocationCheck,
  AllocationCreate,
  AllocationExtend,
  AllocationQuery,
  AuditEntry,
  AuditQuery,
  AuditVerification,
  BatchAnswer,
  Budget,
  BudgetCreate,
  BudgetQuery,
  BudgetSummary,
  BudgetUpdate,
  Cost,
  CostRequest,
  CurrentPrice,
  CurrentPriceRequest,
  Decision,
  Grant,
  Health,
  Key,
  KeyCreate,
  KeyRotate,
  Message,
  NewKey,
  Page,
  PageQuery,
  Period,
  Policy,
  PolicyCreate,
  PolicyQuery,
  PolicyUpdate,
  Price,
  PriceQuery,
  PriceReview,
  PriceReviewQuery,
  PriceRun,
  PriceSource,
  PriceSourceCredentialChange,
  PriceSourceCredentialRequest,
  Coverage,
  CoverageQuery,
  PriceByHand,
  Recommendations,
  RecommendationRequest,
  RepriceReport,
  RepriceRequest,
  PriceByHandRequest,
  PriceEvidence,
  PriceUpdateRequest,
  PriceWithdrawal,
  ReviewDecision,
  Tenant,
  TenantLimits,
  TenantUpdate,
  UsageAnalyticsQuery,
  UsageAnalyticsRow,
  UsageCreate,
  UsageList,
  UsageQuery,
  UsageRecord,
  UsageSummary,
  UsageGroup,
  UsageSummaryListQuery,
  UsageSummaryQuery,
} from "./types.ts";

const segment = encodeURIComponent;

/**
 * A Budget server. Every method takes options last: a signal that cancels the call, a time limit, and for changes an
 * idempotency key or the ETag that they are based on. Every method throws a {@link BudgetError} where it does not succeed.
 */
/** A run waits for every source that it reads, and for those that do not answer too. */
const PRICE_RUN_TIMEOUT_MS = 300_000;

export class BudgetClient {
  readonly #transport: Transport;

  constructor(options: ClientOptions = {}) {
    this.#transport = new Transport(options);
  }

  /** Containers of limits, in a tree. */
  readonly budgets = {
    list: (query?: BudgetQuery, options?: CallOptions) =>
      this.#get<Page<Budget>>("/api/budgets", query, options),
    create: (body: BudgetCreate, options?: CallOptions) =>
      this.#change<Budget>("/api/budgets", body, options),
    get: (budget_id: string, options?: CallOptions) =>
      this.#get<Budget>(`/api/budgets/${segment(budget_id)}`, undefined, options),
    update: (budget_id: string, body: BudgetUpdate, options?: CallOptions) =>
      this.#send<Budget>({ method: "PUT", path: `/api/budgets/${segment(budget_id)}`, body }, options),
    delete: (budget_id: string, options?: CallOptions) =>
      this.#send<Message>({ method: "DELETE", path: `/api/budgets/${segment(budget_id)}` }, options),
    /** The one that requests are charged to which name none. */
    getDefault: (options?: CallOptions) => this.#get<Budget>("/api/budgets/default", undefined, options),
    /** What the policies of a budget count now. */
    summary: (budget_id: string, query?: PageQuery & { period?: Period }, options?: CallOptions) =>
      this.#get<Page<BudgetSummary>>(`/api/budgets/${segment(budget_id)}/summary`, query, options),
    policies: (budget_id: string, query?: Omit<PolicyQuery, "budget_id">, options?: CallOptions) =>
      this.#get<Page<Policy>>(`/api/budgets/${segment(budget_id)}/policies`, query, options),
    allocations: (budget_id: string, query?: Omit<AllocationQuery, "budget_id">, options?: CallOptions) =>
      this.#get<Page<Allocation>>(`/api/budgets/${segment(budget_id)}/allocations`, query, options),
  };

  /** Limits of tokens and cost. */
  readonly policies = {
    list: (query?: PolicyQuery, options?: CallOptions) =>
      this.#get<Page<Policy>>("/api/policies", query, options),
    create: (body: PolicyCreate, options?: CallOptions) =>
      this.#change<Policy>("/api/policies", body, options),
    get: (policy_id: string, options?: CallOptions) =>
      this.#get<Policy>(`/api/policies/${segment(policy_id)}`, undefined, options),
    update: (policy_id: string, body: PolicyUpdate, options?: CallOptions) =>
      this.#send<Policy>({ method: "PUT", path: `/api/policies/${segment(policy_id)}`, body }, options),
    delete: (policy_id: string, options?: CallOptions) =>
      this.#send<Message>({ method: "DELETE", path: `/api/policies/${segment(policy_id)}` }, options),
  };

  /** Tokens held before a model is called. */
  readonly allocations = {
    /** @throws InsufficientBudgetError where the tokens do not fit */
    create: (body: AllocationCreate, options?: CallOptions) =>
      this.#change<Grant>("/api/allocations", body, options),
    /** Up to 1,000 at once; each has an answer of its own. */
    createMany: (items: readonly AllocationCreate[], options?: CallOptions) =>
      this.#change<BatchAnswer<Grant>>("/api/allocations/batch", { items }, options),
    /** What a request would get; nothing is held. */
    check: (body: AllocationCreate, options?: CallOptions) =>
      this.#send<AllocationCheck>({ method: "POST", path: "/api/allocations/check", body }, options),
    get: (allocation_id: string, options?: CallOptions) =>
      this.#get<Allocation>(`/api/allocations/${segment(allocation_id)}`, undefined, options),
    /** Why an allocation was granted, or a request refused; takes the id of either. */
    explain: (decision_id: string, options?: CallOptions) =>
      this.#get<Decision>(`/api/allocations/${segment(decision_id)}/decision`, undefined, options),
    list: (query?: AllocationQuery, options?: CallOptions) =>
      this.#get<Page<Allocation>>("/api/allocations", query, options),
    listByContext: (context_id: string, query?: Omit<AllocationQuery, "context_id">, options?: CallOptions) =>
      this.#get<Page<Allocation>>(`/api/allocations/context/${segment(context_id)}`, query, options),
    /** More tokens, or more time. */
    extend: (allocation_id: string, body: AllocationExtend, options?: CallOptions) =>
      this.#change<Grant>(`/api/allocations/${segment(allocation_id)}/extend`, body, options),
    /** Frees what is still held. */
    release: (allocation_id: string, options?: CallOptions) =>
      this.#change<Allocation>(`/api/allocations/${segment(allocation_id)}/release`, undefined, options),
  };

  /** What calls really used. */
  readonly usage = {
    record: (body: UsageCreate, options?: CallOptions) =>
      this.#change<UsageRecord>("/api/usage/record", body, options),
    /** Up to 1,000 at once; each has an answer of its own. */
    recordMany: (items: readonly UsageCreate[], options?: CallOptions) =>
      this.#change<BatchAnswer<UsageRecord>>("/api/usage/batch", { items }, options),
    get: (record_id: string, options?: CallOptions) =>
      this.#get<UsageRecord>(`/api/usage/records/${segment(record_id)}`, undefined, options),
    list: (query?: UsageQuery, options?: CallOptions) =>
      this.#get<UsageList>("/api/usage/records", query, options),
    /** Every record that the query asks for, newest first, read page by page. */
    iterate: (query?: UsageQuery, options?: CallOptions) => this.#iterateUsage(query, options),
    summary: (query: UsageSummaryQuery = {}, options?: CallOptions) =>
      this.#send<UsageSummary>({ method: "POST", path: "/api/usage/summary", body: query }, options),
    /** By day, provider, model and component. */
    groups: (query?: UsageSummaryListQuery, options?: CallOptions) =>
      this.#get<Page<UsageGroup>>("/api/usage/summary", query, options),
    analytics: (query?: UsageAnalyticsQuery, options?: CallOptions) =>
      this.#get<Page<UsageAnalyticsRow>>("/api/usage/analytics", query, options),
  };

  /** What models cost. */
  readonly prices = {
    list: (query?: PriceQuery, options?: CallOptions) =>
      this.#get<Page<Price>>("/api/prices", query, options),
    /** The price that is in force now. */
    current: (wanted: CurrentPriceRequest, options?: CallOptions) =>
      this.#send<CurrentPrice>({ method: "POST", path: "/api/prices/current", body: wanted }, options),
    /** What a usage costs, to the nano-dollar; books nothing. */
    cost: (request: CostRequest, options?: CallOptions) =>
      this.#send<Cost>({ method: "POST", path: "/api/prices/cost", body: request }, options),
    /** Reads sources of prices and applies what follows; answers when the run has ended. */
    update: (request: PriceUpdateRequest = {}, options?: CallOptions) =>
      this.#send<PriceRun>(
        { method: "POST", path: "/api/prices/update", body: request },
        { timeout_ms: PRICE_RUN_TIMEOUT_MS, ...options },
      ),
    /** Runs over the sources, newest first. */
    runs: (query?: PageQuery, options?: CallOptions) =>
      this.#get<Page<PriceRun>>("/api/prices/runs", query, options),
    /** The sources, with how far each is trusted. */
    sources: (query?: PageQuery, options?: CallOptions) =>
      this.#get<Page<PriceSource>>("/api/prices/sources", query, options),
    /** Prices that people are or were asked about, newest first. */
    reviews: (query?: PriceReviewQuery, options?: CallOptions) =>
      this.#get<Page<PriceReview>>("/api/prices/reviews", query, options),
    /** Closes a review, and charges what was decided. */
    decide: (review_id: string, decision: ReviewDecision, options?: CallOptions) =>
      this.#send<PriceReview>(
        { method: "POST", path: `/api/prices/reviews/${segment(review_id)}/decision`, body: decision },
        options,
      ),
    /** Why a model costs what it costs: what is charged, and what each source says. */
    why: (provider: string, model: string, options?: CallOptions) =>
      this.#get<PriceEvidence>(
        `/api/prices/evidence/${segment(provider)}/${segment(model)}`,
        undefined,
        options,
      ),
    /** Charges a price without a vote, such as one of a contract or of a model of your own. */
    set: (price: PriceByHandRequest, options?: CallOptions) =>
      this.#send<PriceByHand>(
        { method: "POST", path: "/api/prices/by-hand", body: price },
        { timeout_ms: PRICE_RUN_TIMEOUT_MS, ...options },
      ),
    /** Takes back a price that was set, so that what the sources say is charged. */
    unset: (observation_id: string, withdrawal: PriceWithdrawal, options?: CallOptions) =>
      this.#send<PriceRun>(
        {
          method: "POST",
          path: `/api/prices/by-hand/${segment(observation_id)}/withdrawal`,
          body: withdrawal,
        },
        { timeout_ms: PRICE_RUN_TIMEOUT_MS, ...options },
      ),
    /** Cheaper models for what was really used lately. */
    recommendations: (request: RecommendationRequest, options?: CallOptions) =>
      this.#send<Recommendations>(
        { method: "POST", path: "/api/prices/recommendations", body: request },
        options,
      ),
    /** Which models in use have a price that can be relied on. */
    coverage: (query?: CoverageQuery, options?: CallOptions) =>
      this.#get<Coverage>("/api/prices/coverage", query, options),
    /** Works out anew what past usage costs, and books the differences. */
    reprice: (request: RepriceRequest, options?: CallOptions) =>
      this.#send<RepriceReport>(
        { method: "POST", path: "/api/prices/reprice", body: request },
        { timeout_ms: PRICE_RUN_TIMEOUT_MS, ...options },
      ),
    /** Puts the trust of a source back to where it started. */
    resetTrust: (source: string, options?: CallOptions) =>
      this.#send<PriceSource>(
        { method: "POST", path: `/api/prices/sources/${segment(source)}/trust-reset` },
        options,
      ),
    /** Sets the header that a source on the network is asked with, in place of the one before. */
    setCredential: (source: string, credential: PriceSourceCredentialRequest, options?: CallOptions) =>
      this.#send<PriceSourceCredentialChange>(
        { method: "PUT", path: `/api/prices/sources/${segment(source)}/credential`, body: credential },
        options,
      ),
    /** Asks a source without a credential from now on. */
    removeCredential: (source: string, options?: CallOptions) =>
      this.#send<PriceSourceCredentialChange>(
        { method: "DELETE", path: `/api/prices/sources/${segment(source)}/credential` },
        options,
      ),
    /** Every price that a model had, oldest first. */
    history: (provider: string, model: string, query?: PageQuery, options?: CallOptions) =>
      this.#get<Page<Price>>(`/api/prices/history/${segment(provider)}/${segment(model)}`, query, options),
  };

  /** Notices about limits. */
  readonly alerts = {
    list: (query?: AlertQuery, options?: CallOptions) =>
      this.#get<Page<Alert>>("/api/alerts", query, options),
    get: (alert_id: string, options?: CallOptions) =>
      this.#get<Alert>(`/api/alerts/${segment(alert_id)}`, undefined, options),
    /** Marks an alert as seen. */
    acknowledge: (alert_id: string, options?: CallOptions) =>
      this.#send<Alert>({ method: "POST", path: `/api/alerts/${segment(alert_id)}/acknowledge` }, options),
    /** Looks at every limit now, and answers the alerts that this raised; each is raised once in a window. */
    check: (options?: CallOptions) =>
      this.#send<Page<Alert>>({ method: "POST", path: "/api/alerts/check" }, options),
  };

  /** What lets programs in; for admins. */
  readonly keys = {
    list: (query?: PageQuery, options?: CallOptions) => this.#get<Page<Key>>("/api/keys", query, options),
    get: (key_id: string, options?: CallOptions) =>
      this.#get<Key>(`/api/keys/${segment(key_id)}`, undefined, options),
    /** Answers the key itself, once. It is not sent again where its answer is lost: another key would be made. */
    create: (key: KeyCreate, options?: CallOptions) =>
      this.#send<NewKey>({ method: "POST", path: "/api/keys", body: key, once: true }, options),
    rotate: (key_id: string, rotation: KeyRotate = {}, options?: CallOptions) =>
      this.#send<NewKey>(
        { method: "POST", path: `/api/keys/${segment(key_id)}/rotate`, body: rotation, once: true },
        options,
      ),
    revoke: (key_id: string, options?: CallOptions) =>
      this.#send<Key>({ method: "POST", path: `/api/keys/${segment(key_id)}/revoke` }, options),
  };

  /** What was changed and denied; for admins. */
  readonly audit = {
    list: (query?: AuditQuery, options?: CallOptions) =>
      this.#get<Page<AuditEntry>>("/api/audit", query, options),
    verify: (options?: CallOptions) =>
      this.#get<AuditVerification>("/api/audit/verification", undefined, options),
  };

  /** Organisations; for admins of the installation's own tenant. */
  readonly tenants = {
    list: (query?: PageQuery, options?: CallOptions) =>
      this.#get<Page<Tenant>>("/api/tenants", query, options),
    create: (name: string, limits?: Partial<TenantLimits>, options?: CallOptions) =>
      this.#send<Tenant>(
        { method: "POST", path: "/api/tenants", body: { name, limits }, once: true },
        options,
      ),
    get: (tenant_id: string, options?: CallOptions) =>
      this.#get<Tenant>(`/api/tenants/${segment(tenant_id)}`, undefined, options),
    update: (tenant_id: string, input: TenantUpdate, options?: CallOptions) =>
      this.#send<Tenant>({ method: "PUT", path: `/api/tenants/${segment(tenant_id)}`, body: input }, options),
    /** Makes an admin key of a tenant, which makes its others. */
    createKey: (tenant_id: string, name: string, options?: CallOptions) =>
      this.#send<NewKey>(
        { method: "POST", path: `/api/tenants/${segment(tenant_id)}/keys`, body: { name }, once: true },
        options,
      ),
  };

  /** Whether the server is alive, and which version it is. */
  health(options?: CallOptions): Promise<Health> {
    return this.#get<Health>("/health", undefined, options);
  }

  /** Resolves where the server can serve requests. */
  ready(options?: CallOptions): Promise<{ status: "ready" }> {
    return this.#get<{ status: "ready" }>("/ready", undefined, options);
  }

  async *#iterateUsage(query: UsageQuery = {}, options?: CallOptions): AsyncGenerator<UsageRecord, void> {
    let cursor = query.cursor ?? null;
    do {
      const page = await this.usage.list(cursor === null ? query : { ...query, cursor }, options);
      yield* page.items;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  #send<T>(call: Call, options: CallOptions = {}): Promise<T> {
    return this.#transport.send<T>({ ...call, ...options });
  }

  #get<T>(path: string, query: object | undefined, options: CallOptions | undefined): Promise<T> {
    return this.#send<T>({ method: "GET", path, query }, options);
  }

  #change<T>(path: string, body: unknown, options: CallOptions | undefined): Promise<T> {
    return this.#send<T>({ method: "POST", path, body, changes: true }, options);
  }
}

/**
 * Holds tokens for a call, runs it, and books what it used. The call returns its usage, for example
 * `{ response: await answer.json() }`; where it throws, the tokens are freed and the error is thrown on. The signal
 * cancels the asking alone: what a call has used is booked in any case, since it is spent.
 * @returns the usage record of the call
 */
export async function withAllocation(
  client: BudgetClient,
  request: AllocationCreate,
  call: (allocation: Grant) => Promise<UsageCreate>,
  options?: Pick<CallOptions, "signal" | "timeout_ms">,
): Promise<UsageRecord> {
  const allocation = await client.allocations.create(request, options);
  const { allocation_id } = allocation;
  const limits: CallOptions = options?.timeout_ms === undefined ? {} : { timeout_ms: options.timeout_ms };
  let used: UsageCreate;
  try {
    used = await call(allocation);
  } catch (error) {
    // The caller's error matters more than one of the release: the hold ends by itself in any case.
    await client.allocations.release(allocation_id, limits).catch(() => undefined);
    throw error;
  }
  return client.usage.record({ ...used, allocation_id, final: true }, limits);
}
