import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Fingerprint } from '../../../../src/access/ids.ts';
import { selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { viewRequest } from '../../../../src/use-cases/views/views.ts';
import { auditHeadIn } from '../../../support/checks/audit-head-in.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { RightsWorld } from '../../../support/worlds/rights-world.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

let store: TestStore;
let world: RightsWorld;

beforeAll(async () => {
  store = await openTestStore('postgres');
  world = RightsWorld.on(store);
});
afterAll(() => world[Symbol.asyncDispose]());
beforeEach(() => world.begin());

describe('the key of a request', () => {
  it('is the newest, or those that were chosen of one’s own', async () => {
    const second = await world.registers(world.contractor);
    expect(granted(await world.ask()).ask.keyFingerprints).toEqual([second.fingerprint]);
    expect(granted(await world.ask({ keys: [world.key.fingerprint] })).ask.keyFingerprints).toEqual([
      world.key.fingerprint,
    ]);
    const foreign = await world.registers(world.reviewer);
    for (const keys of [[foreign.fingerprint], [world.key.fingerprint, foreign.fingerprint], ['SHA256:']]) {
      expect(await world.ask({ keys })).toMatchObject({ ok: false, rejection: { code: 'unknown_own_key' } });
    }
  });
});

describe('who has asked and waits', () => {
  /** Why the gateway leads to no target, for who asks it itself. */
  const noTargets = async () => {
    const decided = await world.connect(world.key.proof('daypass', null), { kind: 'jump' });
    return decided.ok && decided.value.kind === 'jump' ? decided.value.noTargets : decided;
  };

  it('is told so on the terminal, and not to ask, also where earlier access has ended', async () => {
    const cert = () =>
      selfService(world.deps)(
        { personId: world.contractor.id, fingerprint: Fingerprint.parse(world.key.fingerprint) },
        { verb: 'cert', grant: null },
      );
    expect(await noTargets()).toEqual({ code: 'no_live_grant' });
    expect(await cert()).toMatchObject({ why: { code: 'no_live_grant' } });
    const earlier = await world.given();
    await world.revoke(earlier);
    const { id: requestId } = granted(await world.ask());
    expect(await noTargets()).toEqual({ code: 'request_waits', requestId });
    expect(await cert()).toMatchObject({ why: { code: 'request_waits', requestId } });
    expect(await world.enter(earlier)).toBe('request_waits');
  });
});

describe('the certificate of what was approved', () => {
  it('has the head that the audit log had before it', async () => {
    const grant = await world.given();
    await store.transaction(async (tx) => {
      const [issued] = await tx.grants.certificates(grant.id);
      const head = auditHeadIn(issued?.certificate ?? '');
      expect(await tx.audit.after(head.number, 1)).toMatchObject([{ type: 'request_reviewed', prev: head.hash }]);
    });
  });
});

describe('what was asked for', () => {
  it.each([
    ['address', { address: '127.0.0.9' }],
    ['port', { port: 2222 }],
    ['host key', { host_keys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMrrvHhxLbWDLBzyLEMkNkxxKLyxKJXp8pTeYVqXcUUx'] }],
  ])('is not approved for a target whose %s is another by then', async (_, change) => {
    const request = granted(await world.ask());
    const [web] = world.targets;
    if (!web) throw new Error('no target');
    world.targets[0] = { ...web, ...change };
    expect(await world.approve(request)).toEqual({
      ok: false,
      rejection: { code: 'target_changed', targetId: 'web-01' },
    });
    expect(await store.transaction((tx) => tx.grants.byRequest(request.id))).toBeNull();
    world.targets[0] = web;
    expect(await world.approve(request)).toMatchObject({ ok: true });
  });

  it('waits for as many approvals as today’s policy wants, and its card says so', async () => {
    const { policy } = world.inventory;
    const second = await world.person(`USECOND${world.round}`);
    world.engaged = await world.engagement([world.contractor], [world.reviewer, second]);
    const request = granted(await world.ask());
    const shown = async () => (await viewRequest(world.deps)({ requestId: request.id }))?.request;
    expect(await shown()).toMatchObject({ approvals: 1, rule: 'one reviewer approves' });
    try {
      policy.rules.unshift({ name: 'two now', approvals: 2, max_duration: 28_800 });
      expect(await shown()).toMatchObject({ approvals: 2, rule: 'two now' });
      expect(await world.approve(request)).toMatchObject({ ok: true, value: { status: 'pending', approvals: 2 } });
      expect(await store.transaction((tx) => tx.grants.byRequest(request.id))).toBeNull();
      policy.rules.unshift({ name: 'short', approvals: 1, max_duration: 900 });
      const why = { kind: 'duration', maxSeconds: 900, rule: 'short' };
      expect(await world.approve(request, second)).toEqual({
        ok: false,
        rejection: { code: 'no_longer_allowed', why },
      });
      policy.rules.shift();
      expect(await world.approve(request, second)).toMatchObject({ ok: true, value: { status: 'approved' } });
    } finally {
      policy.rules.splice(0, policy.rules.length - 1);
    }
  });

  it('is approved within the hours of policy, and lasts no longer than they do', async () => {
    const { policy } = world.inventory;
    const hourOf = (at: Date): string => at.toISOString().slice(11, 13);
    const inHours = (hours: number): Date => new Date(Date.now() + hours * 3_600_000);
    const between = (from: Date, to: Date): void => {
      const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
      const allow = [{ days: [...days], from: `${hourOf(from)}:00`, to: `${hourOf(to)}:00` }];
      policy.rules.unshift({ name: 'by day', approvals: 1, max_duration: 28_800, hours: { zone: 'UTC', allow } });
    };
    const request = granted(await world.ask({ durationSeconds: 28_800 }));
    try {
      between(inHours(2), inHours(4));
      expect(await world.approve(request)).toMatchObject({
        ok: false,
        rejection: { code: 'no_longer_allowed', why: { kind: 'hours', rule: 'by day', opens: expect.any(Date) } },
      });
      expect(await world.ask()).toMatchObject({ ok: false, rejection: { code: 'outside_hours', field: 'duration' } });
      const end = inHours(2);
      between(inHours(-2), end);
      expect(await world.approve(request)).toMatchObject({ ok: true, value: { status: 'approved' } });
      const grant = await store.transaction((tx) => tx.grants.byRequest(request.id));
      expect(grant?.terms.notAfter).toBe(end.toISOString().replace(/:.*/, ':00:00.000Z'));
    } finally {
      policy.rules.splice(0, policy.rules.length - 1);
    }
  });

  it('can be denied although it could not be approved any more', async () => {
    const request = granted(await world.ask());
    world.targets.shift();
    expect(await world.approve(request, world.reviewer, 'deny')).toMatchObject({
      ok: true,
      value: { status: 'denied' },
    });
  });

  it('is not approved for a target that is gone', async () => {
    const request = granted(await world.ask());
    world.targets.shift();
    expect(await world.approve(request)).toMatchObject({ ok: false, rejection: { code: 'target_changed' } });
  });
});
