import {
  NewKeySchema,
  PageQuerySchema,
  TenantCreateSchema,
  TenantKeySchema,
  TenantSchema,
  Uuid,
  listOf,
  rejected,
  toTenantWire,
} from "@budget/domain";
import { Type } from "typebox";
import { toNewKeyWire } from "./keys.ts";
import { answerTo, route, sliceAnswer } from "./route.ts";

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
    success: { status: 201, description: "The tenant", schema: TenantSchema },
    problems: ["invalid_value"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.tenants.create(context, body);
      return answerTo(outcome, services, (tenant) => ({ status: 201, body: toTenantWire(tenant) }));
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
    problems: ["invalid_value", "tenant_not_found"],
    async handle({ context, params: { tenant_id }, body }, services) {
      const { engine } = services;
      const isThere = await engine.tenants.exists(tenant_id);
      const outcome = isThere
        ? await engine.access.create({ ...context, tenant_id }, { ...body, role: "admin" })
        : rejected({ code: "tenant_not_found", detail: `There is no tenant with the id ${tenant_id}.` });
      return answerTo(outcome, services, (made) => ({ status: 201, body: toNewKeyWire(made) }));
    },
  }),
];
