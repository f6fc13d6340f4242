/** Budget did not do what was asked: the request is wrong, names what is not there, or Budget cannot be reached. */
export class PortError extends Error {
  /** Stable name of what went wrong, such as `budget_not_found`. */
  readonly code: string;
  /** The wrong field as a JSON pointer such as `/provider`; null where it is not one field. */
  readonly field: string | null;
  /** What is wrong, and what would be right; the same as the message. */
  readonly detail: string;

  constructor(code: string, detail: string, field: string | null = null, options?: ErrorOptions) {
    super(detail, options);
    this.name = "PortError";
    this.code = code;
    this.field = field;
    this.detail = detail;
  }
}
