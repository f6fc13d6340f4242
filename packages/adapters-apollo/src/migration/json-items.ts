import { SourceError } from "@budget/migration";
import { JSONParser } from "@streamparser/json";

/** One record has some hundred bytes. A longer one is no record, and would be gathered in memory to its end. */
const LONGEST_ITEM_BYTES = 1024 * 1024;
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);
const LIST_BEGINS = "[".charCodeAt(0);

/**
 * Reads the items of a JSON list one by one, however long it is.
 * @param name what people know it by
 * @throws SourceError where it is no list, is cut off, or is no JSON
 */
export async function* jsonItems(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator {
  const parser = new JSONParser({ paths: ["$.*"], keepStack: false });
  const items: unknown[] = [];
  const failed: { error?: Error } = {};
  let bytes_since_item = 0;
  parser.onValue = ({ value }) => {
    items.push(value);
    bytes_since_item = 0;
  };
  parser.onError = (error) => {
    failed.error ??= error;
  };
  let isBegun = false;
  for await (const chunk of chunks) {
    if (!isBegun) {
      const first = chunk.find((byte) => !SPACES.has(byte) && !BYTE_ORDER_MARK.includes(byte));
      if (first === undefined) continue;
      if (first !== LIST_BEGINS)
        throw new SourceError(`${name} is not a list of records as Apollo writes it.`);
      isBegun = true;
    }
    bytes_since_item += chunk.length;
    parser.write(chunk);
    if (failed.error !== undefined) throw broken(name, failed.error);
    if (bytes_since_item > LONGEST_ITEM_BYTES + chunk.length) {
      throw new SourceError(
        `${name} has a record of more than ${LONGEST_ITEM_BYTES} bytes, which Apollo never writes.`,
      );
    }
    yield* items.splice(0);
  }
  if (!parser.isEnded) {
    throw new SourceError(
      `${name} ends in the middle: it was cut off. Nothing of it was imported. ` +
        "Take it from a backup, or out of the directory, and run this again.",
    );
  }
}

const broken = (name: string, error: Error): SourceError =>
  new SourceError(
    `${name} is no JSON (${error.message}). Nothing of it was imported. ` +
      "Take it from a backup, or out of the directory, and run this again.",
  );
