import { Type } from "typebox";
import { problem } from "../problems.ts";
import { route, type Answer, type Services } from "./route.ts";

const HealthSchema = Type.Object({
  status: Type.Literal("healthy"),
  component: Type.Literal("budget"),
  version: Type.String(),
});

const health = (_input: unknown, { version }: Services): Answer => ({
  status: 200,
  body: { status: "healthy", component: "budget", version },
});

const healthRoute = (path: string, operation_id: string) =>
  route({
    method: "get",
    path,
    operation_id,
    tag: "health",
    summary: "See whether the server is alive",
    success: { status: 200, description: "It is", schema: HealthSchema },
    problems: [],
    handle: health,
  });

export const healthRoutes = [
  healthRoute("/health", "getHealth"),
  healthRoute("/api/health", "getApiHealth"),
  route({
    method: "get",
    path: "/ready",
    operation_id: "getReadiness",
    tag: "health",
    summary: "See whether the server can serve requests: its database answers, and it is not stopping",
    success: { status: 200, description: "It can", schema: Type.Object({ status: Type.Literal("ready") }) },
    problems: ["not_ready"],
    async handle(_input, { isReady }) {
      if (await isReady()) return { status: 200, body: { status: "ready" } };
      return problem({
        code: "not_ready",
        detail: "The database does not answer, or the server is stopping.",
      });
    },
  }),
];
