/** The number and the hash of an event in the audit log. They stand for it and for all events before it. */
export type AuditHead = { readonly number: number; readonly hash: string };

/** Hex digits of a hash that people are shown. */
const SHORT = 12;
const HEAD = /^([1-9][0-9]{0,14}):([0-9a-f]{12,64})$/;
const WHOLE = 64;

/** `<number>:<hash>`, as `daypass verify audit --head` reads it. */
export const headText = ({ number, hash }: AuditHead): string => `${number}:${hash}`;

export const shortHead = ({ number, hash }: AuditHead): string => headText({ number, hash: hash.slice(0, SHORT) });

/** Its hash may be the beginning of one, as people are shown it. Null for what is not a head. */
export function parseHead(text: string): AuditHead | null {
  const [, number, hash] = HEAD.exec(text) ?? [];
  return number === undefined || hash === undefined ? null : { number: Number(number), hash };
}

export const isWholeHead = (head: AuditHead): boolean => head.hash.length === WHOLE;
