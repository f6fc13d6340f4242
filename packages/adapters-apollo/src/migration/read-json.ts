import { SourceError } from "@budget/migration";

/** Policies and exports are small; whatever has more bytes is something else. */
const MOST_BYTES = 64 * 1024 * 1024;

/**
 * Reads a whole JSON document.
 * @param name what people know it by
 * @throws SourceError where it is too large, or no JSON
 */
export async function readJson(chunks: AsyncIterable<Uint8Array>, name: string): Promise<unknown> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) {
      throw new SourceError(`${name} has more than ${MOST_BYTES} bytes: it is not what Apollo writes there.`);
    }
    parts.push(chunk);
  }
  const text = new TextDecoder().decode(Buffer.concat(parts));
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new SourceError(
      `${name} is not whole JSON (${(error as Error).message}). ` +
        "It was cut off or changed by hand: take it from a backup, or let Apollo write it again.",
    );
  }
}
