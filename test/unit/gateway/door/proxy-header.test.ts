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

  it('is known by how it starts, where nobody may send one', () => {
    expect(startsAsProxyHeader(v1('PROXY TCP4 x'))).toBe(true);
    expect(startsAsProxyHeader(v2('21'))).toBe(true);
    expect(startsAsProxyHeader(Buffer.from('SSH-2.0-PROXY \r\n'))).toBe(false);
  });
});
