/** An old system's file or answer that cannot be read. The message says what is wrong, and what to do. */
export class SourceError extends Error {
  override readonly name = "SourceError";
}
