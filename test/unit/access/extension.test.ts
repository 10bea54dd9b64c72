import { describe, expect, it } from 'vitest';
import { extensionOf, whyNoExtension } from '../../../src/access/extension.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { parseHours } from '../../../src/access/hours-text.ts';
import { Policy } from '../../../src/access/policy.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import type { Target } from '../../../src/access/target.ts';
import {
  engagement,
  engagementId,
  fingerprint,
  grant,
  later,
  login,
  NOON,
  pending,
  person,
  personId,
  scope,
  targetPin,
} from '../../support/samples/samples.ts';

const { hostKeys, ...pin } = targetPin('web-01');
const target: Target = { ...pin, name: 'Web server', host_keys: [...hostKeys], labels: {}, logins: [login('deploy')] };

describe('more time', () => {
  const why = (
    rule: object = {},
    {
      targets = [target],
      lastDay = '2030-12-31',
      hours = null,
    }: { targets?: readonly Target[]; lastDay?: string; hours?: string | null } = {},
  ) =>
    whyNoExtension(
      {
        policy: Policy.parse({ rules: [{ name: 'r', max_duration: 'PT8H', ...rule }] }),
        ...{ scopes: BUILT_IN_SCOPES, targets },
      },
      {
        grant: grant(1),
        request: { ...pending(), status: 'approved', decidedAt: NOON },
        engagement: engagement({ lastDay, timeZone: 'UTC', hours: hours === null ? null : parseHours(hours, 'UTC') }),
        requester: person(1),
      },
      NOON,
    );

  it.each<[string, object, Parameters<typeof why>[1], ReturnType<typeof why>]>([
    ['as before', {}, {}, null],
    ['on the last day, which is not over by then', {}, { lastDay: '2030-05-02' }, null],
    ['where another ticket is wanted', { ticket: 'required' }, {}, null],
    ['where it may be shorter only', { max_duration: 'PT15M' }, {}, null],
    ['beyond the last day', {}, { lastDay: '2030-05-01' }, 'engagement'],
    ['in hours that go on', {}, { hours: 'thu 9-14' }, null],
    ['where the engagement’s hours are over by then', {}, { hours: 'thu 9-13' }, 'hours'],
    [
      'where the rule’s hours are over by then',
      { hours: { zone: 'UTC', allow: [{ days: ['thu'], from: '09:00', to: '13:00' }] } },
      {},
      'hours',
    ],
    ['where no rule allows the scope any more', { scopes: ['files-ro'] }, {}, 'policy'],
    ['on a target that is gone', {}, { targets: [] }, 'policy'],
    ['on a target whose address changed', {}, { targets: [{ ...target, address: 'elsewhere' }] }, 'policy'],
    ['for a login that is gone', {}, { targets: [{ ...target, logins: [] }] }, 'policy'],
  ])('can be asked for or not, %s', (_, rule, at, expected) => {
    expect(why(rule, at)).toBe(expected);
  });

  it('cannot be asked for where access ends with the engagement’s last day', () => {
    const all = { grant: grant(1, { notAfter: '2030-05-03T00:00:00.000Z' }), requester: person(1) };
    const policy = Policy.parse({ rules: [{ name: 'r', max_duration: 'PT8H' }] });
    const request = { ...pending(), status: 'approved' as const, decidedAt: NOON };
    const at = (lastDay: string) =>
      whyNoExtension(
        { policy, scopes: BUILT_IN_SCOPES, targets: [target] },
        { ...all, request, engagement: engagement({ lastDay, timeZone: 'UTC' }) },
        NOON,
      );
    expect([at('2030-05-02'), at('2030-05-03')]).toEqual(['engagement', null]);
  });
});

describe('an ask', () => {
  const HOUR = 3_600;
  const { ask } = pending();
  const from = (begins: number, ends: number, n = 1, terms: Parameters<typeof grant>[1] = {}): Grant =>
    grant(n, { notBefore: later(begins).toISOString(), notAfter: later(ends).toISOString(), ...terms });
  const at = later(0.5 * HOUR);

  it('is more time on what its person has, since it has lasted without a gap', () => {
    const now = from(0, HOUR);
    expect(extensionOf(ask, [now], at)).toEqual({ until: later(HOUR), since: NOON });
    const before = from(-2 * HOUR, 0, 2);
    const first = from(-3 * HOUR, -1.5 * HOUR, 3);
    const apart = from(-5 * HOUR, -3 * HOUR - 1, 4);
    const other = from(-9 * HOUR, 0, 5, { targets: [targetPin('db-01')] });
    const grants = [apart, first, before, now, other];
    expect(extensionOf(ask, grants, at)).toEqual({ until: later(HOUR), since: later(-3 * HOUR) });
    // Handed back for a while, it lasted no longer.
    const end = { how: 'returned', at: later(-60), by: personId(1), comment: null } as const;
    expect(extensionOf(ask, [{ ...before, end }, now], at)?.since).toEqual(NOON);
  });

  it('is so of several targets where it is of each, until the first of them ends', () => {
    const both = { ...ask, targets: [targetPin('web-01'), targetPin('db-01')] };
    const web = from(0, 2 * HOUR);
    const db = from(-60, HOUR, 2, { targets: [targetPin('db-01')] });
    expect(extensionOf(both, [web, db], at)).toEqual({ until: later(HOUR), since: later(-60) });
    expect(extensionOf(both, [web], at)).toBeNull();
    expect(extensionOf({ ...ask, keyFingerprints: [fingerprint(1), fingerprint(2)] }, [web], at)).toBeNull();
  });

  it.each<[string, Grant]>([
    ['another person’s', from(0, HOUR, 1, { personId: personId(2) })],
    ['of another engagement', from(0, HOUR, 1, { engagementId: engagementId(2) })],
    ['on another target', from(0, HOUR, 1, { targets: [targetPin('db-01')] })],
    ['for another login', from(0, HOUR, 1, { login: login('root') })],
    ['of another scope', from(0, HOUR, 1, { scope: scope('files-ro') })],
    ['for another key', from(0, HOUR, 1, { keyFingerprints: [fingerprint(2)] })],
    ['over', from(0, 0.5 * HOUR)],
    ['still to begin', from(0.6 * HOUR, HOUR)],
    ['ended', { ...from(0, HOUR), end: { how: 'revoked', at, by: null, comment: null } }],
    ['noted as over', { ...from(0, HOUR), expiredAt: at }],
    ['suspended', { ...from(0, HOUR), suspended: true }],
  ])('is none where what there is is %s', (_, other) => {
    expect(extensionOf(ask, [other], at)).toBeNull();
    expect(extensionOf(ask, [], at)).toBeNull();
  });
});
