import { describe, expect, it } from 'vitest';
import { type ProxyHeader, readProxyHeader, startsAsProxyHeader } from '../../../../src/gateway/door/proxy-header.ts';

/** The examples and tables of haproxy's proxy-protocol.txt. */

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const v2 = (rest: string): Buffer => Buffer.from(SIGNATURE + rest.replaceAll(' ', ''), 'hex');
const v1 = (line: string): Buffer => Buffer.from(`${line}\r\n`, 'latin1');
const IPV4 = 'c0000201 c6336401 dc04 0016';
const IPV6 = '20010db8000000000000000000000001 20010db8000000000000000000000002 dc04 0016';
const LONGEST = `PROXY UNKNOWN ${'ffff:'.repeat(7)}ffff ${'ffff:'.repeat(7)}ffff 65535 65535`;

describe('a header of the PROXY protocol', () => {
  it.each<[string, Buffer, string | null]>([
    ['version 1, TCP over IPv4', v1('PROXY TCP4 192.0.2.1 198.51.100.1 56324 22'), '192.0.2.1'],
    ['the highest ports', v1('PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535'), '255.255.255.255'],
    ['version 1, TCP over IPv6', v1('PROXY TCP6 2001:DB8:0:0::1 2001:db8::2 56324 22'), '2001:db8::1'],
    ['UNKNOWN', v1('PROXY UNKNOWN'), null],
    ['UNKNOWN with what is to be passed over', v1(LONGEST), null],
    ['version 2, TCP over IPv4', v2(`21 11 000c ${IPV4}`), '192.0.2.1'],
    ['version 2, TCP over IPv6', v2(`21 21 0024 ${IPV6}`), '2001:db8::1'],
    ['version 2 with extensions', v2(`21 11 0010 ${IPV4} 04 0001 00`), '192.0.2.1'],
    ['LOCAL', v2('20 00 0000'), null],
    ['LOCAL with addresses, which are to be passed over', v2(`20 11 000c ${IPV4}`), null],
    ['UNSPEC', v2('21 00 0000'), null],
    ['a Unix socket', v2(`21 31 00d8 ${'00'.repeat(216)}`), null],
    ['the longest that is taken', v2(`21 11 0800 ${IPV4} ${'00'.repeat(2_048 - 12)}`), '192.0.2.1'],
  ])('%s: whole, and in any two parts', (_name, bytes, source) => {
    const whole: ProxyHeader = { kind: 'whole', length: bytes.length, source };
    expect(readProxyHeader(bytes)).toEqual(whole);
    expect(readProxyHeader(Buffer.concat([bytes, Buffer.from('SSH-2.0-x\r\n')]))).toEqual(whole);
    for (let cut = 0; cut < bytes.length; cut += 1) {
      expect(readProxyHeader(bytes.subarray(0, cut))).toEqual({ kind: 'part' });
    }
  });

  it.each<[string, Buffer]>([
    ['what a client says', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
    ['a family that is none', v1('PROXY UDP4 192.0.2.1 198.51.100.1 1 22')],
    ['an address of the other family', v1('PROXY TCP4 2001:db8::1 2001:db8::2 1 22')],
    ['an octet above 255', v1('PROXY TCP4 192.0.2.256 198.51.100.1 1 22')],
    ['a destination that is none', v1('PROXY TCP4 192.0.2.1 x 1 22')],
    ['a port above 65535', v1('PROXY TCP4 192.0.2.1 198.51.100.1 65536 22')],
    ['a port with a zero before it', v1('PROXY TCP4 192.0.2.1 198.51.100.1 01 22')],
    ['two spaces', v1('PROXY  TCP4 192.0.2.1 198.51.100.1 1 22')],
    ['no ports', v1('PROXY TCP4 192.0.2.1 198.51.100.1')],
    ['a line break without its first half', Buffer.from(`PROXY TCP4 192.0.2.1 198.51.100.1 1 22\n${' '.repeat(107)}`)],
    ['107 bytes without an end', Buffer.from(LONGEST.padEnd(107, '1'))],
    ['version 1 in the binary header', v2(`11 11 000c ${IPV4}`)],
    ['a command that is none', v2(`22 11 000c ${IPV4}`)],
    ['a family that is none in the binary header', v2(`21 41 000c ${IPV4}`)],
    ['a transport that is none', v2(`21 13 000c ${IPV4}`)],
    ['addresses that are cut short', v2('21 11 000b')],
    ['IPv6 in the room of IPv4', v2(`21 21 000c ${IPV4}`)],
    ['one byte more than is taken', v2('21 11 0801')],
  ])('not %s', (_name, bytes) => {
    expect(readProxyHeader(bytes)).toMatchObject({ kind: 'none' });
  });

  it.each<[string, Buffer, string]>([
    ['SSH', Buffer.from('SSH-2.0-x\r\n'), 'no PROXY protocol header'],
    ['a longer line', Buffer.from(`PROXY ${'x'.repeat(101)}`), 'a line of more than 107 bytes'],
    ['a line that ends too late', v1(`PROXY UNKNOWN ${'x'.repeat(92)}`), 'a line of more than 107 bytes'],
    ['no protocol', v1('PROXY '), 'a line that is not valid in version 1'],
    ['a word that begins with UNKNOWN', v1('PROXY UNKNOWNS'), 'a line that is not valid in version 1'],
    [
      'another word before it',
      v1('PROXY PROXY TCP4 192.0.2.1 198.51.100.1 1 22'),
      'a line that is not valid in version 1',
    ],
    ['another word behind it', v1('PROXY TCP4 192.0.2.1 198.51.100.1 1 22 3'), 'a line that is not valid in version 1'],
    [
      'the other family in its source',
      v1('PROXY TCP6 192.0.2.1 2001:db8::1 1 22'),
      'a line that is not valid in version 1',
    ],
    [
      'the other family in its destination',
      v1('PROXY TCP6 2001:db8::1 192.0.2.1 1 22'),
      'a line that is not valid in version 1',
    ],
    [
      'a first port above 65535',
      v1('PROXY TCP4 192.0.2.1 198.51.100.1 65536 1'),
      'a line that is not valid in version 1',
    ],
    [
      'a second port above 65535',
      v1('PROXY TCP4 192.0.2.1 198.51.100.1 1 65536'),
      'a line that is not valid in version 1',
    ],
    ['a port of six digits', v1('PROXY TCP4 192.0.2.1 198.51.100.1 1 000001'), 'a line that is not valid in version 1'],
    ['another command', v2(`22 11 000c ${IPV4}`), 'a command that is not valid in version 2'],
    ['another family', v2(`21 41 000c ${IPV4}`), 'a family or transport that is not valid in version 2'],
    ['too much', v2('21 11 0801'), 'more than 2048 bytes of addresses and extensions'],
    ['too little for IPv4', v2('21 11 000b'), 'addresses that are cut short'],
    ['too little for IPv6', v2('21 21 0023'), 'addresses that are cut short'],
  ])('says what it is instead: %s', (_name, bytes, why) => {
    expect(readProxyHeader(bytes)).toEqual({ kind: 'none', why });
  });

  it.each<[string, string | null]>([
    ['00', null],
    ['11', '192.0.2.1'],
    ['12', null],
    ['21', '2001:db8::1'],
    ['22', null],
    ['31', null],
    ['32', null],
  ])('of family and transport %s names %s, and of the balancer itself nobody', (family, source) => {
    const addresses = family === '21' ? IPV6 : IPV4.padEnd(72, '00');
    const length = Buffer.from(addresses.replaceAll(' ', ''), 'hex').length;
    const rest = `${length.toString(16).padStart(4, '0')} ${addresses}`;
    expect(readProxyHeader(v2(`21 ${family} ${rest}`))).toEqual({ kind: 'whole', length: 16 + length, source });
    expect(readProxyHeader(v2(`20 ${family} ${rest}`))).toEqual({ kind: 'whole', length: 16 + length, source: null });
    expect(readProxyHeader(v2(`20 ${family} 0000`))).toEqual({ kind: 'whole', length: 16, source: null });
  });

  it('may be one of 107 bytes, with its end', () => {
    const longest = v1(`PROXY UNKNOWN ${'x'.repeat(91)}`);
    expect(longest).toHaveLength(107);
    expect(readProxyHeader(longest)).toEqual({ kind: 'whole', length: 107, source: null });
    expect(readProxyHeader(longest.subarray(0, 106))).toEqual({ kind: 'part' });
  });

  it('is known by how it starts, where nobody may send one', () => {
    expect(startsAsProxyHeader(v1('PROXY TCP4 x'))).toBe(true);
    expect(startsAsProxyHeader(v2('21'))).toBe(true);
    expect(startsAsProxyHeader(Buffer.from('PROXY '))).toBe(true);
    expect(startsAsProxyHeader(v2(''))).toBe(true);
    for (const no of ['', 'PROXY', 'proxy TCP4', ' PROXY TCP4', '\r\n\r\n\0\r\nQUIT', 'SSH-2.0-x\r\nPROXY TCP4 x']) {
      expect([no, startsAsProxyHeader(Buffer.from(no))]).toEqual([no, false]);
    }
    expect(startsAsProxyHeader(Buffer.from('SSH-2.0-PROXY \r\n'))).toBe(false);
  });
});
