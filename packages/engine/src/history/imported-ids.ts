import { hash } from "node:crypto";
import type { ImportSource } from "@budget/domain";
import type { ImportedKind } from "@budget/repositories";

/** By what a row is known again, in hexadecimal. */
export const hashOfContent = (content: string): string => hash("sha256", content);

/**
 * The id of what a row becomes: a UUIDv7 (RFC 9562) of the row's time, so that lists stay in the order of time, whose
 * other bits come from what the row is called there. The same row always gets the same id.
 * @param at_ms 0 or later
 */
export function idOfRow(source: ImportSource, kind: ImportedKind, source_id: string, at_ms: number): string {
  const called = JSON.stringify([source.system, source.name, kind, source_id]);
  const bytes = hash("sha256", called, "buffer").subarray(0, 16);
  bytes.writeUIntBE(at_ms, 0, 6);
  bytes[6] = 0x70 | (bytes.readUInt8(6) & 0x0f);
  bytes[8] = 0x80 | (bytes.readUInt8(8) & 0x3f);
  const hex = bytes.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
