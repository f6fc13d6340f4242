import { ConfigurationError, readConfiguration, type ConfigurationReading } from "../src/index.ts";

export interface Given {
  readonly environment?: Readonly<Record<string, string>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** Reads a configuration from files that are there only for it. */
export const read = ({ environment = {}, files = {} }: Given): Promise<ConfigurationReading> =>
  readConfiguration({
    environment,
    readFile: (path) => {
      const text = files[path];
      if (text !== undefined) return Promise.resolve(text);
      return Promise.reject(Object.assign(new Error(`There is no ${path}.`), { code: "ENOENT" }));
    },
  });

/** What is wrong with a configuration; empty where nothing is. */
export async function mistakesOf(given: Given): Promise<readonly string[]> {
  try {
    await read(given);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.mistakes;
  }
}
