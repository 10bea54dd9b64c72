import { describe, expect, it } from 'vitest';
import { permits } from '../../../../src/access/scopes/permits.ts';
import { Scope } from '../../../../src/access/scopes/scope.ts';
import { type TunnelFacts, whyNotTunnel } from '../../../../src/access/scopes/tunnels.ts';
import { LOOPBACK, UNREADABLE } from '../../../support/samples/hosts.ts';
import { scope } from '../../../support/samples/samples.ts';

const facts: TunnelFacts = {
  target: { id: 'web-01', name: 'WebServer', address: '192.0.2.11', port: 2201 },
  gateway: { hosts: ['ssh.example.com', '192.0.2.10', '::1'], ports: [2222, 22_022] },
};
const tunnels = (...list: readonly { host: string; ports: readonly number[] }[]): Scope =>
  Scope.parse({ name: 'tunnel:x', words: 'Some tunnels', tunnels: list });
const lets = (of: Scope, host: string, port: number, given: TunnelFacts | null = facts): boolean =>
  permits(of, { kind: 'tunnel', host, port }, given).allowed;

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
