import { spawn } from "node:child_process";
import { loadAllocations } from "./http.ts";
import { makeBudgets, openSetup } from "./setup.ts";
const url = process.argv[2]!;
const s = await openSetup(url); const ids = await makeBudgets(s.engine, 1); await s.close();
const child = spawn(process.execPath, ["--cpu-prof", "--cpu-prof-dir=/tmp/prof", "/work/main/apps/server/dist/main.js"], { env: { ...process.env, BUDGET_PORT: "8222", BUDGET_HOST: "127.0.0.1", BUDGET_DATABASE_URL: url, BUDGET_LOG_LEVEL: "WARNING", BUDGET_ENV: "production" }, stdio: "inherit" });
await new Promise((r) => setTimeout(r, 1500));
console.log(await loadAllocations("http://127.0.0.1:8222", 50, 5, ids));
child.kill("SIGTERM"); await new Promise((r) => child.once("exit", r));
