import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Policy } from '../../../../src/access/policy.ts';
import { Target } from '../../../../src/access/target.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { expireRequests } from '../../../../src/use-cases/requests/expire-requests.ts';
import { type RequestAccessInput, requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { requestId } from '../../../support/samples/samples.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';

describe('a request', () => {
  let world: GrantedWorld;
  beforeEach(async () => {
    world = await GrantedWorld.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const policy = (change: object) =>
    Policy.parse({ rules: [{ name: 'one reviewer approves', max_duration: 'PT8H' }], engagements: ANYBODY, ...change });
  const ask = (change: Partial<RequestAccessInput> = {}, inventory = world.deps.inventory) =>
    requestAccess({ ...world.deps, inventory })({
      ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'] },
      ...{ login: world.access.login, scope: 'shell', durationSeconds: 3_600, reason: 'Move it', ticket: null },
      ...change,
    });
  /** So that the same can be asked for again. */
  const takenBack = async <Of extends { id: ReturnType<typeof requestId> }>(filed: Of): Promise<Of> => {
    granted(await withdrawRequest(world.deps)({ by: world.contractor.id, requestId: filed.id }));
    return filed;
  };
  const refusal = async (...input: Parameters<typeof ask>): Promise<unknown> => {
    const asked = await ask(...input);
    if (asked.ok) await takenBack(asked.value);
    return asked.ok ? null : asked.rejection;
  };
  const stored = (id: ReturnType<typeof requestId>) => world.store.transaction((tx) => tx.requests.byId(id));

  it('is filed as it was asked for, and its reviewers are asked', async () => {
    const { contractor, reviewer, engagement, access } = world;
    await world.traces();
    const filed = granted(
      await ask({ targetIds: ['web-01', 'db-01', 'web-01'], reason: ' Move it ', ticket: ' T-1 ' }),
    );
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    const hostKeys = [access.keys.gatewayHostPublicKey.split(' ').slice(0, 2).join(' ')];
    const pinned = (id: string) => ({ id, address: '127.0.0.1', port: 22, hostKeys });
    expect(filed).toMatchObject({
      ask: {
        ...{ engagementId: engagement.id, personId: contractor.id, targets: ['db-01', 'web-01'].map(pinned) },
        ...{ login: access.login, scope: { name: 'shell' }, durationSeconds: 3_600, reason: 'Move it', ticket: 'T-1' },
        keyFingerprints: [key?.fingerprint],
      },
      ...{ rule: 'one reviewer approves', approvals: 1, reviews: [], status: 'pending' },
      ...{ requestedAt: world.now, expiresAt: world.later(86_400) },
    });
    expect(await stored(filed.id)).toEqual(filed);
    const { id, digest } = filed;
    const facts = {
      ...{ request: id, digest, engagement: engagement.id, targets: ['db-01', 'web-01'], login: access.login },
      ...{ scope: 'shell', seconds: 3_600, rule: 'one reviewer approves', assurance: 'slack' },
    };
    expect(await world.traces()).toEqual({
      events: [{ type: 'access_requested', actor: actorOfPerson(contractor), facts }],
      notices: [
        [world.dm(reviewer), { kind: 'review_card', requestId: id, to: reviewer.id }],
        [world.thread, { kind: 'review_card', requestId: id, to: null }],
        [world.dm(contractor), { kind: 'request_received', requestId: id }],
      ],
    });
  });

  it('waits no longer than policy says, nor than its engagement lasts', async () => {
    const short = { ...world.deps.inventory, policy: policy({ request_ttl: 'PT10M' }) };
    expect(granted(await ask({}, short)).expiresAt).toEqual(world.later(600));
    const { sponsor, contractor, reviewer } = world;
    const today = granted(
      await openEngagement(world.deps)({
        ...{ by: sponsor.id, name: 'Today', vendor: 'Acme', channelId: 'C1', memberIds: [contractor.id] },
        ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [reviewer.id] },
        ...{ lastDay: '2030-05-02', timeZone: 'UTC' },
      }),
    );
    expect(granted(await ask({ engagementId: today.id })).expiresAt).toEqual(new Date('2030-05-03T00:00:00Z'));
    world.now = new Date('2030-05-03T00:00:00Z');
    await world.access.channelRead('C1', [contractor]);
    await world.seen(contractor, { active: true });
    expect(await refusal({ engagementId: today.id })).toEqual({
      ...{ code: 'engagement_over', endedAt: world.now, field: 'engagement' },
    });
  });

  it('is for own keys: the newest, or those that are named', async () => {
    const { access, contractor, reviewer } = world;
    const [first] = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    world.now = world.later(1);
    const second = (await access.registered(contractor)).fingerprint;
    const foreign = (await access.registered(reviewer)).fingerprint;
    const keysOf = async (keys?: readonly string[]) =>
      (await takenBack(granted(await ask(keys ? { keys } : {})))).ask.keyFingerprints;
    const one = `${first?.fingerprint}`;
    expect(await keysOf()).toEqual([second]);
    expect(await keysOf([])).toEqual([second]);
    expect(await keysOf([one])).toEqual([one]);
    expect(await keysOf([one, one])).toEqual([one]);
    expect(await keysOf([second, one])).toEqual([one, second].sort());
    const UNKNOWN = { code: 'unknown_own_key', field: 'key' };
    expect(await refusal({ keys: [foreign] })).toEqual(UNKNOWN);
    expect(await refusal({ keys: [one, foreign] })).toEqual(UNKNOWN);
  });

  it('is refused to who may not act, and to who has no key', async () => {
    const { stranger, contractor } = world;
    expect(await refusal({ by: requestId(9) as never })).toEqual({ code: 'person_inactive' });
    expect(await refusal({ by: stranger.id })).toEqual({ code: 'no_registered_key' });
    await world.access.registered(stranger);
    expect(await refusal({ by: stranger.id })).toEqual({
      ...{ code: 'not_a_member', engagementId: world.engagement.id, field: 'engagement' },
    });
    const since = world.now;
    world.now = world.later(5_401);
    expect(await refusal()).toEqual({ code: 'person_unconfirmed', since });
    await world.seen(contractor, { active: true });
    expect(await refusal()).toEqual({ code: 'channel_unread', engagement: 'Migration', since });
    await world.seen(contractor, { active: false });
    expect(await refusal()).toEqual({ code: 'person_inactive' });
  });

  const MISSING = { code: 'reason_missing', field: 'reason' };
  const TOO_LONG = { code: 'duration_too_long', maxSeconds: 0, rule: '', field: 'duration' };
  it.each<[string, Partial<RequestAccessInput>, object | null]>([
    ['no target', { targetIds: [] }, { code: 'no_targets', field: 'targets' }],
    [
      'a target too many',
      { targetIds: Array.from({ length: 51 }, (_, n) => `t-${n}`) },
      { code: 'no_targets', field: 'targets' },
    ],
    [
      'as many targets as are allowed, of which one is none',
      { targetIds: Array.from({ length: 50 }, (_, n) => `t-${n + 10}`) },
      { code: 'target_not_in_engagement', targetId: 't-10', field: 'targets' },
    ],
    [
      'a target of no engagement',
      { targetIds: ['web-01', 'zz-01'] },
      { code: 'target_not_in_engagement', targetId: 'zz-01', field: 'targets' },
    ],
    [
      'a login that no target has',
      { login: 'other', targetIds: ['web-01', 'db-01'] },
      { code: 'login_not_on_target', login: 'other', targetIds: ['db-01', 'web-01'], field: 'login' },
    ],
    [
      'a login that cannot be one',
      { login: 'a b' },
      { code: 'login_not_on_target', login: 'a b', targetIds: ['web-01'], field: 'login' },
    ],
    [
      'a scope beyond the engagement',
      { scope: 'ide' },
      { code: 'scope_not_in_engagement', scope: 'ide', field: 'scope' },
    ],
    ['a scope that is none', { scope: 'exec:x' }, { code: 'scope_not_in_engagement', scope: 'exec:x', field: 'scope' }],
    ['no reason', { reason: ' \n ' }, MISSING],
    ['a reason too long', { reason: 'x'.repeat(1_001) }, MISSING],
    ['a reason as long as may be', { reason: ` ${'xy'.repeat(500)} ` }, null],
    ['a reason that says nothing', { reason: 'need access' }, { code: 'reason_empty', field: 'reason' }],
    [
      'a reason with a password',
      { reason: `Move it, the password is ${'hunter'}22` },
      { code: 'secret_found', what: 'a password', field: 'reason' },
    ],
    [
      'a ticket with a token',
      { ticket: `${'xoxb'}-0123456789ab` },
      { code: 'secret_found', what: 'a Slack token', field: 'ticket' },
    ],
    ['a ticket too long', { ticket: 'x'.repeat(201) }, MISSING],
    ['a ticket as long as may be', { ticket: ` ${'x'.repeat(200)} ` }, null],
    ['no time', { durationSeconds: 0 }, TOO_LONG],
    ['less than no time', { durationSeconds: -1 }, TOO_LONG],
    ['half a second', { durationSeconds: 1.5 }, TOO_LONG],
    ['no number', { durationSeconds: Number.NaN }, TOO_LONG],
    ['a second', { durationSeconds: 1 }, null],
    ['as long as the rule allows', { durationSeconds: 28_800 }, null],
    [
      'longer',
      { durationSeconds: 28_801 },
      { code: 'duration_too_long', maxSeconds: 28_800, rule: 'one reviewer approves', field: 'duration' },
    ],
    [
      'an unknown engagement',
      { engagementId: requestId(9) as never },
      { code: 'unknown_engagement', field: 'engagement' },
    ],
  ])('for %s is filed or refused', async (_, change, expected) => {
    expect(await refusal(change)).toEqual(expected);
  });

  it('is held to the ticket that its rule wants, and to who asks', async () => {
    const ticket = { pattern: 'OPS-\\d+', example: 'OPS-1042' };
    const rules = [
      { name: 'members', people: ['member'], max_duration: 'PT8H' },
      { name: 'guests', people: ['guest'], logins: [world.access.login], max_duration: 'PT8H', ticket },
    ];
    const inventory = { ...world.deps.inventory, policy: policy({ rules }) };
    const wanted = { code: 'ticket_wanted', rule: 'guests', example: 'OPS-1042', field: 'ticket' };
    expect(await refusal({ ticket: null }, inventory)).toEqual(wanted);
    expect(await refusal({ ticket: 'OPS' }, inventory)).toEqual(wanted);
    expect(granted(await ask({ ticket: ' OPS-7 ' }, inventory)).rule).toBe('guests');
  });

  it('without a ticket has none, and one of blanks neither', async () => {
    for (const ticket of [null, '', '  '])
      expect((await takenBack(granted(await ask({ ticket })))).ask.ticket).toBeNull();
  });

  it('is for logins that each of its targets has, and for targets that are there', async () => {
    const { access } = world;
    const [web] = access.targets;
    if (!web) throw new Error('no target');
    access.targets[0] = Target.parse({ ...web, logins: ['other'] });
    expect(await refusal({ targetIds: ['web-01', 'db-01'] })).toEqual({
      ...{ code: 'login_not_on_target', login: access.login, targetIds: ['web-01'], field: 'login' },
    });
    access.targets.shift();
    expect(await refusal()).toEqual({ code: 'target_not_in_engagement', targetId: 'web-01', field: 'targets' });
  });

  it('is refused where no rule speaks of it, and where nobody could approve it', async () => {
    const under = (change: object) => ({ ...world.deps.inventory, policy: policy(change) });
    const rule = { name: 'files', max_duration: 'PT8H' };
    expect(await refusal({}, under({ rules: [{ ...rule, scopes: ['files-rw'] }] }))).toEqual({
      ...{ code: 'no_policy_rule', field: 'scope' },
    });
    const none = (needed: number, found: number) => ({ code: 'no_reviewer', needed, found, field: 'engagement' });
    expect(await refusal({}, under({ rules: [{ ...rule, approvals: 2 }] }))).toEqual(none(2, 1));
    const who = (more: object) => under({ engagements: { ...ANYBODY, ...more } });
    expect(await refusal({}, who({ reviewers: { people: ['UOTHER'] } }))).toEqual(none(1, 0));
    expect(await refusal({}, who({ one_person: [['UREVIEW', 'UCON']] }))).toEqual(none(1, 0));
    expect(await refusal({}, who({ one_person: [['UREVIEW', 'USPONSOR']], own_review: false }))).toEqual(none(1, 0));
    expect(await refusal({}, who({ one_person: [['UREVIEW', 'USPONSOR']] }))).toBeNull();
    expect(await refusal({}, who({ own_review: false }))).toBeNull();
  });

  it('counts reviewers who are one human once', async () => {
    const second = await world.access.person('USECOND');
    const { id } = await world.access.engagement([world.contractor], [world.reviewer, second]);
    const rules = [{ name: 'two', max_duration: 'PT8H', approvals: 2 }];
    const under = (more: object) => ({
      ...world.deps.inventory,
      policy: policy({ rules, engagements: { ...ANYBODY, ...more } }),
    });
    expect(await refusal({ engagementId: id }, under({ one_person: [['USECOND', 'UREVIEW']] }))).toEqual({
      ...{ code: 'no_reviewer', needed: 2, found: 1, field: 'engagement' },
    });
    await world.traces();
    granted(await ask({ engagementId: id }, under({})));
    const cards = (await world.traces()).notices.flatMap(([lane, notice]) =>
      'kind' in notice && notice.kind === 'review_card' ? [lane] : [],
    );
    expect(new Set(cards)).toEqual(new Set([world.dm(world.reviewer), world.dm(second), `thread:${id}`]));
  });

  it('names all rules that decide it', async () => {
    const [web, db] = world.access.targets;
    if (!web || !db) throw new Error('no targets');
    world.access.targets.splice(0, 2, { ...web, labels: { env: 'staging' } }, db);
    const rules = [
      { name: 'staging', labels: { env: 'staging' }, max_duration: 'PT8H' },
      { name: 'else', max_duration: 'PT8H' },
    ];
    const filed = granted(
      await ask({ targetIds: ['web-01', 'db-01'] }, { ...world.deps.inventory, policy: policy({ rules }) }),
    );
    expect(filed.rule).toBe('staging\nelse');
  });

  it('is taken back by who asked, and by nobody else', async () => {
    const { contractor, reviewer } = world;
    const filed = granted(await ask());
    const { id, digest } = filed;
    await world.traces();
    const withdraw = (by: typeof contractor, of = id) => withdrawRequest(world.deps)({ by: by.id, requestId: of });
    expect(await withdraw(reviewer)).toEqual({ ok: false, rejection: { code: 'unknown_request' } });
    expect(await withdraw(contractor, requestId(9))).toEqual({ ok: false, rejection: { code: 'unknown_request' } });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    const taken = { ...filed, status: 'withdrawn', decidedAt: world.now };
    expect(await withdraw(contractor)).toEqual({ ok: true, value: taken });
    expect(await stored(id)).toEqual(taken);
    expect(await world.traces()).toEqual({
      events: [{ type: 'request_withdrawn', actor: actorOfPerson(contractor), facts: { request: id, digest } }],
      notices: [
        [world.dm(reviewer), { kind: 'review_card_changed', requestId: id, to: reviewer.id }],
        [world.thread, { kind: 'review_card_changed', requestId: id, to: null }],
      ],
    });
    expect(await withdraw(contractor)).toMatchObject({ ok: false, rejection: { code: 'already_decided' } });
  });

  it('that nobody reviewed in time is closed, once', async () => {
    const { contractor, reviewer } = world;
    const filed = granted(await ask());
    const { id, digest } = filed;
    await world.traces();
    const expire = expireRequests(world.deps);
    expect(await expire()).toBe(0);
    world.now = world.later(86_400);
    expect(await expire()).toBe(1);
    expect(await stored(id)).toEqual({ ...filed, status: 'expired', decidedAt: filed.expiresAt });
    expect(await world.traces()).toEqual({
      events: [{ type: 'request_expired', actor: DAYPASS, facts: { request: id, digest } }],
      notices: [
        [world.dm(reviewer), { kind: 'review_card_changed', requestId: id, to: reviewer.id }],
        [world.thread, { kind: 'review_card_changed', requestId: id, to: null }],
        [world.dm(contractor), { kind: 'request_closed', requestId: id }],
      ],
    });
    expect(await expire()).toBe(0);
  });
});
