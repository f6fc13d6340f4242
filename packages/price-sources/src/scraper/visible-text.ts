/** What a reader of a page does not see, or is told is not so: footnote marks, what is hidden, and what is struck through. */
const UNSEEN_TAGS: ReadonlySet<string> = new Set([
  "SUP",
  "S",
  "DEL",
  "STRIKE",
  "SCRIPT",
  "STYLE",
  "NOSCRIPT",
  "TEMPLATE",
]);
const UNSEEN_STYLE = /display\s*:\s*none|visibility\s*:\s*hidden|line-through/i;
/** Elements that begin a line of their own. */
const LINES: ReadonlySet<string> = new Set(["BR", "P", "DIV", "LI", "TR", "DT", "DD"]);
/** No cell or line of a price table is as long; what is longer is cut, so that no pattern runs over it for long. */
const LONGEST_TEXT = 300;

const ELEMENT_NODE = 1;
const TEXT_NODE = 3;

function isUnseen(element: Element): boolean {
  return (
    UNSEEN_TAGS.has(element.tagName) ||
    element.hasAttribute("hidden") ||
    element.getAttribute("aria-hidden") === "true" ||
    UNSEEN_STYLE.test(element.getAttribute("style") ?? "")
  );
}

/** The text of an element as a reader sees it: words with single spaces, lines apart, and never longer than 300 letters. */
export function visibleText(root: Element): string {
  const parts: string[] = [];
  let length = 0;
  // A page may be nested deeper than calls can be, so there is no recursion.
  const rest: Node[] = [root];
  for (let node = rest.pop(); node !== undefined && length < LONGEST_TEXT; node = rest.pop()) {
    if (node.nodeType === TEXT_NODE) {
      const text = (node.nodeValue ?? "").slice(0, LONGEST_TEXT);
      parts.push(text.replaceAll(/[\s\u00a0]+/g, " "));
      length += text.trim().length;
    } else if (node.nodeType === ELEMENT_NODE && !isUnseen(node as Element)) {
      if (LINES.has((node as Element).tagName)) parts.push("\n");
      for (let child = node.lastChild; child !== null; child = child.previousSibling) rest.push(child);
    }
  }
  return parts
    .join("")
    .split("\n")
    .map((line) => line.replaceAll(/ {2,}/g, " ").trim())
    .filter((line) => line !== "")
    .join("\n")
    .slice(0, LONGEST_TEXT);
}
