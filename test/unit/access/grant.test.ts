import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  combinedCertificate,
  downstreamCertificate,
  grantOfKeyId,
  upstreamCertificate,
} from '../../../src/access/certificate.ts';
import {
  expiresAt,
  type Grant,
  goesOnUnder,
  grantedTargets,
  hasExpired,
  isActive,
  isRunning,
  loginsOn,
  pickGrant,
} from '../../../src/access/grant.ts';
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
const suspended = (n: number): Grant => ({ ...grant(n), suspended: true });
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

  it('is over once it was written down that it ran out, wherever the clock is', () => {
    const noted = { ...grant(1), expiredAt: later(3_600) };
    expect([hasExpired(noted, NOON), isRunning(noted, NOON), isActive(noted, NOON)]).toEqual([true, false, false]);
    expect([hasExpired(grant(1), NOON), isRunning(grant(1), NOON)]).toEqual([false, true]);
  });

  it('is running and yet not active while it is suspended', () => {
    expect([isRunning(suspended(1), NOON), isActive(suspended(1), NOON)]).toEqual([true, false]);
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
    expect(code([grant(1, { targets: [targetPin('db-01'), targetPin('web-01')] })])).toBe('picked');
  });

  it('says what there is instead', () => {
    const refusal = (grants: readonly Grant[], change: Partial<typeof ask> = {}, now = later(1)) => {
      const picked = pickGrant(grants, { ...ask, ...change }, now);
      return picked.ok ? null : picked.rejection;
    };
    const db = grant(2, { targets: [targetPin('db-01'), targetPin('web-01')] });
    expect(refusal([grant(1), db], { target: targetPin('app-01') })).toEqual({
      ...{ code: 'target_not_granted', targetId: 'app-01', granted: ['web-01', 'db-01'] },
    });
    expect(refusal([grant(1)], { target: targetPin('web-01', '10.0.0.9') })).toEqual({
      ...{ code: 'target_changed', targetId: 'web-01' },
    });
    const logins = [grant(1), grant(2, { login: login('dba') }), grant(3)];
    expect(refusal(logins, { login: login('root') })).toEqual({
      ...{ code: 'login_not_granted', login: 'root', granted: ['deploy', 'dba'] },
    });
    expect(refusal([grant(2, { login: login('dba') }), grant(1), grant(3)], { fingerprint: fingerprint(2) })).toEqual({
      ...{ code: 'key_not_in_grant', fingerprint: fingerprint(2), grantId: grant(1).id },
    });
  });

  it.each<[string, readonly Grant[], number, object]>([
    ['nothing was ever granted', [], 1, { code: 'no_live_grant' }],
    ['it is suspended', [suspended(1)], 1, { code: 'grants_suspended' }],
    ['it was suspended and ran out', [suspended(1)], 4_000, { code: 'grant_expired', at: later(3_600) }],
    ['another is suspended', [grant(1, {}, ended), suspended(2)], 1, { code: 'grants_suspended' }],
    ['it was revoked', [grant(1, {}, ended)], 90, { code: 'grant_revoked', at: later(60) }],
    ['it was revoked, and its time is over', [grant(1, {}, ended)], 4_000, { code: 'grant_revoked', at: later(60) }],
    [
      'the one that ended last ran out',
      [grant(1, {}, ended), grant(2), grant(3, { notAfter: later(1_800).toISOString() })],
      4_000,
      { code: 'grant_expired', at: later(3_600) },
    ],
    [
      'the one that ended last was revoked',
      [grant(2, { notAfter: later(1_800).toISOString() }), grant(1, {}, { ...ended, at: later(1_900) })],
      4_000,
      { code: 'grant_revoked', at: later(1_900) },
    ],
    [
      'one is still to begin',
      [grant(1, {}, ended), grant(2, { notBefore: later(500).toISOString() })],
      90,
      { code: 'no_live_grant' },
    ],
  ])('says why nothing is live: %s', (_, grants, seconds, rejection) => {
    expect(pickGrant(grants, ask, later(seconds))).toEqual({ ok: false, rejection });
    expect(pickGrant(grants.toReversed(), ask, later(seconds))).toEqual({ ok: false, rejection });
  });

  it('takes the first of those that end together', () => {
    expect(pickGrant([grant(1), grant(2)], ask, later(1))).toEqual({ ok: true, value: grant(1) });
  });

  it('knows all targets of some grants, each once', () => {
    const both = grant(2, { targets: [targetPin('db-01'), targetPin('web-01')] });
    expect(grantedTargets([grant(1), both])).toEqual(['web-01', 'db-01']);
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
