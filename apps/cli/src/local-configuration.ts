import type { Configuration, ConfigurationReading } from "@budget/configuration";
import { UsageError } from "./exit-codes.ts";
import type { World } from "./session.ts";

/**
 * The configuration package, loaded only by the commands that need it: with the readers of price sources it takes longer
 * to load than all the rest.
 */
const load = () => import("@budget/configuration");

/**
 * Reads the configuration that a server would have that is started here.
 * @throws UsageError that names every mistake
 */
export async function readLocalConfiguration(
  world: Pick<World, "environment" | "readFile">,
): Promise<ConfigurationReading> {
  const { ConfigurationError, readConfiguration } = await load();
  try {
    return await readConfiguration(world);
  } catch (error) {
    throw error instanceof ConfigurationError ? new UsageError(error.message) : error;
  }
}

/** The names of the sources of prices that such a server reads. */
export async function watchedSources(configuration: Configuration): Promise<readonly string[]> {
  return (await load()).watchedSources(configuration);
}
