import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressInList, networkOf } from '../../../src/sshwire/address.ts';

const numRuns = process.env['DAYPASS_LONG'] === '1' ? 100_000 : 3_000;

describe('a source-address list', () => {
  it('takes addresses and ranges of both families', () => {
    expect(addressInList('192.0.2.7', '192.0.2.7')).toBe(true);
    expect(addressInList('192.0.2.7', '192.0.2.8')).toBe(false);
    expect(addressInList('10.0.0.0/8,192.0.2.0/24', '192.0.2.255')).toBe(true);
    expect(addressInList('10.0.0.0/8,192.0.2.0/24', '192.0.3.0')).toBe(false);
    expect(addressInList('0.0.0.0/0', '203.0.113.9')).toBe(true);
    expect(addressInList('0.0.0.0/0', '2001:db8::1')).toBe(false);
    expect(addressInList('0.0.0.0/0', '::1')).toBe(false);
    expect(addressInList('::/0', '0.0.0.1')).toBe(false);
    expect(addressInList('2001:db8::/32', '2001:DB8:ffff::1')).toBe(true);
    expect(addressInList('2001:db8::/32', '2001:db9::1')).toBe(false);
    expect(addressInList('::/0', '::1')).toBe(true);
    expect(addressInList('::1', '0:0:0:0:0:0:0:1')).toBe(true);
  });

  it.each([
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1:2:3::5:6:7:8', '1:2:3:0:5:6:7:8'],
    ['1:2:3:4:5:6:255.254.1.0', '1:2:3:4:5:6:fffe:100'],
    ['::102:304', '::1.2.3.4'],
    ['a::', '000a:0:0:0:0:0:0.0.0.0'],
    ['0000:0000:0000:0000:0000:aaaa:255.255.255.255', '::aaaa:ffff:ffff'],
  ])('takes each spelling of an address: %s and %s are one', (list, address) => {
    expect(addressInList(list, address)).toBe(true);
    expect(addressInList(address, list)).toBe(true);
  });

  it('has no more than 4096 characters', () => {
    const longest = `${'192.0.2.7,'.repeat(408)}1.1.1.1,10.1.1.1`;
    expect(longest).toHaveLength(4_096);
    expect(addressInList(longest, '10.1.1.1')).toBe(true);
    expect(addressInList(`${longest}0`, '192.0.2.7')).toBeNull();
  });

  it('knows an IPv4 peer that a socket for both families shows as IPv6', () => {
    expect(addressInList('192.0.2.0/24', '::ffff:192.0.2.7')).toBe(true);
    expect(addressInList('192.0.2.0/24', '::ffff:c000:207')).toBe(true);
    expect(addressInList('192.0.2.0/24', '::ffff:192.0.3.7')).toBe(false);
    expect(addressInList('::/0', '::ffff:192.0.2.7')).toBe(false);
  });

  it('is refused whole where one part of it is malformed', () => {
    const malformed = [
      '',
      ',',
      '192.0.2.7,',
      '192.0.2.0/33',
      '192.0.2.0/-1',
      '192.0.2.0/024',
      '192.0.2.0/',
      '192.0.2.1/24',
      '192.0.2.0/24/24',
      '192.0.2.0/24x',
      'x/192.0.2.0/24',
      '192.0.2.0/1000',
      '192.0.2.7 ',
      '192.0.2.7.1',
      'x192.0.2.7',
      '192.0.2.',
      '2001:db8::1/32',
      '2001:db8::/129',
      '192.0.2',
      '192.0.2.07',
      '192.0.2.256',
      ' 192.0.2.7',
      '*.0.2.7',
      '!192.0.2.7',
      'localhost',
      '::ffff:192.0.2.0/120',
      '1::2::3',
      ':::',
      ':',
      ':1:2:3:4:5:6:7',
      '12345::',
      '::g',
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4::5:6:7:8',
      '1:2:3:4:5:6:7:1.2.3.4',
      '::1.2.3.4:5',
      '::1.2.3.4:1.2.3.4',
      '::1.2.3.256',
      'fe80::1%eth0',
      '1.2.3.4::',
      `192.0.2.7${',192.0.2.7'.repeat(1_000)}`,
    ];
    for (const list of malformed) expect([list, addressInList(`192.0.2.7,${list}`, '192.0.2.7')]).toEqual([list, null]);
  });

  it('holds no address that is none', () => {
    for (const peer of ['', 'unknown', '192.0.2.7:22', '/run/socket', '192.0.2.7/32', '::ffff:192.0.2', 'fe80::1%lo']) {
      expect([peer, addressInList('0.0.0.0/0,::/0', peer)]).toEqual([peer, false]);
    }
  });

  it('agrees with node:net about every well-formed address and range', () => {
    const v4 = fc.tuple(fc.ipV4(), fc.nat(32), fc.constant('ipv4' as const));
    const v6 = fc.tuple(fc.ipV6(), fc.nat(128), fc.constant('ipv6' as const));
    const property = fc.property(fc.oneof(v4, v6), fc.nat(7), ([address, prefix, family], flips) => {
      const base = masked(address, prefix);
      const peer = flipped(base, prefix, flips);
      const list = new BlockList();
      list.addSubnet(base, prefix, family);
      fc.pre(!peer.startsWith('::ffff:') && !base.startsWith('::ffff:'));
      expect(addressInList(`${base}/${prefix}`, peer)).toBe(list.check(peer, family));
    });
    fc.assert(property, { seed: 2, numRuns });
  });
});

