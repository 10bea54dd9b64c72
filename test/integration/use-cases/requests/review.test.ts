import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Policy } from '../../../../src/access/policy.ts';
import type { PendingRequest } from '../../../../src/access/request.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import { retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { type ReviewRequestInput, reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import { digest as digestOf, requestId as idOf } from '../../../support/samples/samples.ts';
import { ANYBODY, granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';

describe('a review', () => {
  let world: GrantedWorld;
  let request: PendingRequest;
  beforeEach(async () => {
    world = await GrantedWorld.open('web-01');
    request = granted(await ask());
    await posted(request);
    await world.traces();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const ask = (durationSeconds = 3_600, inventory = world.deps.inventory) =>
    requestAccess({ ...world.deps, inventory })({
      ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['web-01'], durationSeconds },
      ...{ login: world.access.login, scope: 'shell', reason: 'Move it', ticket: null },
    });
  const CARD = { channelId: 'C1', ts: '1.1' };
  const cardKey = (
    { id: requestId }: Pick<PendingRequest, 'id'>,
    to: PendingRequest['ask']['personId'] | null = null,
  ) => messageKey({ kind: 'review_card', requestId, to });
  const posted = (of: PendingRequest, card = CARD) =>
    world.store.transaction((tx) => tx.messages.put({ key: cardKey(of), ...card }));
  const review = (change: Partial<ReviewRequestInput> = {}, inventory = world.deps.inventory) =>
    reviewRequest({ ...world.deps, inventory })({
      ...{ by: world.reviewer.id, requestId: request.id, digest: request.digest, card: CARD },
      ...{ verdict: 'approve', comment: null, ...change },
    });
  const refusal = async (...input: Parameters<typeof review>): Promise<unknown> => {
    const reviewed = await review(...input);
    return reviewed.ok ? null : reviewed.rejection;
  };
  const stored = () => world.store.transaction((tx) => tx.requests.byId(request.id));
  const grantOf = () => world.store.transaction((tx) => tx.grants.byRequest(request.id));

  it('that approves makes a grant, its certificate, and tells everybody', async () => {
    const { contractor, reviewer, engagement } = world;
    world.now = world.later(10);
    const reviewed = granted(await review({ comment: ' fine ' }));
    const reviews = [{ reviewerId: reviewer.id, verdict: 'approve', comment: 'fine', at: world.now }];
    expect(reviewed).toEqual({ ...request, reviews, status: 'approved', decidedAt: world.now });
    expect(await stored()).toEqual(reviewed);
    const grant = await grantOf();
    if (!grant) throw new Error('approved, and no grant');
    const { ask: asked, digest } = request;
    const notAfter = world.later(3_600).toISOString();
    expect(grant).toMatchObject({
      terms: {
        ...{ requestDigest: digest, engagementId: engagement.id, personId: contractor.id, targets: asked.targets },
        ...{ login: asked.login, scope: asked.scope, notBefore: world.now.toISOString(), notAfter },
        keyFingerprints: asked.keyFingerprints,
      },
      ...{ end: null, expiredAt: null },
    });
    const [issued, ...others] = await world.store.transaction((tx) => tx.grants.certificates(grant.id));
    expect([issued?.fingerprint, others]).toEqual([asked.keyFingerprints[0], []]);
    const facts = { request: request.id, grant: grant.id, digest: grant.digest, person: contractor.id };
    const certificate = {
      ...{ grant: grant.id, serial: issued?.serial, keyId: issued?.keyId, fingerprint: issued?.fingerprint },
    };
    const told = (kind: string) => ({ kind, grantId: grant.id });
    expect(await world.traces()).toEqual({
      events: [
        {
          ...{ type: 'request_reviewed', actor: actorOfPerson(reviewer) },
          facts: { request: request.id, digest, verdict: 'approve' },
        },
        { type: 'request_approved', actor: DAYPASS, facts },
        { type: 'grant_created', actor: DAYPASS, facts: { ...facts, notAfter } },
        { type: 'certificate_issued', actor: DAYPASS, facts: certificate },
      ],
      notices: [
        [world.dm(reviewer), { kind: 'review_card_changed', requestId: request.id, to: reviewer.id }],
        [world.thread, { kind: 'review_card_changed', requestId: request.id, to: null }],
        [world.dm(contractor), told('grant_issued')],
        [world.thread, told('grant_announced')],
      ],
    });
  });

  it('with a secret in its comment is not stored, and counts once it has none', async () => {
    const secret = `The password is ${'hunter'}22`;
    expect(await refusal({ verdict: 'deny', comment: secret })).toEqual({
      ...{ code: 'secret_found', what: 'a password', field: 'comment' },
    });
    expect((await world.store.transaction((tx) => tx.requests.byId(request.id)))?.reviews).toEqual([]);
    expect(granted(await review({ verdict: 'deny', comment: 'Ask for less' })).status).toBe('denied');
  });

  it('that denies makes none, and its requester is told', async () => {
    const { contractor, reviewer } = world;
    const denied = granted(await review({ verdict: 'deny', comment: '' }));
    expect(denied).toMatchObject({ status: 'denied', reviews: [{ verdict: 'deny', comment: null }] });
    expect(await grantOf()).toBeNull();
    const facts = { request: request.id, digest: request.digest, verdict: 'deny' };
    expect(await world.traces()).toEqual({
      events: [
        { type: 'request_reviewed', actor: actorOfPerson(reviewer), facts },
        { type: 'request_denied', actor: actorOfPerson(reviewer), facts },
      ],
      notices: [
        [world.dm(reviewer), { kind: 'review_card_changed', requestId: request.id, to: reviewer.id }],
        [world.thread, { kind: 'review_card_changed', requestId: request.id, to: null }],
        [world.dm(contractor), { kind: 'request_closed', requestId: request.id }],
      ],
    });
  });

  it.each([
    [` ${'x'.repeat(1_001)}`, 'x'.repeat(1_000)],
    ['  ', null],
  ])('keeps what was said: %j', async (comment, kept) => {
    expect(granted(await review({ comment })).reviews[0]?.comment).toBe(kept);
  });

  it('is not the last word while another is wanted', async () => {
    const policy = Policy.parse({ rules: [{ name: 'two', max_duration: 'PT8H', approvals: 2 }], engagements: ANYBODY });
    expect(granted(await review({}, { ...world.deps.inventory, policy }))).toMatchObject({
      status: 'pending',
      approvals: 2,
    });
    expect(await grantOf()).toBeNull();
    const { events, notices } = await world.traces();
    expect([events.map(({ type }) => type), notices.length]).toEqual([['request_reviewed'], 2]);
  });

  it.each<[string, () => Promise<Partial<ReviewRequestInput>>, object]>([
    ['of nothing', async () => ({ requestId: idOf(9) }), { code: 'unknown_request' }],
    ['by nobody', async () => ({ by: idOf(9) as never }), { code: 'unknown_request' }],
    ['by somebody else', async () => ({ by: world.stranger.id }), { code: 'not_a_reviewer' }],
    ['by the requester', async () => ({ by: world.contractor.id }), { code: 'own_request' }],
    ['of another digest', async () => ({ digest: digestOf(9) }), { code: 'digest_mismatch' }],
    ['on another message', async () => ({ card: { ...CARD, ts: '1.2' } }), { code: 'unknown_card' }],
    ['in another channel', async () => ({ card: { ...CARD, channelId: 'C2' } }), { code: 'unknown_card' }],
    [
      'on a message that only says that it is the card',
      async () => ({ card: { ...CARD, ts: '1.2', key: cardKey(request) } }),
      { code: 'unknown_card' },
    ],
    [
      'on the card of somebody else',
      async () => {
        const card = { channelId: 'D2', ts: '2.1' };
        const key = cardKey(request, world.sponsor.id);
        await world.store.transaction((tx) => tx.messages.put({ key, ...card }));
        return { card };
      },
      { code: 'unknown_card' },
    ],
    [
      'by who is deactivated',
      async () => {
        await world.seen(world.reviewer, { active: false });
        return {};
      },
      { code: 'person_inactive' },
    ],
    [
      'for a requester who is deactivated',
      async () => {
        await world.seen(world.contractor, { active: false });
        return {};
      },
      { code: 'requester_gone' },
    ],
    [
      'for a requester who left the channel',
      async () => {
        await world.access.channelRead('C1', [world.contractor]);
        await world.access.channelRead('C1', []);
        return {};
      },
      { code: 'requester_gone' },
    ],
    [
      'for a key that was retired',
      async () => {
        const [fingerprint] = request.ask.keyFingerprints;
        if (!fingerprint) throw new Error('no key');
        granted(await retireKey(world.deps)({ by: { account: 'root' }, fingerprint, isSecurity: false }));
        return {};
      },
      { code: 'key_retired' },
    ],
  ])('%s is refused', async (_, how, code) => {
    const change = await how();
    await world.traces();
    expect(await refusal(change)).toMatchObject(code);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    expect(await stored()).toEqual(request);
    expect(await grantOf()).toBeNull();
  });

  it('may be on the reviewer’s own card', async () => {
    const card = { channelId: 'D2', ts: '2.1' };
    const key = cardKey(request, world.reviewer.id);
    await world.store.transaction((tx) => tx.messages.put({ key, ...card }));
    expect(await refusal({ card })).toBeNull();
  });

  it('needs a confirmed reviewer, a confirmed requester and a channel that was read', async () => {
    const { contractor, reviewer } = world;
    const since = world.now;
    world.now = world.later(5_401);
    expect(await refusal()).toEqual({ code: 'person_unconfirmed', since });
    await world.seen(reviewer, { active: true });
    expect(await refusal()).toEqual({ code: 'requester_gone' });
    await world.seen(contractor, { active: true });
    expect(await refusal()).toEqual({ code: 'channel_unread', engagement: 'Migration', since });
    // A denial gives nothing, and so waits for nothing.
    expect(await refusal({ verdict: 'deny' })).toBeNull();
  });

  it('holds to today’s policy what it approves, and not what it denies', async () => {
    const policy = Policy.parse({ rules: [{ name: 'less', max_duration: 'PT15M' }], engagements: ANYBODY });
    const inventory = { ...world.deps.inventory, policy };
    const why = { kind: 'duration', maxSeconds: 900, rule: 'less' };
    expect(await refusal({}, inventory)).toEqual({ code: 'no_longer_allowed', why });
    // Who has no say is not told what policy says.
    expect(await refusal({ digest: digestOf(9) }, inventory)).toEqual({ code: 'digest_mismatch' });
    expect(await refusal({ verdict: 'deny' }, inventory)).toBeNull();
  });

  it('gives no access beyond the last day of the engagement', async () => {
    world.now = new Date('2999-12-31T22:00:00Z');
    await world.access.channelRead('C1', [world.contractor]);
    for (const each of [world.contractor, world.reviewer]) await world.seen(each, { active: true });
    request = granted(await ask(4 * 3_600));
    await posted(request, { channelId: 'C1', ts: '3.1' });
    granted(await review({ card: { channelId: 'C1', ts: '3.1' } }));
    expect((await grantOf())?.terms.notAfter).toBe('3000-01-01T00:00:00.000Z');
  });

  it('is taken from a card whose post was never heard of, by the key that it carries, which is known from then on', async () => {
    const { contractor, reviewer } = world;
    const next = granted(await ask(900));
    const key = cardKey(next, reviewer.id);
    const card = { channelId: 'D9', ts: '9.1', key };
    const on = { requestId: next.id, digest: next.digest, card };
    expect(await refusal({ ...on, verdict: 'deny' })).toEqual({ code: 'unknown_card' });
    const [item] = await world.store.sql('select id::int as id from outbox where key = $1', [key]);
    await world.store.transaction((tx) => tx.outbox.attempting(Number(item?.['id']), world.now));
    expect(await refusal({ ...on, card: { ...card, key: cardKey(next) }, verdict: 'deny' })).toEqual({
      code: 'unknown_card',
    });
    expect(await refusal({ ...on, by: contractor.id })).toEqual({ code: 'own_request' });
    expect(await refusal({ ...on, verdict: 'deny' })).toBeNull();
    expect(await world.store.transaction((tx) => tx.messages.get(key))).toEqual({ key, channelId: 'D9', ts: '9.1' });
  });
});
