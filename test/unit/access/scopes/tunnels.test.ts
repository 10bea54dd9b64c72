import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { permits } from '../../../../src/access/scopes/permits.ts';
import { Scope } from '../../../../src/access/scopes/scope.ts';
import { readHost, readHostPattern, sameHost } from '../../../../src/access/scopes/tunnel-host.ts';
import { type TunnelFacts, whyNotTunnel } from '../../../../src/access/scopes/tunnels.ts';
import { hostileText, runs } from '../../../support/samples/hostile-text.ts';
import { scope } from '../../../support/samples/samples.ts';

const facts: TunnelFacts = {
  target: { id: 'web-01', name: 'WebServer', address: '192.0.2.11', port: 2201 },
  gateway: { hosts: ['ssh.example.com', '192.0.2.10', '::1'], ports: [2222, 22_022] },
};
const tunnels = (...list: readonly { host: string; ports: readonly number[] }[]): Scope =>
  Scope.parse({ name: 'tunnel:x', words: 'Some tunnels', tunnels: list });
const lets = (of: Scope, host: string, port: number, given: TunnelFacts | null = facts): boolean =>
  permits(of, { kind: 'tunnel', host, port }, given).allowed;

/** As resolvers take them for the loopback. */
const LOOPBACK = [
  ...['127.0.0.1', '127.1', '127.0.1', '0x7f.1', '0x7f000001', '2130706433', '017700000001', '0177.0.0.1', '127.0.0.2'],
  ...['127.255.255.254', '0', '0.0.0.0', '00', '0x0', '0.0', '::1', '[::1]', '::', '0:0:0:0:0:0:0:1', '::0001'],
  ...[
    '::ffff:127.0.0.1',
    '::FFFF:7f00:1',
    '[::ffff:127.0.0.1]',
    '::127.0.0.1',
    '0:0:0:0:0:ffff:7f00:0001',
    '::ffff:0:0',
  ],
  ...['localhost', 'LOCALHOST', 'localhost.', 'LocalHost.', 'a.localhost', 'localhost.localdomain', 'ip6-localhost'],
];
const UNREADABLE = [
  ...[
    '',
    '.',
    '..',
    'a..b',
    '.a',
    '-a',
    'a-',
    'a b',
    'a\tb',
    'a\0b',
    'localhost..',
    'localhost ',
    ' localhost',
    '127.0.0.1 ',
  ],
  ...['1.2.3.4.5', '256.1.1.1', '1.2.3.256', '08', '1.09', '0x', '4294967296', '1..2', '%31', 'a%b', 'a:b', ':', ':::'],
  ...[
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::12345',
    '::1%lo',
    'fe80::1%eth0',
    '[::1',
    '::1]',
    '[127.0.0.1]',
  ],
  ...[
    '::127.1',
    '::ffff:0177.0.0.1',
    'ｌocalhost',
    '１２７.0.0.1',
    'localhost。',
    'locаlhost',
    'a'.repeat(300),
    '@',
    'a/b',
    '*',
  ],
];

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

