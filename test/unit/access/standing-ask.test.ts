import { describe, expect, it } from 'vitest';
import { TargetId } from '../../../src/access/ids.ts';
import { Policy, scopesOf } from '../../../src/access/policy.ts';
import type { PendingRequest } from '../../../src/access/request.ts';
import { ok } from '../../../src/access/result.ts';
import type { Scope } from '../../../src/access/scopes/scope.ts';
import { heldToPolicy as held, shownUnderPolicy, type Today } from '../../../src/access/standing-ask.ts';
import { pin, Target } from '../../../src/access/target.ts';
import { engagementId, login, NOON, pending, scope } from '../../support/samples/samples.ts';

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrvHhxLbWDLBzyLEMkNkxxKLyxKJXp8pTeYVqXcUUx';
const web = Target.parse({
  ...{ id: 'web-01', name: 'Web', address: '10.0.0.1', host_keys: [HOST_KEY], logins: ['deploy'] },
  labels: { env: 'staging' },
});
const today = (policy: object, targets: readonly Target[] = [web], scopes?: readonly Scope[]): Today => {
  const parsed = Policy.parse({ rules: [{ name: 'one', max_duration: 'PT8H' }], ...policy });
  return { policy: parsed, scopes: scopes ?? scopesOf(parsed), targets };
};
const asked = (change: Partial<PendingRequest> = {}, ask: Partial<PendingRequest['ask']> = {}): PendingRequest => {
  const request = pending(change);
  return { ...request, rule: 'one', ask: { ...request.ask, targets: [pin(web)], login: login('deploy'), ...ask } };
};
const ASKER = { requester: { standing: 'guest' }, engagement: { id: engagementId(1), vendor: 'Northwind' } } as const;
const heldToPolicy = (now: Today, request: PendingRequest) => {
  const decided = held(now, request, ASKER, NOON);
  return decided.ok ? ok(decided.value.request) : decided;
};
const shell = scope('shell');
const rule = (change: object) => ({ rules: [{ name: 'now', max_duration: 'PT8H', ...change }] });

