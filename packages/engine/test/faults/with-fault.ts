import { readFileSync } from "node:fs";
import { registerHooks } from "node:module";
import { fileURLToPath } from "node:url";
import { FAULTS } from "./faults.ts";

/**
 * Imported before a proof, this puts the fault that BUDGET_FAULT names into the source as it is loaded. No file is
 * changed.
 */
const fault = FAULTS.find(({ name }) => name === process.env.BUDGET_FAULT);
if (fault === undefined) throw new Error("BUDGET_FAULT names no fault.");
const url = new URL(`../../../${fault.file}`, import.meta.url).href;
if (readFileSync(fileURLToPath(url), "utf8").split(fault.right).length !== 2)
  throw new Error(`What the fault replaces does not stand in ${fault.file} once.`);

registerHooks({
  load(loaded, context, nextLoad) {
    const result = nextLoad(loaded, context);
    if (loaded !== url) return result;
    const source = (result.source as Buffer).toString("utf8").replace(fault.right, () => fault.wrong);
    console.log(`The fault is in: ${fault.name}.`);
    return { ...result, source };
  },
});