describe('a scope of tunnels', () => {
  const db = tunnels({ host: 'db.internal', ports: [5432, 5433] }, { host: '10.0.0.5', ports: [80] });

  it('leads to the hosts and ports that it names, in any spelling', () => {
    for (const host of ['db.internal', 'DB.internal', 'db.internal.']) expect(lets(db, host, 5432), host).toBe(true);
    for (const host of ['10.0.0.5', '10.5', '::ffff:10.0.0.5']) expect(lets(db, host, 80), host).toBe(true);
  });

  it('leads nowhere else', () => {
    const asks: readonly (readonly [string, number])[] = [
      ...([
        ['db.internal', 5431],
        ['db.internal', 0],
        ['db.internal', 70_000],
        ['db.internal', 5432.5],
      ] as const),
      ...([
        ['x.db.internal', 5432],
        ['db.internal.evil.example', 5432],
        ['localhost', 5432],
        ['10.0.0.6', 80],
      ] as const),
      ...UNREADABLE.map((text) => [text, 5432] as const),
    ];
    for (const [host, port] of asks) expect(lets(db, host, port), `${host}:${port}`).toBe(false);
    expect(lets(db, 'db.internal', 5432, null)).toBe(false);
  });

  it('with *.suffix leads to every name below it, but to no address, not to the name itself, and to no sshd', () => {
    const all = tunnels({ host: '*.internal', ports: [22, 2201, 2222, 5432] });
    for (const host of ['db.internal', 'a.b.internal', 'DB.INTERNAL.']) expect(lets(all, host, 5432), host).toBe(true);
    for (const host of ['internal', 'xinternal', '.internal', 'db.internal.com', '10.0.0.5'])
      expect(lets(all, host, 5432), host).toBe(false);
    // Any of these names could be one of the target, or of the gateway.
    for (const port of [22, 2201, 2222]) expect(lets(all, 'db.internal', port), String(port)).toBe(false);
  });

  it('never leads to the target’s own sshd, however it is called', () => {
    const hosts = [...LOOPBACK, 'web-01', 'WEB-01.', 'webserver', '192.0.2.11', '::ffff:192.0.2.11', '192.0.523'];
    const everything = tunnels(...hosts.map((host) => ({ host, ports: [22, 2201] })));
    for (const host of hosts) {
      for (const port of [22, 2201]) {
        expect(lets(everything, host, port), `${host}:${port}`).toBe(false);
        expect(lets(scope('ide'), host, port), `${host}:${port}`).toBe(false);
      }
    }
    expect(permits(everything, { kind: 'tunnel', host: '127.1', port: 22 }, facts)).toEqual({
      allowed: false,
      why: "scope tunnel:x does not allow a tunnel to 127.1:22, the target's own sshd; it allows: Some tunnels",
    });
  });

  it('never leads to the gateway', () => {
    const hosts = [...LOOPBACK, 'ssh.example.com', 'SSH.example.com.', '192.0.2.10', '::ffff:192.0.2.10'];
    const everything = tunnels(...hosts.map((host) => ({ host, ports: [2222] })));
    for (const host of hosts) expect(lets(everything, host, 2222), host).toBe(false);
  });

  it.each([
    ['db.internal', 5432, null],
    ['db.internal', 5431, 'a tunnel to db.internal:5431'],
    ['db.internal', 65_536, 'a tunnel to db.internal:65536'],
    ['a\u001b[31mb', 1, 'a tunnel to a?[31mb:1'],
    ['a'.repeat(61), 1, `a tunnel to ${'a'.repeat(60)}:1`],
    ['127.1', 22, "a tunnel to 127.1:22, the target's own sshd"],
    ['127.1', 2201, "a tunnel to 127.1:2201, the target's own sshd"],
    ['web-01', 22, "a tunnel to web-01:22, the target's own sshd"],
    ['192.0.2.11', 2201, "a tunnel to 192.0.2.11:2201, the target's own sshd"],
    ['127.1', 2222, 'a tunnel to 127.1:2222, the gateway'],
    ['192.0.2.10', 22_022, 'a tunnel to 192.0.2.10:22022, the gateway'],
    // The gateway on another of its ports, and its port on another host.
    ['192.0.2.10', 22, 'a tunnel to 192.0.2.10:22'],
    ['other', 2222, 'a tunnel to other:2222'],
  ] as const)('answers %s:%i with %s', (host, port, why) => {
    expect(whyNotTunnel(db, { host, port }, facts)).toBe(why);
  });

  it('may lead to the ports of sshd and of the gateway on hosts that it names', () => {
    const named = tunnels({ host: 'other.internal', ports: [22, 2201, 2222] }, { host: '192.0.2.99', ports: [22] });
    for (const port of [22, 2201, 2222]) expect(lets(named, 'other.internal', port), `${port}`).toBe(true);
    expect(lets(named, '192.0.2.99', 22)).toBe(true);
  });

  it('knows the target without a name of its own', () => {
    const { name: _, ...target } = facts.target;
    const nameless = { ...facts, target };
    expect(
      whyNotTunnel(tunnels({ host: 'webserver', ports: [22] }), { host: 'webserver', port: 22 }, nameless),
    ).toBeNull();
    expect(whyNotTunnel(tunnels({ host: 'web-01', ports: [22] }), { host: 'web-01', port: 22 }, nameless)).toBe(
      "a tunnel to web-01:22, the target's own sshd",
    );
  });

  it('leads from the first port to the last', () => {
    const ends = tunnels({ host: 'db', ports: [1, 65_535] });
    expect([1, 65_535].map((port) => lets(ends, 'db', port))).toEqual([true, true]);
  });

  it('says nothing that a terminal would act on', () => {
    const verdict = permits(db, { kind: 'tunnel', host: '\u001b[2Jx'.repeat(50), port: 1 }, facts);
    expect(verdict.allowed ? '' : verdict.why).toMatch(/^[\x20-\x7e]{1,200}$/);
  });
});

describe('the scope ide', () => {
  it('leads to the target’s loopback and nowhere else', () => {
    for (const host of LOOPBACK) expect(lets(scope('ide'), host, 40_123), host).toBe(true);
    for (const host of ['db.internal', '10.0.0.5', '192.0.2.11', 'web-01', ...UNREADABLE])
      expect(lets(scope('ide'), host, 40_123), host).toBe(false);
  });
});

it('scopes without tunnels lead nowhere', () => {
  for (const name of ['shell', 'files-ro', 'files-rw']) {
    for (const host of [...LOOPBACK, 'db.internal'])
      expect(lets(scope(name), host, 5432), `${name} ${host}`).toBe(false);
  }
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
