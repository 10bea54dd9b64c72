import { isUtf8 } from 'node:buffer';

/** Bytes are looked at in cells of so many; what is left at the end of a piece belongs to its last cell. */
export const CELL = 256;

/** ASCII's controls without those that terminals and text files use: bell, backspace, tab, line ends, form feed, escape. */
const ODD = new Uint8Array(256);
for (let byte = 0x01; byte < 0x20; byte += 1) ODD[byte] = 1;
for (const byte of [0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x1b]) ODD[byte] = 0;
ODD[0x7f] = 1;

/** One odd byte in so many is still text: compressed and encrypted bytes have one in ten. */
const ODD_RATIO = 64;
/** One byte in so many says something: UTF-32 has three NULs beside each. */
const FILLED_RATIO = 8;

/** UTF-8 without NUL. Characters that were cut at either end do not count against it. Costs as good as nothing. */
export function isUtf8Text(bytes: Buffer): boolean {
  if (bytes.indexOf(0) !== -1) return false;
  let start = 0;
  while (start < 3 && start < bytes.length && isContinuation(bytes[start])) start += 1;
  return isUtf8(bytes.subarray(start, bytes.length - cutAtEnd(bytes)));
}

const isContinuation = (byte = 0): boolean => (byte & 0xc0) === 0x80;

/** How many bytes at the end begin a character that goes on elsewhere. */
function cutAtEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (isContinuation(byte)) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}

/**
 * Whether bytes may be text in any encoding: UTF-16 and UTF-32 of Western languages, every 8-bit and multi-byte encoding that keeps
 * ASCII's controls, text with NULs strewn in. In doubt they are.
 */
export function mayBeText(bytes: Buffer, start: number, end: number): boolean {
  let odd = 0;
  let empty = 0;
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at] as number;
    odd += ODD[byte] as number;
    if (byte === 0) empty += 1;
  }
  const filled = end - start - empty;
  return filled * FILLED_RATIO >= end - start && odd * ODD_RATIO <= filled;
}
