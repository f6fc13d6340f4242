const MIN_LENGTH = 16;

/** Whether a text may be the key of a database: shorter ones can be guessed. The driver derives the cipher's key from it. */
export const isDatabaseKey = (text: string): boolean => text.length >= MIN_LENGTH;
