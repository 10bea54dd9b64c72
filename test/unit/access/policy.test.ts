import { describe, expect, it } from 'vitest';
import { engagementRules, offeredDurations, Policy, policyGaps, scopesOf } from '../../../src/access/policy.ts';

describe('the policy', () => {
  it('offers no duration that no rule allows', () => {
    const rules = [{ name: 'an hour', max_duration: 'PT1H' }];
    expect(Policy.safeParse({ rules, durations: ['PT1H'] }).success).toBe(true);
    const refused = Policy.safeParse({ rules, durations: ['PT15M', 'PT1H1M'] });
    expect(refused.error?.issues).toMatchObject([{ path: ['durations', 1], message: expect.stringMatching(/PT1H/) }]);
    expect(offeredDurations(Policy.parse({ rules }))).toEqual([900, 3_600]);
    expect(offeredDurations(Policy.parse({ rules: [{ name: 'short', max_duration: 'PT5M' }] }))).toEqual([300]);
    expect(offeredDurations(Policy.parse({ rules, durations: ['PT50M', 'PT10M'] }))).toEqual([3_000, 600]);
    const longer = [...rules, { name: 'a day', max_duration: 'P1D' }, { name: 'less', max_duration: 'PT15M' }];
    expect(offeredDurations(Policy.parse({ rules: longer }))).toEqual([900, 3_600, 14_400, 28_800]);
    expect(Policy.safeParse({ rules: longer, durations: ['P1D'] }).success).toBe(true);
  });

  it('names the duration that no rule allows, and the longest that one does', () => {
    const rules = [
      { name: 'short', max_duration: 'PT30M' },
      { name: 'long', max_duration: 'PT90M' },
    ];
    const refused = Policy.safeParse({ rules, durations: ['PT2H', 'PT90M', 'P1D'] });
    const message = 'no rule allows this long; the longest max_duration is PT1H30M';
    expect(refused.error?.issues).toEqual([
      ...[0, 2].map((index) => ({ code: 'custom', path: ['durations', index], message })),
    ]);
  });

  it('says what it leaves open, so that nobody could get access', () => {
    const rules = [{ name: 'x', max_duration: 'PT1H' }];
    const gaps = (engagements?: unknown) => policyGaps(Policy.parse({ rules, engagements }));
    const openers = 'policy.yml names nobody under engagements.openers: nobody can open an engagement';
    const reviewers = 'policy.yml names nobody under engagements.reviewers: nobody can review, so nothing is granted';
    expect(gaps()).toEqual([openers, reviewers]);
    expect(gaps({ openers: [{ people: 'any' }] })).toEqual([reviewers]);
    expect(gaps({ reviewers: { people: ['U1'] } })).toEqual([openers]);
    expect(gaps({ openers: [{ people: 'any' }], reviewers: { groups: ['S1A'] } })).toEqual([]);
    expect(gaps({ openers: [{ people: 'any' }], reviewers: { people: 'any' } })).toEqual([]);
  });

  it('has its own rules of engagements and its own scopes beside the built-in ones', () => {
    const rules = [{ name: 'x', max_duration: 'PT1H' }];
    const engagements = { openers: [{ people: 'any' }], second_person: false };
    const own = { name: 'exec:uptime', words: 'Says how long it is up', exec: [['uptime']] };
    const parsed = Policy.parse({ rules, engagements, scopes: [own] });
    expect(engagementRules(parsed)).toMatchObject({ openers: [{ people: 'any' }], second_person: false });
    expect(engagementRules({})).toMatchObject({
      openers: [],
      reviewers: { people: [], groups: [] },
      second_person: true,
    });
    expect(scopesOf(parsed).map((scope) => scope.name)).toEqual([
      ...['shell', 'files-ro', 'files-rw', 'ide', 'exec:uptime'],
    ]);
  });

  it('takes durations in ISO 8601 and nothing else', () => {
    const parsed = (max_duration: string) => Policy.safeParse({ rules: [{ name: 'x', max_duration }] });
    for (const bad of ['4h', 'PT0S', '-PT1H', 'PT', '', 'PT1.5S']) {
      expect(parsed(bad).error?.issues, bad).toEqual([
        {
          ...{ code: 'custom', path: ['rules', 0, 'max_duration'] },
          message: 'must be an ISO 8601 duration, such as PT4H or PT30M',
        },
      ]);
    }
    expect(parsed('PT1S').data?.rules).toMatchObject([{ max_duration: 1 }]);
    expect(parsed('P1DT30M').data?.rules).toMatchObject([{ max_duration: 88_200 }]);
  });
});
