import { isIP, SocketAddress } from 'node:net';
import { PROXY_V2_MAX } from '../limits.ts';

/**
 * The header that a balancer puts before a connection: the PROXY protocol, versions 1 and 2, as haproxy's proxy-protocol.txt has it.
 * Checksums and TLVs of version 2 are passed over, as its §2.2 allows.
 */

export type ProxyHeader =
  /** Not all of it is there. */
  | { readonly kind: 'part' }
  | { readonly kind: 'none'; readonly why: string }
  /** `source` is null where the balancer speaks for itself (LOCAL) or does not know (UNKNOWN, AF_UNSPEC, a Unix socket). */
  | { readonly kind: 'whole'; readonly length: number; readonly source: string | null };

/** §2.1: the longest line, with its CRLF. */
const V1_MAX = 107;
const V1_START = Buffer.from('PROXY ', 'latin1');
const V2_SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const V2_FIXED = 16;
const LOCAL = 0x20;
const PROXY = 0x21;
/** §2.2: the address family in the upper half, the transport protocol in the lower. */
const TCP_OVER_IPV4 = 0x11;
const TCP_OVER_IPV6 = 0x21;
const FAMILIES: readonly number[] = [0x00, 0x11, 0x12, 0x21, 0x22, 0x31, 0x32];
const ADDRESSES = { [TCP_OVER_IPV4]: 12, [TCP_OVER_IPV6]: 36 } as const;

/** Whether these are the first bytes of such a header; no SSH client begins like that. */
export const startsAsProxyHeader = (bytes: Buffer): boolean =>
  [V1_START, V2_SIGNATURE].some((start) => bytes.subarray(0, start.length).equals(start));

export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (agrees(bytes, V1_START)) return readLine(bytes);
  if (agrees(bytes, V2_SIGNATURE)) return bytes.length < V2_FIXED ? { kind: 'part' } : readBinary(bytes);
  return none('no PROXY protocol header');
}

const none = (why: string): ProxyHeader => ({ kind: 'none', why });

const agrees = (bytes: Buffer, start: Buffer): boolean => {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
};

/** `PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n` */
function readLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, V1_MAX).indexOf('\r\n');
  if (end < 0) return bytes.length < V1_MAX ? { kind: 'part' } : none('a line of more than 107 bytes');
  const line = bytes.toString('latin1', 0, end);
  const length = end + 2;
  if (line === 'PROXY UNKNOWN' || line.startsWith('PROXY UNKNOWN ')) return { kind: 'whole', length, source: null };
  const [, family, source = '', destination = '', ...ports] =
    /^PROXY TCP([46]) ([0-9A-Fa-f.:]+) ([0-9A-Fa-f.:]+) (0|[1-9]\d{0,4}) (0|[1-9]\d{0,4})$/.exec(line) ?? [];
  const isWhole =
    [source, destination].every((address) => isIP(address) === Number(family)) &&
    ports.every((port) => Number(port) <= 65_535);
  return isWhole
    ? { kind: 'whole', length, source: asNodeWrites(source) }
    : none('a line that is not valid in version 1');
}

function readBinary(bytes: Buffer): ProxyHeader {
  const [command = 0, family = 0] = bytes.subarray(12);
  const rest = bytes.readUInt16BE(14);
  if (command !== LOCAL && command !== PROXY) return none('a command that is not valid in version 2');
  if (!FAMILIES.includes(family)) return none('a family or transport that is not valid in version 2');
  if (rest > PROXY_V2_MAX) return none(`more than ${PROXY_V2_MAX} bytes of addresses and extensions`);
  const length = V2_FIXED + rest;
  const isKnown = family === TCP_OVER_IPV4 || family === TCP_OVER_IPV6;
  if (command === PROXY && isKnown && rest < ADDRESSES[family]) return none('addresses that are cut short');
  if (bytes.length < length) return { kind: 'part' };
  if (command === LOCAL || !isKnown) return { kind: 'whole', length, source: null };
  const at = bytes.subarray(V2_FIXED);
  const source = family === TCP_OVER_IPV4 ? [...at.subarray(0, 4)].join('.') : asNodeWrites(ipv6(at));
  return { kind: 'whole', length, source };
}

const ipv6 = (bytes: Buffer): string =>
  Array.from({ length: 8 }, (_, group) => bytes.readUInt16BE(2 * group).toString(16)).join(':');

/** One address has one spelling: that of a peer's address. */
const asNodeWrites = (address: string): string =>
  isIP(address) === 6 ? new SocketAddress({ address, family: 'ipv6' }).address : address;
