import { isTimeZone, type OldSystem } from "@budget/domain";
import { InvalidArgumentError } from "commander";
import { UsageError } from "../exit-codes.ts";
import type { World } from "../session.ts";

export const SYSTEM_NAMES: Readonly<Record<OldSystem, string>> = { apollo: "Apollo", rhetor: "Rhetor" };

/** An IANA name such as Europe/Berlin. */
export function timeZone(text: string): string {
  if (isTimeZone(text)) return text;
  throw new InvalidArgumentError("Give a name such as Europe/Berlin, America/New_York or UTC.");
}

/**
 * The zone of the clock that an old system wrote its times by. They do not say, so somebody has to.
 * @throws UsageError where it was not given and nobody can be asked, or does not know
 */
export async function timeZoneOf(
  world: World,
  system: OldSystem,
  given: string | undefined,
): Promise<string> {
  if (given !== undefined) return given;
  const name = SYSTEM_NAMES[system];
  const question = `${name} wrote its times without a time zone. Which one was its machine in,\nsuch as Europe/Berlin or UTC? `;
  for (let answer = await world.terminal?.ask(question); answer;) {
    if (isTimeZone(answer.trim())) return answer.trim();
    answer = await world.terminal?.ask(`No time zone is called ${answer.trim()}. Which one? `);
  }
  throw new UsageError(
    `${name} wrote its times without a time zone. Say which one its machine was in, such as --time-zone Europe/Berlin.`,
  );
}
