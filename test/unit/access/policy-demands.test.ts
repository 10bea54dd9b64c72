import { describe, expect, it } from 'vitest';
import { Policy } from '../../../src/access/policy.ts';
import { decide, production, shell, staging } from '../../support/samples/policy-asks.ts';

describe('what an approval takes', () => {
  const both = [staging, production];
  it.each([
    ['a signature in production', {}, [production], 'signed'],
    ['a click elsewhere', {}, [staging], 'slack'],
    ['what is wanted on the strictest of several targets', {}, both, 'signed'],
    ['a click in production where the rule says so', { assurance: 'slack' }, both, 'slack'],
    ['a signature elsewhere where the rule says so', { assurance: 'signed' }, [staging], 'signed'],
    ['a FIDO key', { assurance: 'fido' }, both, 'fido'],
  ] as const)('is %s', (_, rule, targets, assurance) => {
    const rules = Policy.parse({ rules: [{ name: 'x', ...rule }] });
    expect(decide(rules, { scope: shell, targets, durationSeconds: 60 })).toMatchObject({ assurance });
  });

  it.each([
    ['slack', 'fido', 'fido'],
    ['fido', 'signed', 'fido'],
    ['signed', 'slack', 'signed'],
  ] as const)('is, of %s and %s, %s, whichever rule stands first', (first, second, assurance) => {
    const rule = (env: string, of: string) => ({ name: env, labels: { env }, assurance: of });
    for (const rules of [
      [rule('production', first), rule('staging', second)],
      [rule('staging', first), rule('production', second)],
    ]) {
      const decision = decide(Policy.parse({ rules }), { scope: shell, targets: both, durationSeconds: 60 });
      expect(decision).toMatchObject({ assurance });
    }
  });

  it('is decided by the labels that the policy calls production', () => {
    const rules = Policy.parse({ rules: [{ name: 'x' }], production: { env: 'staging' } });
    expect(decide(rules, { scope: shell, targets: [staging], durationSeconds: 60 })).toMatchObject({
      assurance: 'signed',
    });
    expect(decide(rules, { scope: shell, targets: [production], durationSeconds: 60 })).toMatchObject({
      assurance: 'slack',
    });
  });

  it('is nothing else', () => {
    expect(Policy.safeParse({ rules: [{ name: 'x', assurance: 'none' }] }).success).toBe(false);
  });
});

describe('what the key that logs in has to be', () => {
  it.each([
    ['any', [undefined]],
    ['fido', ['fido', undefined]],
    ['fido_verified', ['fido', 'fido_verified']],
    ['fido', ['any', 'fido']],
  ] as const)('is the strictest of the rules: %s for %j', (keys, [one, other]) => {
    const rules = [
      { name: 'production', labels: { env: 'production' }, keys: one },
      { name: 'any', keys: other },
    ];
    const targets = [production, staging];
    expect(decide(Policy.parse({ rules }), { scope: shell, targets, durationSeconds: 60 })).toMatchObject({ keys });
  });

  it('is nothing else', () => {
    expect(Policy.safeParse({ rules: [{ name: 'x', keys: 'none' }] }).success).toBe(false);
  });
});

describe('a rule that wants a ticket', () => {
  const ticketOf = (ticket: unknown) => Policy.safeParse({ rules: [{ name: 'it', max_duration: 'PT1H', ticket }] });
  const OPS = { pattern: 'OPS-\\d+|CHG', example: 'OPS-1042' };
  const verdict = (wanted: unknown, ticket: string | null) =>
    decide(ticketOf(wanted).data as Policy, { scope: shell, targets: [production], durationSeconds: 60, ticket });

  it.each([
    ['required', 'anything'],
    [OPS, 'OPS-1'],
    [OPS, 'CHG'],
    [undefined, null],
  ] as const)('%j lets %j through', (wanted, ticket) => {
    expect(verdict(wanted, ticket).allowed).toBe(true);
  });

  it.each([
    ['required', null, null],
    [OPS, null, 'OPS-1042'],
    [OPS, 'OPS-', 'OPS-1042'],
    [OPS, 'see OPS-1', 'OPS-1042'],
    [OPS, 'OPS-1 CHG', 'OPS-1042'],
    [OPS, 'OPS-1\n', 'OPS-1042'],
  ] as const)('%j refuses %j', (wanted, ticket, example) => {
    expect(verdict(wanted, ticket)).toEqual({ allowed: false, reason: { kind: 'ticket', rule: 'it', example } });
  });

  it('counts for all targets of a request, also where another rule is the stricter one', () => {
    const policy = Policy.parse({
      rules: [
        { name: 'staging', labels: { env: 'staging' }, max_duration: 'PT8H', ticket: 'required' },
        { name: 'production', labels: { env: 'production' }, approvals: 2, max_duration: 'PT1H' },
      ],
    });
    const ask = { scope: shell, targets: [production, staging], durationSeconds: 60 };
    expect(decide(policy, ask)).toMatchObject({ reason: { kind: 'ticket', rule: 'staging' } });
    expect(decide(policy, { ...ask, ticket: 'x' })).toMatchObject({ allowed: true, approvals: 2 });
  });

  it.each([
    [{ pattern: '(', example: 'x' }, ['pattern'], 'is not a regular expression'],
    [{ pattern: 'OPS)|(?:x', example: 'x' }, ['pattern'], 'is not a regular expression'],
    [{ pattern: 'OPS-\\d+', example: 'OPS' }, ['example'], 'does not match the pattern'],
  ] as const)('is refused when it is read: %j', (ticket, path, message) => {
    const issues = ticketOf(ticket).error?.issues as { errors?: unknown[][] }[];
    expect(JSON.stringify(issues)).toContain(JSON.stringify(message));
    expect(JSON.stringify(issues)).toContain(JSON.stringify(path[0]));
  });
});
