import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combinedCertificate,
  downstreamCertificate,
  grantOfKeyId,
  upstreamCertificate,
} from '../../../src/access/certificate.ts';
import { expiresAt, type Grant, goesOnUnder, isActive, loginsOn, pickGrant } from '../../../src/access/grant.ts';
import { type GrantId, SessionId } from '../../../src/access/ids.ts';
import {
  engagementId,
  fingerprint,
  grant,
  later,
  login,
  NOON,
  personId,
  scope,
  targetId,
  targetPin,
} from '../../support/samples/samples.ts';

const ask = { target: targetPin('web-01'), login: login('deploy'), fingerprint: fingerprint(1), certified: null };
const ended = { how: 'revoked', at: later(60), by: personId(2), comment: null } as const;

describe('a grant', () => {
  it('is active from its first instant until just before its last', () => {
    expect(isActive(grant(1), later(-1))).toBe(false);
    expect(isActive(grant(1), NOON)).toBe(true);
    expect(isActive(grant(1), later(3_599))).toBe(true);
    expect(isActive(grant(1), later(3_600))).toBe(false);
  });

  it('is not active once it was ended', () => {
    expect(isActive(grant(1, {}, ended), later(30))).toBe(false);
  });
});

describe('what runs already', () => {
  const { personId: person, engagementId: work, login: as, scope: allowed } = grant(1).terms;
  const running = {
    ...{ personId: person, engagementId: work, login: as, scope: allowed },
    ...{ target: targetPin('web-01'), fingerprint: fingerprint(1) },
  };

  it('goes on under a grant that allows the same, or the same and more targets and keys', () => {
    expect(goesOnUnder(grant(2), running)).toBe(true);
    const targets = [targetPin('db-01'), targetPin('web-01')];
    expect(goesOnUnder(grant(2, { targets, keyFingerprints: [fingerprint(2), fingerprint(1)] }), running)).toBe(true);
    const reordered = Object.fromEntries(Object.entries(allowed).reverse()) as typeof allowed;
    expect(goesOnUnder(grant(2, { scope: reordered }), running)).toBe(true);
  });

  it.each<[string, Parameters<typeof grant>[1]]>([
    ['another person', { personId: personId(2) }],
    ['another engagement', { engagementId: engagementId(2) }],
    ['another target', { targets: [targetPin('db-01')] }],
    ['the target’s name at another address', { targets: [targetPin('web-01', 'elsewhere.internal')] }],
    ['another login', { login: login('root') }],
    ['another key', { keyFingerprints: [fingerprint(2)] }],
    ['a scope that allows less', { scope: { ...allowed, shell: false } }],
    ['a scope that allows more', { scope: { ...allowed, loopback: true } }],
    ['a scope that records more', { scope: { ...allowed, record_input: true } }],
  ])('does not go on under a grant of %s', (_, change) => {
    expect(goesOnUnder(grant(2, change), running)).toBe(false);
  });
});

