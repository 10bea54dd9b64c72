/** An IPv4 or IPv6 address as a number. */
type Address = { readonly bits: 32 | 128; readonly value: bigint };

/** `10.0.0.0/8`: the addresses that begin with the first `prefix` bits of `value`. */
type AddressRange = Address & { readonly prefix: number };

const LIST_MAX = 4_096;

/**
 * Whether `address` lies in a comma-separated list of addresses and CIDR ranges, as sshd_config's and a certificate's
 * source-address mean it. Null where the list is malformed: the whole list has to be well-formed, as sshd demands.
 */
export function addressInList(list: string, address: string): boolean | null {
  const ranges = parseAddressList(list);
  if (!ranges) return null;
  const parsed = parseAddress(address);
  const peer = parsed && unmapped(parsed);
  if (!peer) return false;
  return ranges.some((range) => range.bits === peer.bits && sameStart(range, peer.value));
}

/** The ranges of a list; null where one of them is malformed, has bits set behind its prefix, or is IPv4 written as IPv6. */
export function parseAddressList(list: string): readonly AddressRange[] | null {
  if (list.length > LIST_MAX) return null;
  const ranges = list.split(',').map(parseRange);
  return ranges.every((range) => range !== null) ? ranges : null;
}

/** What an address is counted under: itself, or for IPv6 the network that its first `ipv6Prefix` bits name. */
export function networkOf(address: string, ipv6Prefix: number): string {
  // The zone of a link-local address (RFC 4007 §11) is a name of this host's.
  const parsed = parseAddress(address.replace(/%.*/s, ''));
  const peer = parsed && unmapped(parsed);
  if (!peer) return address;
  if (peer.bits === 32) return [24n, 16n, 8n, 0n].map((shift) => (peer.value >> shift) & 0xffn).join('.');
  const behind = BigInt(128 - ipv6Prefix);
  const network = (peer.value >> behind) << behind;
  const words = Array.from({ length: 8 }, (_, index) => (network >> BigInt(112 - 16 * index)) & 0xffffn);
  return `${words
    .map((word) => word.toString(16))
    .join(':')
    .replace(/(?::0)+$/, '::')}/${ipv6Prefix}`;
}

function parseRange(text: string): AddressRange | null {
  const [, base = '', digits] = /^([^/]*)(?:\/(0|[1-9][0-9]{0,2}))?$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (!address || unmapped(address) !== address) return null;
  const prefix = digits === undefined ? address.bits : Number(digits);
  if (prefix > address.bits) return null;
  const behind = BigInt(address.bits - prefix);
  if ((address.value >> behind) << behind !== address.value) return null;
  return { ...address, prefix };
}

function sameStart(range: AddressRange, value: bigint): boolean {
  const behind = BigInt(range.bits - range.prefix);
  return range.value >> behind === value >> behind;
}

/** ::ffff:192.0.2.1 is how a socket that takes both families shows an IPv4 peer (RFC 4291 §2.5.5.2). */
const unmapped = (address: Address): Address =>
  address.value >> 32n === 0xffffn ? { bits: 32, value: address.value & 0xffff_ffffn } : address;

const parseAddress = (text: string): Address | null => (text.includes(':') ? parseIPv6(text) : parseIPv4(text));

function parseIPv4(text: string): Address | null {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => /^(0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255)) {
    return null;
  }
  return { bits: 32, value: octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n) };
}

/** RFC 4291 §2.2; a zone has no meaning on another host and is not taken. */
function parseIPv6(text: string): Address | null {
  if (text.length > 45) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map((half, index) => groups(half, index === halves.length - 1));
  if (!head || tail === null) return null;
  const missing = 8 - head.length - (tail?.length ?? 0);
  if (tail === undefined ? missing !== 0 : missing < 1) return null;
  const all = [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
  return { bits: 128, value: all.reduce((value, group) => (value << 16n) | BigInt(group), 0n) };
}

function groups(half: string, last: boolean): number[] | null {
  if (half === '') return [];
  const found: number[] = [];
  const words = half.split(':');
  for (const [index, word] of words.entries()) {
    const embedded = last && index === words.length - 1 ? parseIPv4(word) : null;
    if (embedded) found.push(Number(embedded.value >> 16n), Number(embedded.value & 0xffffn));
    else if (/^[0-9a-fA-F]{1,4}$/.test(word)) found.push(Number.parseInt(word, 16));
    else return null;
  }
  return found;
}
