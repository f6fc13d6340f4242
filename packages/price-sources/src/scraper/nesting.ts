import { defaultTreeAdapter, parse, type DefaultTreeAdapterTypes } from "parse5";

/** Pages of prices nest some dozens of elements. */
export const DEEPEST_NESTING = 500;

function isDeeper(element: DefaultTreeAdapterTypes.Element): boolean {
  let depth = 0;
  for (let node: DefaultTreeAdapterTypes.ParentNode | null = element; node !== null; depth += 1) {
    if (depth > DEEPEST_NESTING) return true;
    node = "parentNode" in node ? node.parentNode : null;
  }
  return false;
}

class TooDeep extends Error {}

const treeAdapter = {
  ...defaultTreeAdapter,
  onItemPush(element: DefaultTreeAdapterTypes.Element): void {
    if (isDeeper(element)) throw new TooDeep();
  },
};

/**
 * Whether a page nests more than 500 elements. To be asked before a document is made of it: each element that comes into
 * a document tells all those around it, so that a few kilobytes of nested ones would take minutes.
 */
export function isNestedTooDeep(html: string): boolean {
  try {
    parse(html, { treeAdapter, scriptingEnabled: false });
    return false;
  } catch (error) {
    if (error instanceof TooDeep) return true;
    throw error;
  }
}
