import { describe, expect, it } from 'vitest';
import { decide, engagementRules, offeredDurations, Policy, policyGaps, scopesOf } from '../../../src/access/policy.ts';
import { ScopeName } from '../../../src/access/scopes/scope.ts';
import { Target } from '../../../src/access/target.ts';

const target = (labels: Record<string, string>) =>
  Target.parse({
    id: 'web-01',
    name: 'Web',
    address: '192.0.2.1',
    host_keys: ['ssh-ed25519 AAAA'],
    labels,
    logins: ['deploy'],
  });

const policy = Policy.parse({
  rules: [
    { name: 'production, files only', scopes: ['files-rw'], labels: { env: 'production' }, max_duration: 'PT1H' },
    { name: 'two for a production shell', labels: { env: 'production' }, approvals: 2, max_duration: 'PT4H' },
    { name: 'staging', labels: { env: 'staging' }, max_duration: 'P3D' },
  ],
});
const shell = ScopeName.parse('shell');
const files = ScopeName.parse('files-rw');
const production = target({ env: 'production' });
const staging = target({ env: 'staging' });

describe('the policy', () => {
  it('lets the first matching rule decide', () => {
    expect(decide(policy, { scope: files, targets: [production], durationSeconds: 60 })).toMatchObject({
      rules: ['production, files only'],
      approvals: 1,
    });
    expect(decide(policy, { scope: shell, targets: [production], durationSeconds: 60 })).toMatchObject({
      rules: ['two for a production shell'],
      approvals: 2,
    });
  });

  it('refuses what is longer than the deciding rule allows, even where a later rule would not', () => {
    expect(decide(policy, { scope: files, targets: [production], durationSeconds: 3_601 })).toEqual({
      allowed: false,
      reason: { kind: 'too_long', rule: 'production, files only', maxDurationSeconds: 3_600 },
    });
  });

  it('denies what no rule covers, be it one target of several', () => {
    const noRule = { allowed: false, reason: { kind: 'no_rule' } };
    expect(decide(policy, { scope: shell, targets: [target({})], durationSeconds: 1 })).toEqual(noRule);
    expect(decide(policy, { scope: shell, targets: [staging, target({})], durationSeconds: 1 })).toEqual(noRule);
    expect(decide(policy, { scope: shell, targets: [], durationSeconds: 1 })).toEqual(noRule);
  });

  it('has each target decided by its own first rule: the most approvals and the shortest duration count', () => {
    const lenient = Policy.parse({
      rules: [
        { name: 'two for production', labels: { env: 'production' }, approvals: 2, max_duration: 'PT1H' },
        { name: 'anything else', max_duration: 'PT8H' },
      ],
    });
    const ask = { scope: shell, targets: [production, staging], durationSeconds: 3_600 };
    const decision = { allowed: true, rules: ['two for production', 'anything else'], approvals: 2 };
    expect(decide(lenient, ask)).toEqual({ ...decision, maxDurationSeconds: 3_600 });
    expect(decide(lenient, { ...ask, targets: [staging, production] })).toMatchObject(decision);
    expect(decide(lenient, { ...ask, durationSeconds: 3_601 })).toEqual({
      allowed: false,
      reason: { kind: 'too_long', rule: 'two for production', maxDurationSeconds: 3_600 },
    });
    expect(decide(lenient, { ...ask, targets: [staging] })).toMatchObject({ rules: ['anything else'], approvals: 1 });
  });

  it('takes approvals and duration from different rules where these are the strictest', () => {
    const crossed = Policy.parse({
      rules: [
        { name: 'many', labels: { env: 'production' }, approvals: 3, max_duration: 'PT8H' },
        { name: 'short', labels: { env: 'staging' }, approvals: 1, max_duration: 'PT15M' },
      ],
    });
    expect(decide(crossed, { scope: shell, targets: [production, staging], durationSeconds: 900 })).toEqual({
      ...{ allowed: true, rules: ['many', 'short'], approvals: 3, maxDurationSeconds: 900 },
    });
  });

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

  it('decides for exactly as long as its rule allows, and by all labels of the rule', () => {
    const two = { env: 'production', role: 'db' };
    const rules = Policy.parse({ rules: [{ name: 'x', labels: two, max_duration: 'PT1H' }] });
    const ask = { scope: shell, targets: [target(two)], durationSeconds: 3_600 };
    const maxDurationSeconds = 3_600;
    expect(decide(rules, ask)).toEqual({ allowed: true, rules: ['x'], approvals: 1, maxDurationSeconds });
    expect(decide(rules, { ...ask, targets: [production] })).toEqual({ allowed: false, reason: { kind: 'no_rule' } });
  });

  it('names, of the rules that decide, the one that allows the shortest time, and of equal ones the first', () => {
    const rule = (name: string, max_duration: string) => ({ name, labels: { env: name }, max_duration });
    const some = Policy.parse({ rules: [rule('a', 'PT2H'), rule('b', 'PT1H'), rule('c', 'PT1H'), rule('d', 'PT3H')] });
    const targets = ['d', 'c', 'b', 'a'].map((env) => target({ env }));
    expect(decide(some, { scope: shell, targets, durationSeconds: 7_200 })).toEqual({
      ...{ allowed: false, reason: { kind: 'too_long', rule: 'b', maxDurationSeconds: 3_600 } },
    });
  });
});