describe('picking a grant', () => {
  const code = (grants: Parameters<typeof pickGrant>[0], change: Partial<typeof ask> = {}, now = later(1)): string => {
    const picked = pickGrant(grants, { ...ask, ...change }, now);
    return picked.ok ? 'picked' : picked.rejection.code;
  };

  it('takes, of several that allow it, the one that ends latest', () => {
    const longer = grant(2, { notAfter: later(7_200).toISOString() });
    expect(pickGrant([grant(1), longer, grant(3)], ask, later(1))).toEqual({ ok: true, value: longer });
  });

  it('takes the one that allows more before the one that ends later, unless the certificate is for that one', () => {
    const short = grant(1);
    const long = grant(2, { scope: scope('files-rw'), notAfter: later(7_200).toISOString() });
    const later2 = grant(3, { scope: scope('files-rw'), notAfter: later(9_000).toISOString() });
    const grants = [long, short, later2];
    const picked = (certified: GrantId | null, from: readonly Grant[] = grants) => {
      const found = pickGrant(from, { ...ask, certified }, later(1));
      return found.ok ? found.value.id : null;
    };
    expect(picked(null)).toBe(short.id);
    expect(picked(short.id)).toBe(short.id);
    expect(picked(long.id)).toBe(later2.id);
    expect(picked(grant(9).id)).toBe(short.id);
    expect(picked(long.id, [short])).toBe(short.id);
  });

  it('takes, of several that allow different things, the one that ends latest', () => {
    const files = grant(1, { scope: scope('files-rw') });
    const command = { ...scope('files-ro'), exec: [['uptime']] };
    const other = grant(2, { scope: command, notAfter: later(7_200).toISOString() });
    expect(pickGrant([files, other], ask, later(1))).toEqual({ ok: true, value: other });
  });

  it('knows by its key id whether a certificate is for one grant alone', () => {
    expect(grantOfKeyId(downstreamCertificate(grant(1)).keyId)).toBe(grant(1).id);
    expect(grantOfKeyId(combinedCertificate(personId(1), [grant(1), grant(2)], grant(1).digest).keyId)).toBeNull();
    for (const keyId of ['', 'daypass:', 'daypass:x:y', `${grant(1).id}`]) expect(grantOfKeyId(keyId)).toBeNull();
  });

  it('says what is nearest to what was tried', () => {
    expect(code([])).toBe('no_live_grant');
    expect(code([grant(1)], {}, later(4_000))).toBe('grant_expired');
    expect(code([grant(1, {}, ended)])).toBe('grant_revoked');
    expect(code([grant(1)], {}, later(-5))).toBe('no_live_grant');
    expect(code([grant(1)], { target: targetPin('db-01') })).toBe('target_not_granted');
    expect(code([grant(1)], { target: targetPin('web-01', '10.0.0.9') })).toBe('target_changed');
    expect(code([grant(1)], { login: login('root') })).toBe('login_not_granted');
    expect(code([grant(1)], { fingerprint: fingerprint(2) })).toBe('key_not_in_grant');
    expect(code([grant(1)])).toBe('picked');
  });

  it('knows the logins that live grants allow on a target with a key', () => {
    const dba = grant(2, { login: login('dba') });
    const elsewhere = grant(3, { login: login('root'), targets: [targetPin('db-01')] });
    const on = { targetId: targetId('web-01'), fingerprint: fingerprint(1) };
    expect(loginsOn([grant(1), grant(4), elsewhere], on, later(1))).toEqual(['deploy']);
    expect(loginsOn([grant(1), dba], on, later(1))).toEqual(['deploy', 'dba']);
    expect(loginsOn([grant(1), grant(2, { login: login('dba') }, ended)], on, later(1))).toEqual(['deploy']);
    expect(loginsOn([grant(1)], on, later(4_000))).toEqual([]);
    expect(loginsOn([grant(1)], { ...on, fingerprint: fingerprint(2) }, later(1))).toEqual([]);
  });

  it('does not mix the rights of two grants', () => {
    const web = grant(1);
    const db = grant(2, { targets: [targetPin('db-01')], login: login('dba') });
    expect(code([web, db], { login: login('dba') })).toBe('login_not_granted');
    expect(code([web, db], { target: targetPin('db-01') })).toBe('login_not_granted');
    expect(code([web, db], { target: targetPin('db-01'), login: login('dba') })).toBe('picked');
  });
});

describe('certificates', () => {
  const session = SessionId.parse('ee000000-0000-4000-8000-000000000001');
  const numRuns = process.env['DAYPASS_LONG'] === '1' ? 50_000 : 1_000;

  it('never outlive their grant, and the upstream one never lives longer than five minutes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1_000_000 }), fc.nat(), (seconds, at) => {
        const given = grant(1, { notAfter: later(seconds).toISOString() });
        const now = later(at % seconds);
        const upstream = upstreamCertificate(
          given,
          { id: session, targetId: targetId('web-01'), sourceAddress: null },
          now,
        );
        expect(downstreamCertificate(given).validBefore.getTime()).toBeLessThanOrEqual(expiresAt(given).getTime());
        expect(upstream.validBefore.getTime()).toBeLessThanOrEqual(expiresAt(given).getTime());
        expect(upstream.validBefore.getTime() - now.getTime()).toBeLessThanOrEqual(300_000);
        expect(upstream.validAfter.getTime()).toBe(now.getTime() - 60_000);
      }),
      { numRuns, seed: 7 },
    );
  });

  it('name one login on one target towards the target, and carry session, person and digest', () => {
    const sourceAddress = '192.0.2.10/32';
    const spec = upstreamCertificate(grant(1), { id: session, targetId: targetId('web-01'), sourceAddress }, NOON);
    expect(spec.principals).toEqual(['deploy@web-01']);
    expect(spec.keyId).toBe(`daypass:${session}:${personId(1)}:${grant(1).digest}`);
    expect(spec.criticalOptions).toEqual({ 'source-address': sourceAddress });
    expect(spec.extensions).toEqual(['permit-pty']);
  });
});
