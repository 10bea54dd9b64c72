import { describe, expect, it } from 'vitest';
import { Policy } from '../../../src/access/policy.ts';
import { explain } from '../../../src/access/policy-decision.ts';
import type { Target } from '../../../src/access/target.ts';
import { decide, files, production, shell, staging, target, USUAL } from '../../support/samples/policy-asks.ts';
import { engagementId } from '../../support/samples/samples.ts';

const policy = Policy.parse({
  rules: [
    { name: 'production, files only', scopes: ['files-rw'], labels: { env: 'production' }, max_duration: 'PT1H' },
    { name: 'two for a production shell', labels: { env: 'production' }, approvals: 2, max_duration: 'PT4H' },
    { name: 'staging', labels: { env: 'staging' }, max_duration: 'P3D' },
  ],
});
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
    expect(decide(lenient, ask)).toEqual({
      ...decision,
      ...{ assurance: 'signed', keys: 'any', maxDurationSeconds: 3_600, until: null },
    });
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
      ...{ allowed: true, rules: ['many', 'short'], approvals: 3, assurance: 'signed', maxDurationSeconds: 900 },
      ...{ keys: 'any', until: null },
    });
  });

  it('decides for exactly as long as its rule allows, and by all labels of the rule', () => {
    const two = { env: 'production', role: 'db' };
    const rules = Policy.parse({ rules: [{ name: 'x', labels: two, max_duration: 'PT1H' }] });
    const ask = { scope: shell, targets: [target(two)], durationSeconds: 3_600 };
    const maxDurationSeconds = 3_600;
    const decision = {
      allowed: true,
      rules: ['x'],
      approvals: 1,
      assurance: 'signed',
      keys: 'any',
      maxDurationSeconds,
    };
    expect(decide(rules, ask)).toEqual({ ...decision, until: null });
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

describe('a rule applies', () => {
  const OTHER = '5f0c2f0e-6f0a-4b0e-9c51-0c1f3b0c7a11';
  const ruleOf = (conditions: object) =>
    Policy.parse({ rules: [{ name: 'it', approvals: 2, max_duration: 'PT1H', ...conditions }] });
  const asked = { scope: shell, targets: [production], durationSeconds: 60 };

  it.each([
    ['nothing', {}, {}],
    ['its scope', { scopes: ['files-rw', 'shell'] }, {}],
    ['its target', { targets: ['web-01'] }, {}],
    ['its login', { logins: ['root', 'deploy'] }, {}],
    ['who asks', { people: ['guest'] }, {}],
    ['its engagement', { engagements: [engagementId(1)] }, {}],
    ['its vendor, however that is written', { vendors: ['NORTHWIND  data'] }, {}],
    ['each of these', { scopes: ['shell'], logins: ['deploy'], people: ['external'] }, { standing: 'external' }],
  ] as const)('by %s', (_, conditions, change) => {
    expect(decide(ruleOf(conditions), { ...asked, ...change })).toMatchObject({ allowed: true, approvals: 2 });
  });

  it.each([
    ['scopes', { scopes: ['files-rw'] }, ['files-rw'], 'shell'],
    ['targets', { targets: ['db-01'] }, ['db-01'], 'web-01'],
    ['labels', { labels: { env: 'staging' } }, ['env=staging'], 'env=production'],
    ['labels', { labels: { constructor: 'x' } }, ['constructor=x'], 'no constructor'],
    ['logins', { logins: ['root'] }, ['root'], 'deploy'],
    ['people', { people: ['member', 'external'] }, ['member', 'external'], 'guest'],
    ['engagements', { engagements: [OTHER] }, [OTHER], engagementId(1)],
    ['vendors', { vendors: ['Southwind'] }, ['Southwind'], 'Northwind Data'],
  ] as const)('to nothing else: its %s %j', (condition, conditions, wanted, got) => {
    const policy = ruleOf(conditions);
    expect(decide(policy, asked)).toEqual({ allowed: false, reason: { kind: 'no_rule' } });
    const [explained] = explain(policy, { ...USUAL, ...asked });
    expect(explained?.rules.map(({ mismatch }) => mismatch)).toEqual([{ condition, wanted, got }]);
  });

  it('to no engagement that is still to be opened, where it names one', () => {
    const fresh = { ...asked, engagement: { id: null, vendor: 'Northwind Data' } };
    expect(decide(ruleOf({ engagements: [engagementId(1)] }), fresh).allowed).toBe(false);
    expect(decide(ruleOf({}), fresh).allowed).toBe(true);
  });

  it('and is explained with those before it, and none behind it', () => {
    const policy = Policy.parse({
      rules: [
        { name: 'root', logins: ['root'], max_duration: 'PT1H' },
        { name: 'guests', people: ['guest'], max_duration: 'PT1H' },
        { name: 'anything', max_duration: 'PT1H' },
      ],
    });
    const shown = explain(policy, { ...USUAL, ...asked }).map(({ target, rules }) => [
      target.id,
      rules.map(({ rule, mismatch }) => [rule.name, mismatch?.condition ?? 'decides']),
    ]);
    expect(shown).toEqual([
      [
        'web-01',
        [
          ['root', 'logins'],
          ['guests', 'decides'],
        ],
      ],
    ]);
  });
});

describe('a rule that says no duration', () => {
  const HOUR = 3_600;
  const max = (policy: object, targets: readonly Target[]): number | null => {
    const parsed = Policy.parse({ rules: [{ name: 'x' }], ...policy });
    const decision = decide(parsed, { scope: shell, targets, durationSeconds: 1 });
    return decision.allowed ? decision.maxDurationSeconds : null;
  };

  it('allows 72 hours, and 8 in production', () => {
    expect(max({}, [staging])).toBe(72 * HOUR);
    expect(max({}, [production])).toBe(8 * HOUR);
    expect(max({}, [staging, production])).toBe(8 * HOUR);
    expect(max({ production: { env: 'staging' } }, [staging])).toBe(8 * HOUR);
    expect(max({ production: { env: 'staging' } }, [production])).toBe(72 * HOUR);
    expect(max({ production: { env: 'production', tier: '1' } }, [production])).toBe(72 * HOUR);
    expect(max({ rules: [{ name: 'x', max_duration: 'PT9H' }] }, [production])).toBe(9 * HOUR);
  });

  it('lets no longer duration be offered than 72 hours', () => {
    expect(Policy.safeParse({ rules: [{ name: 'x' }], durations: ['P3D'] }).success).toBe(true);
    expect(Policy.safeParse({ rules: [{ name: 'x' }], durations: ['P3DT1S'] }).success).toBe(false);
  });
});

describe('rules with hours', () => {
  const WEEKDAYS = ['mon', 'tue', 'wed', 'thu', 'fri'];
  const ruleOf = (env: string, days: readonly string[], from: string, to: string, zone = 'Europe/Berlin') => ({
    ...{ name: env, labels: { env }, hours: { zone, allow: [{ days, from, to }] } },
  });
  const office = ruleOf('production', WEEKDAYS, '09:00', '17:30');
  const verdict = (at: string, targets: readonly Target[], ...rules: readonly object[]) => {
    const parsed = Policy.parse({ rules });
    return decide(parsed, { scope: shell, targets, durationSeconds: 8 * 3_600, at: new Date(at) });
  };

  it('allow access within them, and until they end', () => {
    for (const at of ['2030-05-02T07:00Z', '2030-05-02T15:29:59.999Z'])
      expect(verdict(at, [production], office)).toMatchObject({ allowed: true, until: new Date('2030-05-02T15:30Z') });
  });

  it.each([
    ['2030-05-02T06:59:59.999Z', '2030-05-02T07:00Z'],
    ['2030-05-02T15:30Z', '2030-05-03T07:00Z'],
    ['2030-05-03T15:30Z', '2030-05-06T07:00Z'],
  ])('refuse it outside, and say when it is allowed again: %s', (at, opens) => {
    const reason = { kind: 'hours', rule: 'production', opens: new Date(opens), zone: 'Europe/Berlin' };
    expect(verdict(at, [production], office, { name: 'any' })).toEqual({ allowed: false, reason });
  });

  it('allow several targets while all are open, and until the first of them closes', () => {
    const early = ruleOf('staging', ['thu'], '06:00', '12:00', 'UTC');
    const both = [production, staging];
    expect(verdict('2030-05-02T08:00Z', both, office, early)).toMatchObject({ until: new Date('2030-05-02T12:00Z') });
    expect(verdict('2030-05-02T06:30Z', both, office, early)).toEqual({
      ...{ allowed: false },
      reason: { kind: 'hours', rule: 'production', opens: new Date('2030-05-02T07:00Z'), zone: 'Europe/Berlin' },
    });
    expect(verdict('2030-05-02T12:00Z', both, office, early)).toEqual({
      ...{ allowed: false },
      reason: { kind: 'hours', rule: 'staging', opens: new Date('2030-05-09T07:00Z'), zone: 'UTC' },
    });
    expect(verdict('2030-05-02T08:00Z', both, office, ruleOf('staging', ['sat'], '00:00', '24:00'))).toMatchObject({
      ...{ allowed: false, reason: { kind: 'hours', rule: 'staging', opens: null } },
    });
  });

  it('count only where they decide', () => {
    expect(verdict('2030-05-02T20:00Z', [staging], office, { name: 'any' })).toMatchObject({
      allowed: true,
      until: null,
    });
  });
});
