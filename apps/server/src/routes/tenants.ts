import {
  NewKeySchema,
  PageQuerySchema,
  TenantCreateSchema,
  TenantKeySchema,
  TenantSchema,
  TenantUpdateSchema,
  Uuid,
  listOf,
  toTenantWire,
} from "@budget/domain";
import { Type } from "typebox";
import { toNewKeyWire } from "./keys.ts";
import { answerTo, route, sliceAnswer, versioned } from "./route.ts";

const params = Type.Object({ tenant_id: Uuid("The tenant") });

export const tenantRoutes = [
  route({
    method: "get",
    path: "/api/tenants",
    operation_id: "listTenants",
    tag: "access",
    summary: "List the organisations that the installation serves",
    query: PageQuerySchema,
    success: { status: 200, description: "Tenants, oldest first", schema: listOf(TenantSchema) },
    problems: ["invalid_value"],
    async handle({ query }, { engine }) {
      return sliceAnswer((await engine.tenants.list()).map(toTenantWire), query);
    },
  }),
  route({
    method: "post",
    path: "/api/tenants",
    operation_id: "createTenant",
    tag: "access",
    summary: "Make a tenant, with a default budget of its own",
    description: "Its rows are seen by its own keys only. Make its first admin key next.",
    body: TenantCreateSchema,
    body_example: { name: "Acme" },
    success: { status: 201, description: "The tenant", schema: TenantSchema, etag: true },
    problems: ["invalid_value"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.tenants.create(context, body);
      return answerTo(outcome, services, (tenant) => versioned(201, toTenantWire(tenant), tenant.version));
    },
  }),
  route({
    method: "get",
    path: "/api/tenants/{tenant_id}",
    operation_id: "getTenant",
    tag: "access",
    summary: "Get a tenant",
    params,
    success: { status: 200, description: "The tenant", schema: TenantSchema, etag: true },
    problems: ["invalid_value", "tenant_not_found"],
    async handle({ params: { tenant_id } }, services) {
      const outcome = await services.engine.tenants.get(tenant_id);
      return answerTo(outcome, services, (tenant) => versioned(200, toTenantWire(tenant), tenant.version));
    },
  }),
  route({
    method: "put",
    path: "/api/tenants/{tenant_id}",
    operation_id: "updateTenant",
    tag: "access",
    summary: "Rename a tenant, or say what it may have at most",
    description:
      "What is left out stays as it is. Limits below what the tenant has take nothing away from it: it gets no more. " +
      "A limit of requests binds on every server within half a second.",
    params,
    body: TenantUpdateSchema,
    body_example: { limits: { max_budgets: 50, max_keys: 20, requests_per_second: 500 } },
    conditional: true,
    success: { status: 200, description: "The changed tenant", schema: TenantSchema, etag: true },
    problems: ["invalid_value", "tenant_not_found", "version_conflict"],
    async handle({ context, params: { tenant_id }, body, expected_version }, services) {
      const outcome = await services.engine.tenants.update(context, tenant_id, body, expected_version);
      return answerTo(outcome, services, (tenant) => versioned(200, toTenantWire(tenant), tenant.version));
    },
  }),
  route({
    method: "post",
    path: "/api/tenants/{tenant_id}/keys",
    operation_id: "createTenantKey",
    tag: "access",
    summary: "Make an admin key of a tenant",
    description: "That key makes the tenant's other keys. It is shown once.",
    params,
    body: TenantKeySchema,
    body_example: { name: "Acme's first admin" },
    success: { status: 201, description: "The key, with its secret", schema: NewKeySchema },
    problems: ["invalid_value", "tenant_not_found", "tenant_limit_reached"],
    async handle({ context, params: { tenant_id }, body }, services) {
      const { engine } = services;
      const tenant = await engine.tenants.get(tenant_id);
      const outcome = tenant.ok
        ? await engine.access.create({ ...context, tenant_id }, { ...body, role: "admin" })
        : tenant;
      return answerTo(outcome, services, (made) => ({ status: 201, body: toNewKeyWire(made) }));
    },
  }),
];
