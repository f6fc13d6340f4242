import type { SourceCredential, SourceFault, SourceReading } from "@budget/domain";

/** What a source was like when it was last read, so that what did not change is not read again. */
export interface LastRead {
  readonly etag: string | null;
  readonly last_modified: string | null;
}

/** What became of an attempt to read a source. */
export type SourceRead =
  | {
      readonly status: "read";
      readonly reading: SourceReading;
      readonly etag: string | null;
      readonly last_modified: string | null;
      /** SHA-256 of all that the source sent, in hexadecimal. */
      readonly content_hash: string;
    }
  | { readonly status: "not_modified" }
  | { readonly status: "failed"; readonly fault: SourceFault; readonly detail: string };

/** Somewhere that prices are read from. */
export interface PriceSource {
  /** Unique among the sources, such as `litellm`. */
  readonly name: string;
  /** Whom its prices are from in the end: sources that copy from each other have the same. */
  readonly lineage: string;
  /** Where its trust starts, in millionths. */
  readonly trust_ppm: number;
  /** How long its prices are taken for what it says, in milliseconds. */
  readonly interval_ms: number;
  /** What people are shown as its place: an address, or the name and version of a package. */
  readonly address: string;
  /** What it says is charged without a vote: it speaks for the operator. */
  readonly decides?: boolean;
  /** Of a source that changes only with the server: the hash of all that it says. */
  readonly content_hash?: string;
  /**
   * Never throws for what a source does.
   * @param credential what it is asked with; null where it is open to everybody
   */
  read(last: LastRead, credential: SourceCredential | null): Promise<SourceRead>;
}
