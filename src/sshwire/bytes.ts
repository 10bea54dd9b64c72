/** Why bytes were refused. `why` is a clause of ours for people; text from outside is never in it unless it was made printable. */
export type WireRefusal<Code extends string = WireCode> = { readonly code: Code; readonly why: string };

export type WireCode =
  | 'truncated'
  | 'too_long'
  | 'trailing_bytes'
  | 'not_canonical'
  | 'bad_text'
  | 'bad_value'
  | 'unknown_type'
  | 'weak_key'
  | 'unordered_options'
  | 'duplicate_option'
  | 'bad_option_data';

/** Outcome of reading bytes from outside: a value, or why not. */
export type Read<T, R extends WireRefusal<string> = WireRefusal> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly refusal: R };

/** Thrown by readers; it never leaves this folder, because `attempt` turns it into a refusal. */
class Malformed extends Error {
  readonly refusal: WireRefusal;
  constructor(refusal: WireRefusal) {
    super(refusal.why);
    this.refusal = refusal;
  }
}

export function malformed(code: WireCode, why: string): never {
  throw new Malformed({ code, why });
}

/** Runs a reader over hostile bytes. Anything but a refusal is a fault of ours and goes on. */
export function attempt<T>(read: () => T): Read<T> {
  try {
    return { ok: true, value: read() };
  } catch (error) {
    if (error instanceof Malformed) return { ok: false, refusal: error.refusal };
    throw error;
  }
}

/** No field of what we read is longer: an RSA key of 16,384 bits and 256 principals fit. */
const STRING_MAX = 65_536;

/** A cursor over SSH data types (RFC 4251 §5). Each call advances it, or throws where the bytes are not there. */
export type Reader = {
  uint8(what: string): number;
  uint32(what: string): number;
  uint64(what: string): bigint;
  string(what: string, max?: number): Uint8Array;
  /** A string that is UTF-8. */
  utf8(what: string, max?: number): string;
  /** The same, without control characters. */
  text(what: string, max?: number): string;
  /** A positive integer in its shortest form, as unsigned big-endian bytes without leading zeros. */
  positiveMpint(what: string, maxBytes: number): Uint8Array;
  /** How many bytes were read so far. */
  position(): number;
  done(): boolean;
  end(what: string): void;
};

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Also line separators and the invisible formatting characters that reorder what a reader sees. */
const CONTROL_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\p{Cf}]/u;

export function reader(bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const take = (length: number, what: string): number => {
    if (length > bytes.length - at) malformed('truncated', `it ends inside its ${what}`);
    const start = at;
    at += length;
    return start;
  };
  const string = (what: string, max = STRING_MAX): Uint8Array => {
    const length = view.getUint32(take(4, what));
    if (length > max) malformed('too_long', `its ${what} is longer than ${max} bytes`);
    const start = take(length, what);
    return bytes.subarray(start, start + length);
  };
  return {
    string,
    uint8: (what) => view.getUint8(take(1, what)),
    uint32: (what) => view.getUint32(take(4, what)),
    uint64: (what) => view.getBigUint64(take(8, what)),
    utf8: (what, max) => readUtf8(string(what, max), what),
    text: (what, max) => withoutControls(readUtf8(string(what, max), what), what),
    positiveMpint: (what, maxBytes) => readPositive(string(what, maxBytes + 1), what, maxBytes),
    position: () => at,
    done: () => at === bytes.length,
    end(what) {
      if (at !== bytes.length) malformed('trailing_bytes', `bytes follow the end of the ${what}`);
    },
  };
}

function readUtf8(bytes: Uint8Array, what: string): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return malformed('bad_text', `its ${what} is not UTF-8`);
  }
}

function withoutControls(text: string, what: string): string {
  if (CONTROL_CHARACTERS.test(text)) malformed('bad_text', `its ${what} has control characters`);
  return text;
}

/** RFC 4251 §5: two's complement; unnecessary leading bytes MUST NOT be there. */
function readPositive(bytes: Uint8Array, what: string, maxBytes: number): Uint8Array {
  const [first, second] = bytes;
  if (first === undefined) return malformed('bad_value', `its ${what} is zero`);
  if (first >= 0x80) malformed('not_canonical', `its ${what} is negative`);
  const magnitude = first === 0 ? bytes.subarray(1) : bytes;
  if (first === 0 && (second === undefined || second < 0x80)) {
    malformed('not_canonical', `its ${what} has a needless leading zero`);
  }
  if (magnitude.length > maxBytes) malformed('too_long', `its ${what} is longer than ${maxBytes} bytes`);
  return magnitude;
}

/** One piece of an SSH message; `encode` strings pieces together. */
export const uint8 = (value: number): Uint8Array => Uint8Array.of(value);

export function uint32(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

export function uint64(value: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, value);
  return bytes;
}

export function string(value: Uint8Array | string): Uint8Array {
  const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
  return encode(uint32(bytes.length), bytes);
}

/** An mpint of unsigned big-endian bytes. */
export function mpint(unsigned: Uint8Array): Uint8Array {
  const start = unsigned.findIndex((byte) => byte !== 0);
  if (start === -1) return string(new Uint8Array(0));
  const magnitude = unsigned.subarray(start);
  return string((magnitude[0] ?? 0) >= 0x80 ? encode(uint8(0), magnitude) : magnitude);
}

export const encode = (...pieces: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(pieces));

export const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
