/** A word of a typed line, or what stands between quotes. */
export type TypedToken = { readonly text: string; readonly quoted: boolean };

/** As keyboards and phones type them; whichever opens, whichever closes. */
const QUOTE = /["“”„‟＂«»]/u;

/** `isOpen` where the last quote is never closed; what follows it is taken as quoted. */
export function tokensOf(line: string): { readonly tokens: readonly TypedToken[]; readonly isOpen: boolean } {
  const parts = line.split(QUOTE);
  const tokens = parts.flatMap((part, index): TypedToken[] =>
    index % 2 === 1
      ? [{ text: part, quoted: true }]
      : part
          .split(/\s+/)
          .filter((word) => word !== '')
          .map((word) => ({ text: word, quoted: false })),
  );
  return { tokens, isOpen: parts.length % 2 === 0 };
}
