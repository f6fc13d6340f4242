import { PortError, type BudgetPort } from "@budget/adapter-port";
import type { Policy } from "@budget/client-js";
import { nanoToUsdText, parseUsdToNano, type Clock } from "@budget/domain";
import { plain } from "./amounts.ts";
import {
  ALL_PROVIDERS,
  DEFAULT_ENFORCEMENT,
  enforcementOf,
  readEnforcement,
  readPeriod,
  readProvider,
  type Enforcement,
} from "./words.ts";

/** Which setting is meant: a period, and a provider or `all`, which is also meant where it is left out. */
export interface SettingName {
  readonly period: string;
  readonly provider?: string;
}

export interface LimitChange extends SettingName {
  /** USD in the period: a number, or decimal text with at most 9 decimals; 0 for no limit. */
  readonly limit: number | string;
  /** `ignore`, `warn` or `enforce` in any case; what it is if left out, and `warn` for a new limit. */
  readonly enforcement?: string;
}

export interface EnforcementChange extends SettingName {
  readonly policy: string;
}

export interface Limits {
  /** USD in the period; 0 where there is no limit. */
  getBudgetLimit(setting: SettingName): Promise<number>;
  setBudgetLimit(change: LimitChange): Promise<true>;
  getEnforcementPolicy(setting: SettingName): Promise<Enforcement>;
  setEnforcementPolicy(change: EnforcementChange): Promise<true>;
}

/**
 * Rhetor's settings are the cost policies of one budget that look at no dimension but the provider. One without a limit
 * is kept as a policy of $0 that is disabled: it refuses nothing, and remembers what is to happen at a limit. A policy
 * that is at its end is no setting any more.
 */
export function createLimits(port: BudgetPort, settingsBudget: () => Promise<string>, clock: Clock): Limits {
  const isOver = ({ end_date }: Policy) => end_date !== null && Date.parse(end_date) <= clock.now();

  async function find({ period, provider = ALL_PROVIDERS }: SettingName): Promise<Policy | undefined> {
    const wanted = readProvider(provider);
    const policies = await port.policies.list({
      budget_id: await settingsBudget(),
      period: readPeriod(period),
      ...(wanted !== null && { provider: wanted }),
    });
    const settings = policies.filter(
      (policy) => policy.provider === wanted && isSetting(policy) && !isOver(policy),
    );
    return settings.find(({ enabled }) => enabled) ?? settings[0];
  }

  async function write(
    setting: SettingName,
    found: Policy | undefined,
    change: { readonly type?: string; readonly cost_limit?: string; readonly enabled?: boolean },
  ): Promise<true> {
    if (found !== undefined) {
      await port.policies.update(found.policy_id, change);
      return true;
    }
    await port.policies.create({
      budget_id: await settingsBudget(),
      type: readEnforcement(DEFAULT_ENFORCEMENT, "enforcement"),
      period: readPeriod(setting.period),
      provider: readProvider(setting.provider ?? ALL_PROVIDERS),
      ...NO_LIMIT,
      ...change,
    });
    return true;
  }

  return {
    async getBudgetLimit(setting) {
      const found = await find(setting);
      return found?.enabled === true ? plain(found.cost_limit ?? 0) : 0;
    },

    async setBudgetLimit({ limit, enforcement, ...setting }) {
      const type = enforcement === undefined ? {} : { type: readEnforcement(enforcement, "enforcement") };
      const amount = readLimit(limit);
      const found = await find(setting);
      const change = amount === 0n ? NO_LIMIT : { cost_limit: nanoToUsdText(amount), enabled: true };
      return write(setting, found, { ...change, ...type });
    },

    async getEnforcementPolicy(setting) {
      const found = await find(setting);
      return found === undefined ? DEFAULT_ENFORCEMENT : enforcementOf(found.type);
    },

    async setEnforcementPolicy({ policy, ...setting }) {
      const type = readEnforcement(policy, "policy");
      return write(setting, await find(setting), { type });
    },
  };
}

const NO_LIMIT = { cost_limit: "0", enabled: false } as const;

/** Whether a policy stands for a setting of Rhetor; a limit that was closed does not any more. */
const isSetting = ({ enabled, cost_limit, token_limit, ...policy }: Policy): boolean =>
  (cost_limit !== null || token_limit === null) && (enabled || cost_limit === 0) && isOfProviders(policy);

/** Whether a policy looks at no dimension but the provider. */
export const isOfProviders = ({
  tier,
  model,
  component,
  task_type,
}: Pick<Policy, "tier" | "model" | "component" | "task_type">): boolean =>
  [tier, model, component, task_type].every((dimension) => dimension === null);

function readLimit(limit: number | string): bigint {
  try {
    return parseUsdToNano(limit);
  } catch (error) {
    throw new PortError("invalid_value", `limit: ${(error as Error).message}.`, "/limit");
  }
}
