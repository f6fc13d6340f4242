import type { Configuration } from "@budget/configuration";
import { isInForce, type PriceSourceState } from "@budget/domain";
import { DEFAULT_TENANT_ID, verifyTenant } from "@budget/engine";
import { PolicyRepository, PriceSourceRepository, type Database } from "@budget/repositories";
import { watchedSources } from "../local-configuration.ts";
import { ok, toDo, type Found } from "./finding.ts";

/** The operator's own prices, which come over no network. */
const OWN_FILE = "price_file";

export async function checkPriceSources(database: Database, configuration: Configuration): Promise<Found> {
  const watched = await watchedSources(configuration);
  const known = (await new PriceSourceRepository(database).getAll()).filter(({ source }) =>
    watched.includes(source),
  );
  const faulty = known.filter(({ fault }) => fault !== null);
  const remote = known.filter(({ source }) => source !== OWN_FILE);
  if (remote.length > 1 && remote.every(({ fault }) => fault === "HTTP")) {
    const failures = Math.max(...remote.map((one) => one.failures));
    return toDo(
      `none of ${remote.length} can be reached, up to ${failures} times in a row; see whether this machine reaches ` +
        "the network, or set prices.update_interval_minutes to 0; the last good prices stay in use",
    );
  }
  if (faulty.length > 0) {
    return toDo(
      `${faulty.map(faultText).join("; ")}; check the network and the address in prices.sources, then run ` +
        `budget prices update ${faulty.map(({ source }) => source).join(" ")}; their last good prices stay in use, ` +
        "and prices.update_interval_minutes 0 asks none",
    );
  }
  const read = known.flatMap(({ read_at_ms }) => read_at_ms ?? []);
  if (read.length === 0) return ok(`${watched.join(", ")}: none read yet; a server reads them when it runs`);
  return ok(`${read.length} of ${watched.length} read, the last one ${iso(Math.max(...read))}`);
}

const iso = (at_ms: number): string => new Date(at_ms).toISOString();

const faultText = ({ source, fault, detail, failures, read_at_ms }: PriceSourceState): string =>
  `${source}: ${fault} ${failures} times in a row${detail === null ? "" : ` (${detail.replace(/\.$/, "")})`}, ` +
  (read_at_ms === null ? "never read" : `last read ${iso(read_at_ms)}`);

const MOST_POLICIES = 1_000_000;

/** A limit that is switched off or at its end, or only warns, refuses nothing: whoever waits for a refusal is told. */
export async function checkLimits(database: Database, now: () => number): Promise<Found> {
  const policies = await new PolicyRepository(database).getAll(DEFAULT_TENANT_ID, MOST_POLICIES, 0);
  const inForce = policies.filter((policy) => isInForce(policy, now()));
  const enforced = inForce.filter(({ type }) => type === "enforce").length;
  const counted =
    `${enforced} enforced, ${inForce.length - enforced} that only log or warn, ` +
    `${policies.length - inForce.length} switched off or ended`;
  return ok(enforced > 0 ? counted : `${counted}: nothing is refused before budget set-limit`);
}

export async function checkBalances(database: Database, now: () => number): Promise<Found> {
  const report = await verifyTenant(database, DEFAULT_TENANT_ID, { now });
  const { differences, policies_checked, allocations_checked, usage_records_checked } = report;
  if (differences.length > 0)
    return toDo(
      `${differences.length} differ from a recount; see budget verify, then run budget verify --repair`,
    );
  return ok(
    `recounted ${policies_checked} policies, ${allocations_checked} allocations, ${usage_records_checked} usage records`,
  );
}
