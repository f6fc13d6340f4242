import { expect } from "chai";
import { AnswerCounter } from "../src/answers.ts";

const answer = (status: number): string =>
  `HTTP/1.1 ${status} Some Reason\r\nContent-Length: 14\r\n\r\n{"HTTP": "1.1"}`;

describe("answers on one connection", () => {
  const text = [201, 503, 201, 408].map(answer).join("");

  for (const size of [1, 2, 5, 12, 13, 60, text.length]) {
    it(`are counted by status, in pieces of ${size}`, () => {
      const counter = new AnswerCounter();
      let found = 0;
      for (let from = 0; from < text.length; from += size)
        found += counter.add(text.slice(from, from + size));
      expect(found).to.equal(4);
      expect(Object.fromEntries(counter.counts)).to.deep.equal({ 201: 2, 408: 1, 503: 1 });
    });
  }
});
