import { describe, expect, it } from 'vitest';
import {
  type CertificateSpec,
  combinedCertificate,
  downstreamCertificate,
  grantOfKeyId,
  upstreamCertificate,
  withAuditHead,
} from '../../../src/access/certificate.ts';
import { SessionId } from '../../../src/access/ids.ts';
import type { Scope } from '../../../src/access/scopes/scope.ts';
import { digest, grant, later, login, NOON, personId, scope, targetId } from '../../support/samples/samples.ts';

const session = SessionId.parse('ee000000-0000-4000-8000-000000000001');
const files = scope('files-rw');
const until = (seconds: number) => ({ notAfter: later(seconds).toISOString() });

describe('the certificate of a contractor', () => {
  it('is for the login, from a minute before the grant to its end', () => {
    expect(downstreamCertificate(grant(1))).toEqual({
      keyId: `daypass:${grant(1).id}:${personId(1)}:${digest(1)}`,
      principals: ['deploy'],
      validAfter: later(-60),
      validBefore: later(3_600),
      criticalOptions: {},
      extensions: ['permit-pty'],
    } satisfies CertificateSpec);
  });

  it('can have the head of the audit log, where there is one', () => {
    const head = { number: 7, hash: 'ab'.repeat(32) };
    const spec = downstreamCertificate(grant(1));
    expect(withAuditHead(spec, head)).toEqual({ ...spec, auditHead: head });
    expect(withAuditHead(spec, null)).toEqual(spec);
  });

  it('lets no terminal through where the scope has none', () => {
    expect(downstreamCertificate(grant(1, { scope: files })).extensions).toEqual([]);
  });

  it('names no login that could not be one', () => {
    const bad = { login: 'a,root' as ReturnType<typeof login> };
    expect(() => downstreamCertificate(grant(1, bad))).toThrow();
    expect(() => combinedCertificate(personId(1), [grant(1, bad)], digest(9))).toThrow();
  });

  it('for several grants is for all their logins, while all of them run', () => {
    const grants = [
      grant(1, { login: login('www'), scope: files, ...until(7_200) }),
      grant(2, { login: login('dba'), scope: files, notBefore: later(600).toISOString(), ...until(5_400) }),
      grant(3, { login: login('www'), scope: files, ...until(9_000) }),
    ];
    expect(combinedCertificate(personId(1), grants, digest(9))).toEqual({
      keyId: `daypass:person:${personId(1)}:${digest(9)}`,
      principals: ['dba', 'www'],
      validAfter: later(540),
      validBefore: later(5_400),
      criticalOptions: {},
      extensions: [],
    } satisfies CertificateSpec);
    const one = grant(4);
    expect(combinedCertificate(personId(1), [...grants, one], digest(9)).extensions).toEqual(['permit-pty']);
  });

  it.each([
    [`daypass:${grant(1).id}:x`, grant(1).id],
    [`daypass:${grant(1).id}`, null],
    [`xdaypass:${grant(1).id}:x`, null],
    [`daypass:person:${grant(1).id}:x`, null],
    [`daypass:${grant(1).id}x:x`, null],
    ['daypass::x', null],
  ])('of the key id %s speaks for %s', (keyId, id) => {
    expect(grantOfKeyId(keyId)).toBe(id);
  });
});

describe('the certificate of the gateway', () => {
  const upstream = (of: Scope, sourceAddress: string | null = null, now = NOON) =>
    upstreamCertificate(grant(1, { scope: of }), { id: session, targetId: targetId('web-01'), sourceAddress }, now);

  it('is for one login on one target, for five minutes from a minute ago', () => {
    expect(upstream(files)).toEqual({
      keyId: `daypass:${session}:${personId(1)}:${digest(1)}`,
      principals: ['deploy@web-01'],
      validAfter: later(-60),
      validBefore: later(300),
      criticalOptions: {},
      extensions: [],
    } satisfies CertificateSpec);
    expect(upstream(files, null, later(3_500)).validBefore).toEqual(later(3_600));
  });

  it.each<[string, Scope, string | null, CertificateSpec['criticalOptions'], CertificateSpec['extensions']]>([
    ['a shell', scope('shell'), null, {}, ['permit-pty']],
    ['a shell and the loopback', scope('ide'), null, {}, ['permit-port-forwarding', 'permit-pty']],
    ['an address', files, '192.0.2.10/32', { 'source-address': '192.0.2.10/32' }, []],
    ['files to read', scope('files-ro'), null, { 'force-command': 'internal-sftp -R' }, []],
    [
      'tunnels and an address',
      { ...files, files: null, tunnels: [{ host: 'db', ports: [5432] }] },
      '192.0.2.10/32',
      { 'force-command': 'exit 1', 'source-address': '192.0.2.10/32' },
      ['permit-port-forwarding'],
    ],
  ])('tells sshd of a scope with %s', (_, of, sourceAddress, criticalOptions, extensions) => {
    expect(upstream(of, sourceAddress)).toMatchObject({ criticalOptions, extensions });
  });
});
