import { expect } from "chai";

/** The error that a promise rejects with; a promise that is kept fails the test. */
export async function rejectionOf(promise: Promise<unknown>): Promise<Error & { readonly code?: unknown }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, "what it was rejected with").to.be.an.instanceOf(Error);
  return error as Error;
}
