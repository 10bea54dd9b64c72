import { describe, expect, it } from 'vitest';
import { decide, Policy } from '../../../src/access/policy.ts';
import { ScopeName } from '../../../src/access/scope.ts';
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
      rule: 'production, files only',
      approvals: 1,
    });
    expect(decide(policy, { scope: shell, targets: [production], durationSeconds: 60 })).toMatchObject({
      rule: 'two for a production shell',
      approvals: 2,
    });
  });

  it('refuses what is longer than the deciding rule allows, even where a later rule would not', () => {
    expect(decide(policy, { scope: files, targets: [production], durationSeconds: 3_601 })).toEqual({
      allowed: false,
      reason: { kind: 'too_long', rule: 'production, files only', maxDurationSeconds: 3_600 },
    });
  });

  it('denies what no rule covers, and mixed targets that no single rule covers', () => {
    const noRule = { allowed: false, reason: { kind: 'no_rule' } };
    expect(decide(policy, { scope: shell, targets: [target({})], durationSeconds: 1 })).toEqual(noRule);
    expect(decide(policy, { scope: shell, targets: [production, staging], durationSeconds: 1 })).toEqual(noRule);
  });

  it('takes durations in ISO 8601 and nothing else', () => {
    for (const bad of ['4h', 'PT0S', '-PT1H', 'PT', '', 'PT1.5S']) {
      expect(Policy.safeParse({ rules: [{ name: 'x', max_duration: bad }] }).success, bad).toBe(false);
    }
  });
});
