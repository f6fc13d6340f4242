import {
  AuditEntrySchema,
  AuditQuerySchema,
  AuditVerificationSchema,
  listOf,
  toAuditEntryWire,
} from "@budget/domain";
import { listAnswer, route } from "./route.ts";

export const auditRoutes = [
  route({
    method: "get",
    path: "/api/audit",
    operation_id: "listAuditEntries",
    tag: "access",
    summary: "List what was changed and denied, by whom and from where",
    query: AuditQuerySchema,
    success: { status: 200, description: "Entries, newest first", schema: listOf(AuditEntrySchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      await engine.access.flush();
      return listAnswer(await engine.access.audit(context, query), query, toAuditEntryWire);
    },
  }),
  route({
    method: "get",
    path: "/api/audit/verification",
    operation_id: "verifyAudit",
    tag: "access",
    summary: "See whether the record is as it was written",
    success: { status: 200, description: "What was found", schema: AuditVerificationSchema },
    problems: ["invalid_value"],
    async handle({ context }, { engine }) {
      return { status: 200, body: await engine.access.verifyAudit(context) };
    },
  }),
];
