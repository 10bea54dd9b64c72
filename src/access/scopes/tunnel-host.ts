/**
 * Hosts as tunnels name them. The target looks the name up, so each spelling that its resolver takes for the same address has to be
 * the same here; what cannot be read is nobody.
 */
export type TunnelHost =
  | { readonly kind: 'address'; readonly address: string; readonly isLoopback: boolean }
  | { readonly kind: 'name'; readonly name: string; readonly isLoopback: boolean };

const NAME_MAX = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** As /etc/hosts of Debian, Red Hat and SUSE name it, and RFC 6761 §6.3. */
const LOOPBACK_NAMES = new Set([
  'localhost',
  'localhost4',
  'localhost6',
  'ip6-localhost',
  'ip6-loopback',
  'ipv6-localhost',
  'ipv6-loopback',
  'localhost.localdomain',
  'localhost4.localdomain4',
  'localhost6.localdomain6',
]);

export function readHost(text: string): TunnelHost | null {
  if (text === '' || text.length > NAME_MAX + 1) return null;
  if (text.includes(':') || text.startsWith('[')) return fromIpv6(text.replace(/^\[(.*)\]$/, '$1'));
  const name = text.toLowerCase().replace(/\.$/, '');
  const labels = name.split('.');
  // A last label of digits makes no name: inet_aton takes it for an address, in up to four parts, hexadecimal and octal.
  if (/^(?:\d+|0x[\da-f]*)$/.test(labels.at(-1) ?? '')) return fromIpv4(labels);
  if (!labels.every((label) => LABEL.test(label))) return null;
  return { kind: 'name', name, isLoopback: LOOPBACK_NAMES.has(name) || name.endsWith('.localhost') };
}

function fromIpv4(parts: readonly string[]): TunnelHost | null {
  if (parts.length > 4) return null;
  const numbers = parts.map(readNumber);
  const last = numbers.pop();
  if (last === undefined || last === null || last >= 256 ** (4 - numbers.length)) return null;
  let value = last;
  for (const [index, number] of numbers.entries()) {
    if (number === null || number > 255) return null;
    value += number * 256 ** (3 - index);
  }
  return ipv4(value);
}

function readNumber(part: string): number | null {
  if (/^0x[\da-f]{1,8}$/.test(part)) return Number.parseInt(part, 16);
  if (/^0[0-7]{0,11}$/.test(part)) return Number.parseInt(part, 8);
  return /^[1-9]\d{0,9}$/.test(part) ? Number(part) : null;
}

/** 0.0.0.0/8 leads to the host itself, as 127.0.0.0/8 does. */
const ipv4 = (value: number): TunnelHost => {
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256);
  return { kind: 'address', address: octets.join('.'), isLoopback: octets[0] === 127 || octets[0] === 0 };
};

function fromIpv6(text: string): TunnelHost | null {
  const groups = readGroups(text);
  if (!groups) return null;
  const [high = 0, low = 0] = groups.slice(6);
  const isEmbedded = groups.slice(0, 5).every((group) => group === 0) && (groups[5] === 0xffff || groups[5] === 0);
  const address = groups.map((group) => group.toString(16)).join(':');
  if (!isEmbedded) return { kind: 'address', address, isLoopback: false };
  // ::ffff:a.b.c.d and the older ::a.b.c.d are IPv4; :: and ::1 are not.
  if (groups[5] === 0 && high === 0 && low <= 1) return { kind: 'address', address, isLoopback: true };
  return ipv4(high * 65_536 + low);
}

/** RFC 4291 §2.2. A zone (`%eth0`) is not read. */
function readGroups(text: string): number[] | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const lists = halves.map((half) => (half === '' ? [] : half.split(':')));
  // Nothing stands behind an IPv4 address, not even zeros that are left out.
  const tail = lists.at(-1) ?? [];
  const dotted = tail.at(-1)?.includes('.') ? readDotted(tail.pop() ?? '') : [];
  const [before = [], after = []] = lists.map((list) => list.map(readGroup));
  if (!dotted || [...before, ...after].some(Number.isNaN)) return null;
  const known = before.length + after.length + dotted.length;
  if (halves.length === 1 ? known !== 8 : known > 7) return null;
  return [...before, ...Array.from({ length: 8 - known }, () => 0), ...after, ...dotted];
}

const readGroup = (text: string): number => (/^[\da-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN);

function readDotted(text: string): number[] | null {
  const octets = text.split('.').map((part) => (/^(?:0|[1-9]\d{0,2})$/.test(part) ? Number(part) : 256));
  const [a = 0, b = 0, c = 0, d = 0] = octets;
  return octets.length === 4 && octets.every((octet) => octet < 256) ? [a * 256 + b, c * 256 + d] : null;
}

/** The ways to say localhost are one host; other addresses of the loopback are hosts of their own. */
const canonical = (host: TunnelHost): string => {
  if (host.kind === 'name') return host.isLoopback ? LOCALHOST : host.name;
  return host.address === '127.0.0.1' || host.address === '0:0:0:0:0:0:0:1' ? LOCALHOST : host.address;
};
const LOCALHOST = 'localhost';

export const sameHost = (a: TunnelHost | null, b: TunnelHost | null): boolean =>
  a !== null && b !== null && canonical(a) === canonical(b);

/** `*.suffix`, which one or more labels stand before, or a host in any spelling. */
export type HostPattern =
  | { readonly kind: 'host'; readonly host: TunnelHost }
  | { readonly kind: 'below'; readonly suffix: string };

export function readHostPattern(text: string): HostPattern | null {
  const host = readHost(text.startsWith('*.') ? text.slice(2) : text);
  if (!text.startsWith('*.')) return host && { kind: 'host', host };
  return host?.kind === 'name' ? { kind: 'below', suffix: `.${host.name}` } : null;
}
