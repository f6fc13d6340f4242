/** The most that a page may have. */
const PAGE_SIZE = 1000;

/** Reads a list page by page to its end. */
export async function allPages<T>(
  read: (page: {
    page: number;
    limit: number;
  }) => Promise<{ readonly items: readonly T[]; readonly total: number }>,
): Promise<readonly T[]> {
  const all: T[] = [];
  for (let page = 1; ; page += 1) {
    const { items, total } = await read({ page, limit: PAGE_SIZE });
    all.push(...items);
    // An empty page ends it too: the list may have become shorter meanwhile.
    if (items.length === 0 || all.length >= total) return all;
  }
}