/** Address arithmetic that shares nothing with what is tested: bytes taken from URL's own parser. */
function toBytes(address: string): number[] {
  if (isIP(address) === 4) return address.split('.').map(Number);
  const host = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = '', tail] = host.split('::');
  const groups = (half: string | undefined): string[] => (half ? half.split(':') : []);
  const zeros = new Array<string>(8 - groups(head).length - groups(tail).length).fill('0');
  const words = tail === undefined ? groups(head) : [...groups(head), ...zeros, ...groups(tail)];
  return words.flatMap((word) => [Number.parseInt(word, 16) >> 8, Number.parseInt(word, 16) & 0xff]);
}

function toText(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.');
  const words = Array.from({ length: 8 }, (_, i) =>
    (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
  );
  return words.join(':');
}

const withBit = (bytes: readonly number[], bit: number, change: (byte: number, mask: number) => number): number[] =>
  bytes.map((byte, i) => (i === bit >> 3 ? change(byte, 0x80 >> (bit & 7)) : byte));

function masked(address: string, prefix: number): string {
  let bytes = toBytes(address);
  for (let bit = prefix; bit < bytes.length * 8; bit += 1) bytes = withBit(bytes, bit, (byte, mask) => byte & ~mask);
  return toText(bytes);
}

/** Flips one bit near the prefix's end, on either side, or none. */
function flipped(address: string, prefix: number, flips: number): string {
  const bytes = toBytes(address);
  const bit = prefix - 4 + flips;
  if (bit < 0 || bit >= bytes.length * 8) return address;
  return toText(withBit(bytes, bit, (byte, mask) => byte ^ mask));
}

describe('what an address is counted under', () => {
  it.each([
    ['192.0.2.7', 64, '192.0.2.7'],
    ['::ffff:192.0.2.7', 64, '192.0.2.7'],
    ['::FFFF:c000:207', 64, '192.0.2.7'],
    ['0:0:0:0:0:ffff:c0a8:1', 64, '192.168.0.1'],
    ['::fffe:192.0.2.7', 128, '0:0:0:0:0:fffe:c000:207/128'],
    ['2001:db8:1:2:3:4:5:6', 64, '2001:db8:1:2::/64'],
    ['2001:db8:1:2:ffff::1', 64, '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', 64, '2001:db8:1:3::/64'],
    ['2001:db8:1:2ff::1', 56, '2001:db8:1:200::/56'],
    ['2001:db8::1', 128, '2001:db8:0:0:0:0:0:1/128'],
    ['::1', 64, '0::/64'],
    ['fe80::1%eth0', 64, 'fe80::/64'],
    ['fe80::1%a%b', 64, 'fe80::/64'],
    ['2001:db8:1:20:3::', 64, '2001:db8:1:20::/64'],
    ['2001:db8:0:5:0:6::', 96, '2001:db8:0:5:0:6::/96'],
    ['no address', 64, 'no address'],
  ])('%s by a prefix of %i is %s', (address, prefix, network) => {
    expect(networkOf(address, prefix)).toBe(network);
  });
});
