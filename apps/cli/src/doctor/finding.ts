/** What a check found. */
export interface Finding {
  readonly check: string;
  /** Whether there is something to do; a check that needs another one's success is not made without it. */
  readonly status: "ok" | "to do" | "not checked";
  /** What was found, and what to do about it. */
  readonly text: string;
}

/** A check without its name. */
export type Found = Omit<Finding, "check">;

export const ok = (text: string): Found => ({ status: "ok", text });
export const toDo = (text: string): Found => ({ status: "to do", text });
export const notChecked = (text: string): Found => ({ status: "not checked", text });
