import { readFileSync } from "node:fs";
import { complaintAbout, countTests } from "./count-tests.ts";

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error("usage: main.ts <file with the output of pnpm test>");

const count = countTests(readFileSync(file, "utf8"));
const complaint = complaintAbout(count);
if (complaint !== undefined) {
  console.error(complaint);
  process.exitCode = 1;
}
console.log(`${count.passed} passed, ${count.failed} failed`);
