import { dirname, resolve } from "node:path";

/** Where what belongs to a database is kept beside it: the folder of an embedded one, else `data` in the working folder. */
export function dataFolder(database_url: string): string {
  const path = database_url.startsWith("sqlite:") ? database_url.slice("sqlite:".length) : "";
  return path === "" || path === ":memory:" ? resolve("data") : dirname(resolve(path));
}
