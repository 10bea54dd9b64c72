import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readHost, readHostPattern, sameHost } from '../../../../src/access/scopes/tunnel-host.ts';
import { hostileText, runs } from '../../../support/samples/hostile-text.ts';
import { LOOPBACK, UNREADABLE } from '../../../support/samples/hosts.ts';

describe('a host', () => {
  it('is the loopback in any of its spellings', () => {
    for (const text of LOOPBACK) expect(readHost(text), text).toMatchObject({ isLoopback: true });
  });

  it('that resolvers may take for something else is nobody', () => {
    for (const text of UNREADABLE) expect(readHost(text), text).toBeNull();
  });

  it('is the same in another spelling', () => {
    const same = [
      ...[
        ['10.0.0.5', '10.5'],
        ['10.0.0.5', '0xa.5'],
        ['10.0.0.5', '::ffff:10.0.0.5'],
        ['10.0.0.5', '[::ffff:a00:5]'],
      ],
      ...[
        ['db.internal', 'DB.Internal.'],
        ['2001:db8::1', '2001:DB8:0:0:0:0:0:1'],
        ['localhost', '127.0.0.1'],
        ['::1', '127.1'],
      ],
    ] as const;
    for (const [a, b] of same) expect(sameHost(readHost(a ?? ''), readHost(b ?? '')), `${a} ${b}`).toBe(true);
    const different = [
      ['127.0.0.1', '127.0.0.2'],
      ['a', 'b'],
      ['10.0.0.5', 'db'],
      ['0', '127.0.0.1'],
      ['::5', '::6'],
      ['', ''],
      ['', 'a'],
      ['a', ''],
      ['localhost', 'localhost.example'],
      ['127.0.0.1', '0.0.0.1'],
      ['::', '::1'],
    ] as const;
    for (const [a, b] of different) expect(sameHost(readHost(a), readHost(b)), `${a} ${b}`).toBe(false);
  });

  it.each([
    ['10.1.2.3', '10.1.2.3'],
    ['255.255.255.255', '255.255.255.255'],
    ['10.1.2', '10.1.0.2'],
    ['10.1.65535', '10.1.255.255'],
    ['10.1', '10.0.0.1'],
    ['10.16777215', '10.255.255.255'],
    ['4294967295', '255.255.255.255'],
    ['0xA.0X10.077.9', '10.16.63.9'],
    ['1.1.1.1.', '1.1.1.1'],
    ['1::8', '1:0:0:0:0:0:0:8'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['::2:3:4:5:6:7:8', '0:2:3:4:5:6:7:8'],
    ['1::', '1:0:0:0:0:0:0:0'],
    ['1:2:3:4:5:6:1.2.3.4', '1:2:3:4:5:6:102:304'],
    ['1::1.2.3.4', '1:0:0:0:0:0:102:304'],
    ['::FFFF:a00:5', '10.0.0.5'],
    ['::a00:5', '10.0.0.5'],
    ['::1:0', '0.1.0.0'],
    ['::2', '0.0.0.2'],
    ['::fffe:a00:5', '0:0:0:0:0:fffe:a00:5'],
    ['0:0:0:0:1:ffff:a00:5', '0:0:0:0:1:ffff:a00:5'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['::', '0:0:0:0:0:0:0:0'],
    ['[fe80::1]', 'fe80:0:0:0:0:0:0:1'],
  ])('%s is the address %s', (text, address) => {
    expect(readHost(text)).toMatchObject({ kind: 'address', address });
  });

  it.each([
    ['128.0.0.1', false],
    ['126.255.255.255', false],
    ['1.0.0.0', false],
    ['0.255.255.255', true],
    ['10.0.0.127', false],
    ['127.9.9.9', true],
    ['::ffff:0:1', true],
    ['::2', true],
    ['1::1', false],
    ['fe80::', false],
    ['localhost.example', false],
    ['xlocalhost', false],
    ['x.localhost', true],
    ['ipv6-loopback', true],
  ])('%s is of the loopback: %s', (text, isLoopback) => {
    expect(readHost(text)).toMatchObject({ isLoopback });
  });

  it.each([
    ...['1.2.3.4.5', '256.0.0.1', '1.256.0.1', '1.2.256.1', '1.2.3.256', '1.2.65536', '1.16777216', '4294967296'],
    ...['1.2.3.0400', '1.2.3.0x100', '0x100000000', '00000000000001', '10000000000', '1.a.3.4', '9.08.1.1'],
    ...[
      '1:2:3:4:5:6:7',
      '1:2:3:4:5:6:7:8:9',
      '1:2:3:4:5:6:7:8::',
      '1::2::3',
      'x::',
      '::10000',
      '::12345',
      '1:2',
      ':1:2',
    ],
    ...[
      '::1.2.3',
      '::1.2.3.4.5',
      '::1.2.3.256',
      '::01.2.3.4',
      '::1.2.3.4:5',
      '1.2.3.4::',
      '1:1.2.3.4::',
      '1.2.3.4::5',
      '1:2:3:4:5:6:7:1.2.3.4',
      '::g',
    ],
    ...[
      '::1.2.3.x',
      '::1.2.3.1000',
      '[]',
      '[',
      ']',
      '[1',
      '1]',
      'x[::1]',
      '[::1]x',
      `${'a'.repeat(63)}a`,
      'a_-',
      '-',
      '_-',
    ],
  ])('%s is no host', (text) => {
    expect(readHost(text)).toBeNull();
  });

  it.each([
    ['a', 'a'],
    ['DB-1.Internal.', 'db-1.internal'],
    ['_sip._tcp.x', '_sip._tcp.x'],
    ['a'.repeat(63), 'a'.repeat(63)],
    ['1a', '1a'],
    ['1.2.3.x', '1.2.3.x'],
    ['1.2.3.4x', '1.2.3.4x'],
    ['0xg', '0xg'],
  ])('%s is the name %s', (text, name) => {
    expect(readHost(text)).toEqual({ kind: 'name', name, isLoopback: false });
  });

  it('has a name that is no longer than names can be', () => {
    const name = (last: number) => [...Array.from({ length: 3 }, () => 'a'.repeat(63)), 'a'.repeat(last)].join('.');
    expect(name(61)).toHaveLength(253);
    expect(readHost(name(61))).toMatchObject({ kind: 'name' });
    expect(readHost(`${name(61)}.`)).toMatchObject({ kind: 'name', name: name(61) });
    expect(readHost(`${name(62)}.`)).toBeNull();
  });

  it('is read whatever the text', () => {
    fc.assert(
      fc.property(hostileText(6), (text) => {
        const host = readHost(text);
        if (host?.kind === 'name') expect(host.name).toMatch(/^[a-z0-9_.-]+$/);
      }),
      runs(2_000),
    );
  });
});

it('a host pattern is a host, or *. and a name', () => {
  for (const text of ['db', '*.internal', '10.0.0.5', '::1', '*.a.b'])
    expect(readHostPattern(text), text).not.toBeNull();
  for (const text of ['*', '*.', '*.10.0.0.5', '*.1', 'db*', 'a.*.b', '**.a', '', '*.*.a', '10.0.0.0/8'])
    expect(readHostPattern(text), text).toBeNull();
});

it.each([
  ['DB', { kind: 'host', host: { kind: 'name', name: 'db', isLoopback: false } }],
  ['*.Internal.', { kind: 'below', suffix: '.internal' }],
  ['*.a.b', { kind: 'below', suffix: '.a.b' }],
  ['10.5', { kind: 'host', host: { kind: 'address', address: '10.0.0.5', isLoopback: false } }],
])('the host pattern %s is read', (text, expected) => {
  expect(readHostPattern(text)).toEqual(expected);
});
