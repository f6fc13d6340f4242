import {
  MessageSchema,
  PolicyCreateSchema,
  PolicyQuerySchema,
  PolicySchema,
  PolicyUpdateSchema,
  listOf,
  toPolicyWire,
} from "@budget/domain";
import { Type } from "typebox";
import { policyExample } from "./examples.ts";
import { answerTo, listAnswer, route, versioned } from "./route.ts";

const params = Type.Object({ policy_id: PolicySchema.properties.policy_id });

export const policyRoutes = [
  route({
    method: "get",
    path: "/api/policies",
    operation_id: "listPolicies",
    tag: "policies",
    summary: "List policies",
    query: PolicyQuerySchema,
    success: { status: 200, description: "Policies, oldest first", schema: listOf(PolicySchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return listAnswer(await engine.policies.list(context, query), query, toPolicyWire);
    },
  }),
  route({
    method: "post",
    path: "/api/policies",
    operation_id: "createPolicy",
    tag: "policies",
    summary: "Put a limit on a budget",
    description:
      "It counts what was used and held already in the current window, and binds from the next request on.",
    body: PolicyCreateSchema,
    body_example: { type: "enforce", period: "daily", cost_limit: 1.0, time_zone: "Europe/Berlin" },
    idempotent_by_key: true,
    success: {
      status: 201,
      description: "The policy",
      schema: PolicySchema,
      example: policyExample,
      etag: true,
    },
    problems: ["invalid_value", "budget_not_found", "idempotency_conflict"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.policies.create(context, body);
      return answerTo(outcome, services, (policy) => versioned(201, toPolicyWire(policy), policy.version));
    },
  }),
  route({
    method: "get",
    path: "/api/policies/{policy_id}",
    operation_id: "getPolicy",
    tag: "policies",
    summary: "Read a policy",
    params,
    success: {
      status: 200,
      description: "The policy",
      schema: PolicySchema,
      example: policyExample,
      etag: true,
    },
    problems: ["invalid_value", "policy_not_found"],
    async handle({ context, params: { policy_id } }, services) {
      const outcome = await services.engine.policies.get(context, policy_id);
      return answerTo(outcome, services, (policy) => versioned(200, toPolicyWire(policy), policy.version));
    },
  }),
  route({
    method: "put",
    path: "/api/policies/{policy_id}",
    operation_id: "updatePolicy",
    tag: "policies",
    summary: "Change a policy",
    description: "Fields that are left out stay as they are; null takes a limit or a dimension away.",
    params,
    body: PolicyUpdateSchema,
    body_example: { cost_limit: 2.5 },
    conditional: true,
    success: {
      status: 200,
      description: "The policy",
      schema: PolicySchema,
      example: policyExample,
      etag: true,
    },
    problems: ["invalid_value", "policy_not_found", "version_conflict"],
    async handle({ context, params: { policy_id }, body, expected_version }, services) {
      const outcome = await services.engine.policies.update(context, policy_id, body, expected_version);
      return answerTo(outcome, services, (policy) => versioned(200, toPolicyWire(policy), policy.version));
    },
  }),
  route({
    method: "delete",
    path: "/api/policies/{policy_id}",
    operation_id: "deletePolicy",
    tag: "policies",
    summary: "Delete a policy",
    params,
    conditional: true,
    success: { status: 200, description: "It is gone", schema: MessageSchema },
    problems: ["invalid_value", "policy_not_found", "version_conflict"],
    async handle({ context, params: { policy_id }, expected_version }, services) {
      const outcome = await services.engine.policies.delete(context, policy_id, expected_version);
      return answerTo(outcome, services, () => ({
        status: 200,
        body: { message: `Policy ${policy_id} is deleted.` },
      }));
    },
  }),
];
