import { describe, expect, it } from 'vitest';
import { decide, offeredDurations, Policy, policyGaps } from '../../../src/access/policy.ts';
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
  });

  it('says what it leaves open, so that nobody could get access', () => {
    const rules = [{ name: 'x', max_duration: 'PT1H' }];
    const gaps = (engagements?: unknown) => policyGaps(Policy.parse({ rules, engagements })).length;
    expect(gaps()).toBe(2);
    expect(gaps({ openers: [{ people: 'any' }] })).toBe(1);
    expect(gaps({ openers: [{ people: 'any' }], reviewers: { groups: ['S1A'] } })).toBe(0);
  });

  it('takes durations in ISO 8601 and nothing else', () => {
    for (const bad of ['4h', 'PT0S', '-PT1H', 'PT', '', 'PT1.5S']) {
      expect(Policy.safeParse({ rules: [{ name: 'x', max_duration: bad }] }).success, bad).toBe(false);
    }
  });
});