describe('a request that waits', () => {
  it.each([
    ['the same', {}, 1, { approvals: 1, rule: 'one' }],
    ['more approvals', rule({ approvals: 3 }), 1, { approvals: 3, rule: 'now' }],
    ['fewer approvals', rule({ approvals: 1 }), 2, { approvals: 2, rule: 'one' }],
    ['more time', rule({ max_duration: 'P1D' }), 1, { approvals: 1, rule: 'one' }],
    ['less time that still suffices', rule({ max_duration: 'PT1H' }), 1, { approvals: 1 }],
  ] as const)('is reviewed by the stricter of two policies: the new one wants %s', (_, policy, approvals, expected) => {
    expect(heldToPolicy(today(policy), asked({ approvals }))).toMatchObject({ ok: true, value: expected });
  });

  it.each([
    ['slack', 'signed', 'signed', 'now'],
    ['slack', 'fido', 'fido', 'now'],
    ['signed', 'fido', 'fido', 'now'],
    ['signed', 'slack', 'signed', 'one'],
    ['fido', 'signed', 'fido', 'one'],
    ['slack', 'slack', 'slack', 'one'],
  ] as const)('is signed by the stricter of two policies: %s then, and %s now', (then, now, assurance, name) => {
    const policy = today(rule({ assurance: now }));
    expect(heldToPolicy(policy, asked({ assurance: then }))).toMatchObject({
      ok: true,
      value: { assurance, rule: name, approvals: 1 },
    });
  });

  it('keeps the approvals that it was asked under where it is only to be signed', () => {
    const held = heldToPolicy(today(rule({ assurance: 'signed' })), asked({ approvals: 2 }));
    expect(held).toMatchObject({ ok: true, value: { approvals: 2, assurance: 'signed' } });
  });

  it.each([
    ['less time', today(rule({ max_duration: 'PT15M' })), { kind: 'duration', maxSeconds: 900, rule: 'now' }],
    ['no rule for the scope', today(rule({ scopes: ['files-ro'] })), { kind: 'rule', scope: 'shell' }],
    [
      'no rule for what the target is labelled now',
      today(rule({ labels: { env: 'staging' } }), [{ ...web, labels: { env: 'production' } }]),
      { kind: 'rule', scope: 'shell' },
    ],
    ['a scope less', today({}, [web], [scope('files-ro')]), { kind: 'scope', scope: 'shell' }],
    ['a narrower scope', today({}, [web], [{ ...shell, pty: false }]), { kind: 'scope', scope: 'shell' }],
    [
      'typed input in the record',
      today({}, [web], [{ ...shell, record_input: true }]),
      { kind: 'scope', scope: 'shell' },
    ],
    [
      'a ticket wanted',
      today(rule({ ticket: { pattern: 'OPS-\\d+', example: 'OPS-1042' } })),
      { kind: 'ticket', rule: 'now', example: 'OPS-1042' },
    ],
    [
      'hours that are over',
      today(rule({ hours: { zone: 'UTC', allow: [{ days: ['fri'], from: '09:00', to: '10:00' }] } })),
      { kind: 'hours', rule: 'now', opens: new Date('2030-05-03T09:00Z'), zone: 'UTC' },
    ],
    ['no rule for guests', today(rule({ people: ['member'] })), { kind: 'rule', scope: 'shell' }],
    [
      'a login less',
      today({}, [{ ...web, logins: [login('other')] }]),
      { kind: 'login', login: 'deploy', targetId: 'web-01' },
    ],
  ] as const)('is not approved any more once there is %s', (_, now, why) => {
    expect(heldToPolicy(now, asked())).toEqual({ ok: false, rejection: { code: 'no_longer_allowed', why } });
  });

  it('lasts no longer than the hours of policy', () => {
    const hours = { zone: 'UTC', allow: [{ days: ['thu'], from: '09:00', to: '12:30' }] };
    expect(held(today(rule({ hours })), asked(), ASKER, NOON)).toMatchObject({
      value: { until: new Date('2030-05-02T12:30Z') },
    });
    expect(held(today({}), asked(), ASKER, NOON)).toMatchObject({ value: { until: null } });
  });

  it('is shown outside the hours of policy as it will be reviewed within them', () => {
    const two = (from: string) =>
      today(rule({ approvals: 2, hours: { zone: 'UTC', allow: [{ days: ['fri'], from, to: '12:00' }] } }));
    expect(shownUnderPolicy(two('09:00'), asked(), ASKER, NOON)).toMatchObject({ approvals: 2, rule: 'now' });
    expect(shownUnderPolicy(today(rule({ people: ['member'] })), asked(), ASKER, NOON)).toEqual(asked());
  });

  it.each([
    ['is gone', []],
    ['has another address', [{ ...web, address: '10.0.0.2' }]],
  ] as const)('is not approved for a target that %s', (_, targets) => {
    const rejection = { code: 'target_changed', targetId: TargetId.parse('web-01') };
    expect(heldToPolicy(today({}, targets), asked())).toEqual({ ok: false, rejection });
  });

  it('names all rules that decide today, where these want more', () => {
    const db = Target.parse({ ...web, id: 'db-01', labels: { env: 'production' } });
    const rules = [
      { name: 'staging', labels: { env: 'staging' }, max_duration: 'PT8H' },
      { name: 'production', labels: { env: 'production' }, approvals: 2, max_duration: 'PT8H' },
    ];
    const both = asked({}, { targets: [pin(web), pin(db)] });
    expect(heldToPolicy(today({ rules }, [web, db]), both)).toEqual({
      ok: true,
      value: { ...both, approvals: 2, assurance: 'signed', rule: 'staging\nproduction' },
    });
    const held = asked({ approvals: 2, assurance: 'signed' }, { targets: [pin(web), pin(db)] });
    expect(heldToPolicy(today({ rules }, [web, db]), held)).toEqual({ ok: true, value: held });
  });

  it('goes on where it is recorded as it was asked for, or where less is recorded by now', () => {
    const typed = { ...shell, record_input: true };
    expect(heldToPolicy(today({}, [web], [typed]), asked({}, { scope: typed })).ok).toBe(true);
    expect(heldToPolicy(today({}, [web], [shell]), asked({}, { scope: typed })).ok).toBe(true);
    expect(heldToPolicy(today({}, [web], [shell]), asked()).ok).toBe(true);
  });

  it('keeps a scope that lets through more by now as it was asked for', () => {
    const narrow = { ...shell, pty: false };
    expect(heldToPolicy(today({}), asked({}, { scope: narrow }))).toMatchObject({
      ok: true,
      value: { ask: { scope: narrow } },
    });
  });
});
