import {
  KeyCreateSchema,
  KeyRotateSchema,
  KeySchema,
  NewKeySchema,
  PageQuerySchema,
  listOf,
  toKeyWire,
  type NewKeyWire,
} from "@budget/domain";
import type { NewKey } from "@budget/engine";
import { Type } from "typebox";
import { answerTo, listAnswer, route } from "./route.ts";

const params = Type.Object({ key_id: KeySchema.properties.key_id });

export const toNewKeyWire = ({ key, text }: NewKey): NewKeyWire => ({ ...toKeyWire(key), key: text });

export const keyRoutes = [
  route({
    method: "get",
    path: "/api/keys",
    operation_id: "listKeys",
    tag: "access",
    summary: "List keys, without their secrets",
    query: PageQuerySchema,
    success: { status: 200, description: "Keys, newest first, revoked ones too", schema: listOf(KeySchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return listAnswer(await engine.access.list(context, query), query, toKeyWire);
    },
  }),
  route({
    method: "post",
    path: "/api/keys",
    operation_id: "createKey",
    tag: "access",
    summary: "Make a key",
    description:
      "The answer has the key itself, once: only a hash of its secret is kept. Therefore a repeated request makes " +
      "another key, whatever its Idempotency-Key. An agent can be bound to budgets and components.",
    body: KeyCreateSchema,
    body_example: { name: "chat service", role: "agent", components: ["chat"] },
    success: { status: 201, description: "The key, with its secret", schema: NewKeySchema },
    problems: ["invalid_value", "budget_not_found", "tenant_limit_reached"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.access.create(context, body);
      return answerTo(outcome, services, (made) => ({ status: 201, body: toNewKeyWire(made) }));
    },
  }),
  route({
    method: "get",
    path: "/api/keys/{key_id}",
    operation_id: "getKey",
    tag: "access",
    summary: "Read a key, without its secret",
    params,
    success: { status: 200, description: "The key", schema: KeySchema },
    problems: ["invalid_value", "key_not_found"],
    async handle({ context, params: { key_id } }, services) {
      const outcome = await services.engine.access.get(context, key_id);
      return answerTo(outcome, services, (key) => ({ status: 200, body: toKeyWire(key) }));
    },
  }),
  route({
    method: "post",
    path: "/api/keys/{key_id}/rotate",
    operation_id: "rotateKey",
    tag: "access",
    summary: "Give a key another secret",
    description: "The old secret still opens for `overlap_s` seconds, so that it can be replaced everywhere.",
    params,
    body: KeyRotateSchema,
    body_example: { overlap_s: 3600 },
    success: { status: 200, description: "The key, with its new secret", schema: NewKeySchema },
    problems: ["invalid_value", "key_not_found"],
    async handle({ context, params: { key_id }, body }, services) {
      const outcome = await services.engine.access.rotate(context, key_id, body);
      return answerTo(outcome, services, (made) => ({ status: 200, body: toNewKeyWire(made) }));
    },
  }),
  route({
    method: "post",
    path: "/api/keys/{key_id}/revoke",
    operation_id: "revokeKey",
    tag: "access",
    summary: "Revoke a key, on all servers within a second",
    params,
    success: { status: 200, description: "The key", schema: KeySchema },
    problems: ["invalid_value", "key_not_found"],
    async handle({ context, params: { key_id } }, services) {
      const outcome = await services.engine.access.revoke(context, key_id);
      return answerTo(outcome, services, (key) => ({ status: 200, body: toKeyWire(key) }));
    },
  }),
];
