import { describe, expect, it } from 'vitest';
import { type AskedIn, askable } from '../../../src/access/askable.ts';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { AllowedHours } from '../../../src/access/hours.ts';
import { Policy } from '../../../src/access/policy.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';
import { engagement, login, NOON, targetId } from '../../support/samples/samples.ts';

const target = (id: string, logins: readonly string[], labels: Record<string, string> = {}) =>
  Target.parse({ ...{ id, name: id, address: id, host_keys: ['ssh-ed25519 AAAA'] }, logins, labels });

const TARGETS = [
  target('web-01', ['deploy', 'root'], { env: 'staging' }),
  target('db-01', ['postgres'], { env: 'production' }),
  target('old-01', ['deploy']),
];

const can = (rules: readonly object[], change: Partial<AskedIn> = {}, more: object = {}) => {
  const policy = Policy.parse({ rules, ...more });
  const found = askable(
    { policy, scopes: BUILT_IN_SCOPES, targets: TARGETS },
    { requester: { standing: 'guest' }, engagement: engagement(), ...change },
    NOON,
  );
  return {
    ...{
      targets: found.targets.map(({ id }) => id),
      logins: found.logins,
      scopes: found.scopes.map(({ name }) => name),
    },
    ...{ durations: found.durations, maxSeconds: found.maxSeconds },
  };
};

const ALL = {
  ...{ targets: ['web-01', 'db-01'], logins: ['deploy', 'root', 'postgres'], scopes: ['shell', 'files-rw'] },
  ...{ durations: [900, 3_600, 14_400, 28_800], maxSeconds: 28_800 },
};
const NIGHT: AllowedHours = { zone: 'UTC', allow: [{ days: ['mon'], from: '20:00', to: '06:00' }] };
const NOTHING = { targets: [], logins: [], scopes: [], durations: [], maxSeconds: 0 };
const rule = { name: 'r', max_duration: 'PT8H' };

describe('what somebody can ask for', () => {
  it.each<[string, object, object]>([
    ['everything of the engagement that a rule allows', {}, ALL],
    ['one target', { targets: ['db-01'] }, { ...ALL, targets: ['db-01'], logins: ['postgres'] }],
    ['a label', { labels: { env: 'staging' } }, { ...ALL, targets: ['web-01'], logins: ['deploy', 'root'] }],
    ['one login', { logins: ['root'] }, { ...ALL, targets: ['web-01'], logins: ['root'] }],
    ['one scope', { scopes: ['files-rw'] }, { ...ALL, scopes: ['files-rw'] }],
    ['a scope beyond the engagement', { scopes: ['ide'] }, NOTHING],
    ['a target beyond the engagement', { targets: ['old-01'] }, NOTHING],
    ['guests', { people: ['guest'] }, ALL],
    ['members alone', { people: ['member'] }, NOTHING],
    ['their vendor', { vendors: ['ACME'] }, ALL],
    ['another vendor', { vendors: ['Northwind'] }, NOTHING],
    ['another engagement', { engagements: ['5f0c2f0e-6f0a-4b0e-9c51-0c1f3b0c7a11'] }, NOTHING],
    ['a ticket that they will name', { ticket: 'required' }, ALL],
    ['less time', { max_duration: 'PT2H' }, { ...ALL, durations: [900, 3_600], maxSeconds: 7_200 }],
    ['less than is usual', { max_duration: 'PT5M' }, { ...ALL, durations: [300], maxSeconds: 300 }],
  ])('under a rule for %s', (_, change, expected) => {
    expect(can([{ ...rule, ...change }])).toEqual(expected);
  });

  it('is not what an earlier rule has taken away from somebody, nor longer than the rule that decides', () => {
    const rules = [{ ...rule, name: 'first', labels: { env: 'production' }, max_duration: 'PT15M' }, rule];
    expect(can(rules, {}, { durations: ['PT15M', 'PT8H'] })).toEqual({ ...ALL, durations: [900, 28_800] });
    const inProduction = { ...engagement(), targetIds: [targetId('db-01')] };
    expect(can(rules, { engagement: inProduction })).toMatchObject({ durations: [900], maxSeconds: 900 });
  });

  it.each<[string, Partial<Engagement>, object]>([
    ['its logins alone', { logins: [login('root')] }, { ...ALL, targets: ['web-01'], logins: ['root'] }],
    ['everything on its first day', { firstDay: '2030-05-02' }, ALL],
    ['nothing before that', { firstDay: '2030-05-03' }, NOTHING],
    ['everything on its last day', { lastDay: '2030-05-02' }, ALL],
    ['nothing after that', { lastDay: '2030-05-01' }, NOTHING],
    ['nothing once it is closed', { closedAt: NOON }, NOTHING],
    // A form that is filled in before the hours begin is the same as within them.
    ['everything outside its hours', { hours: NIGHT }, ALL],
  ])('is of the engagement: %s', (_, change, expected) => {
    expect(can([rule], { engagement: engagement(change) })).toEqual(expected);
  });

  it('is the same outside the hours of a rule, which keeps what is its own', () => {
    const rules = [
      { ...rule, name: 'night', labels: { env: 'production' }, max_duration: 'PT15M', hours: NIGHT },
      rule,
    ];
    expect(can(rules)).toEqual(ALL);
    const inProduction = engagement({ targetIds: [targetId('db-01')] });
    expect(can(rules, { engagement: inProduction })).toMatchObject({ targets: ['db-01'], maxSeconds: 900 });
  });

  it('is of what is defined at this moment', () => {
    const gone = { ...engagement(), targetIds: [targetId('gone-01')] };
    expect(can([rule], { engagement: gone })).toEqual(NOTHING);
  });
});
