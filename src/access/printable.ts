/** Texts of others, made fit for a terminal. The two are not the same: who knows the reader's terminal may show every script. */

/** For terminals whose character set nobody knows: printable ASCII. Lengths stay as they are. */
export const asciiOnly = (text: string): string => text.replace(/[^\x20-\x7e]/g, '?');

/** For readers of any script: nothing that moves a cursor, turns text round or cannot be seen. */
export const withoutControls = (text: string): string => text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?');
