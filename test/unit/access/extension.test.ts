import { describe, expect, it } from 'vitest';
import { whyNoExtension } from '../../../src/access/extension.ts';
import { Policy } from '../../../src/access/policy.ts';
import { BUILT_IN_SCOPES } from '../../../src/access/scopes/scope.ts';
import type { Target } from '../../../src/access/target.ts';
import { engagement, grant, login, NOON, pending, person, targetPin } from '../../support/samples/samples.ts';

const { hostKeys, ...pin } = targetPin('web-01');
const target: Target = { ...pin, name: 'Web server', host_keys: [...hostKeys], labels: {}, logins: [login('deploy')] };

describe('more time', () => {
  const why = (
    rule: object = {},
    { targets = [target], lastDay = '2030-12-31' }: { targets?: readonly Target[]; lastDay?: string } = {},
  ) =>
    whyNoExtension(
      {
        policy: Policy.parse({ rules: [{ name: 'r', max_duration: 'PT8H', ...rule }] }),
        ...{ scopes: BUILT_IN_SCOPES, targets },
      },
      {
        grant: grant(1),
        request: { ...pending(), status: 'approved', decidedAt: NOON },
        engagement: engagement({ lastDay, timeZone: 'UTC' }),
        requester: person(1),
      },
    );

  it.each<[string, object, Parameters<typeof why>[1], ReturnType<typeof why>]>([
    ['as before', {}, {}, null],
    ['on the last day, which is not over by then', {}, { lastDay: '2030-05-02' }, null],
    ['where another ticket is wanted', { ticket: 'required' }, {}, null],
    ['where it may be shorter only', { max_duration: 'PT15M' }, {}, null],
    ['beyond the last day', {}, { lastDay: '2030-05-01' }, 'engagement'],
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
      );
    expect([at('2030-05-02'), at('2030-05-03')]).toEqual(['engagement', null]);
  });
});
