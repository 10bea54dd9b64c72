import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Engagement } from '../../../../src/access/engagement.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { Person } from '../../../../src/access/person.ts';
import { wordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { missChannel, tellOfUnreadChannels } from '../../../../src/use-cases/engagements/channel-in-doubt.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { seeChannel } from '../../../../src/use-cases/engagements/see-channel.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { messageKey } from '../../../../src/use-cases/notice.ts';
import type { Gateways } from '../../../../src/use-cases/ports/gateways.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { reviewRequest } from '../../../../src/use-cases/requests/review-request.ts';
import type { AuthorizeAsk } from '../../../../src/use-cases/sessions/gateway-control.ts';
import { selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { SshKey } from '../../../support/peers/signing-key.ts';
import { AccessWorld, granted } from '../../../support/worlds/access-world.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

const MINUTE = 60_000;

describe('a channel that Slack does not show', () => {
  let store: TestStore;
  let world: AccessWorld;
  let now: Date;
  let n = 0;
  let contractor: Person;
  let reviewer: Person;
  let key: SshKey;
  let engagement: Engagement;
  let channelId: string;

  beforeAll(async () => {
    now = new Date();
    store = await openTestStore('postgres');
    world = AccessWorld.over(store, { now: () => now });
    world.addTargets('web-01', 'db-01');
  });
  afterAll(() => world[Symbol.asyncDispose]());

  beforeEach(async () => {
    n += 1;
    channelId = `C${n}`;
    await everybodyIsConfirmed();
    engagement = await engagementIn(channelId);
    key = new SshKey();
    expect(await authorize(key.proof(`register-${await world.code(contractor.id)}`, null))).toBe('registered');
  });

  /** People are not what is in doubt here. */
  const everybodyIsConfirmed = async (): Promise<void> => {
    contractor = await world.person(`UCON${n}`, 'guest');
    reviewer = await world.person(`UREVIEW${n}`);
    await world.person(`USPONSOR${n}`);
  };
  const engagementIn = async (channel: string, name = 'Migration'): Promise<Engagement> =>
    granted(
      await openEngagement(world.deps)({
        ...{ by: (await world.person(`USPONSOR${n}`)).id, name, vendor: 'Acme', channelId: channel },
        ...{ memberIds: [contractor.id], reviewerIds: [reviewer.id], targetIds: ['web-01', 'db-01'] },
        ...{ scopes: ['shell'], lastDay: '2999-12-31', timeZone: 'UTC' },
      }),
    );
  const outer = { remember: () => {}, find: () => ({ personId: contractor.id, remoteAddress: '192.0.2.7' }) };
  const decide = (proof: AuthorizeAsk['proof'], route: AuthorizeAsk['route']) => world.connect(proof, route, { outer });
  const authorize = (proof: AuthorizeAsk['proof'], route: AuthorizeAsk['route'] = { kind: 'direct' }) =>
    world.connected(proof, route, { outer });
  const certificateOf = async (grant: Grant): Promise<string> =>
    (await store.transaction((tx) => tx.grants.certificates(grant.id)))[0]?.certificate ?? '';
  const enter = async (grant: Grant, target = 'web-01') =>
    authorize(key.proof(`${world.login}+${target}`, await certificateOf(grant)));
  const held = async (): Promise<string[]> => {
    const live = await store.transaction((tx) => tx.sessions.live());
    const mine = live.filter((session) => session.personId === contractor.id).map((session) => session.id);
    const ended: string[] = [];
    const terminate: Gateways['terminate'] = ([id], order) => {
      if (id && mine.includes(id)) ended.push(`${order.why} ${wordedOrder(order).message}`);
    };
    await holdSessionsToGrants({ ...world.deps, gateways: { carried: () => [], terminate, extend: () => false } })();
    return ended;
  };
  const told = async (): Promise<readonly Record<string, unknown>[]> => {
    const rows = await store.sql(
      "select notice from outbox where lane = 'security' and kind like 'channel%' order by id",
    );
    const notices = rows.map((row) => row['notice'] as Record<string, unknown>);
    return notices.filter((notice) => JSON.stringify(notice).includes(engagement.id));
  };
  const ask = (engagementId = engagement.id) =>
    requestAccess(world.deps)({
      ...{ by: contractor.id, engagementId, targetIds: ['web-01'], login: world.login },
      ...{ scope: 'shell', durationSeconds: 3_600, reason: 'Move it', ticket: null },
    });
  const review = async ({ id: requestId, digest }: { id: never; digest: string }, verdict: 'approve' | 'deny') => {
    const card = { channelId, ts: `${n}.1` };
    const posted = messageKey({ kind: 'review_card', requestId, to: null });
    await store.transaction((tx) => tx.messages.put({ key: posted, ...card }));
    return reviewRequest(world.deps)({ by: reviewer.id, requestId, digest, card, verdict, comment: null });
  };
  const pass = async (ms: number): Promise<void> => {
    now = new Date(now.getTime() + ms);
    await everybodyIsConfirmed();
  };
  const DAY = 8 * 3_600;

  it('gives access for as long as policy says, then none until it is read again; security is told once for each doubt', async () => {
    const grant = await world.grant(contractor, reviewer, engagement, { seconds: DAY });
    expect(await enter(grant)).toBe('session');
    await pass(90 * MINUTE);
    expect(await held()).toEqual([]);
    await tellOfUnreadChannels(world.deps)();
    expect(await told()).toEqual([]);
    expect(await enter(grant)).toBe('session');
    await pass(1);
    expect(await enter(grant)).toBe('channel_unread');
    const why = expect.stringMatching(/^unconfirmed ended: Slack has not shown .* who is in the channel/);
    expect(await held()).toEqual([why, why]);
    await tellOfUnreadChannels(world.deps)();
    await tellOfUnreadChannels(world.deps)();
    expect(await told()).toMatchObject([{ kind: 'channels_in_doubt', count: 1, sessions: 2, doubtSeconds: 5_400 }]);
    await world.channelRead(channelId, [contractor]);
    expect(await enter(grant)).toBe('session');
    expect(await held()).toEqual([]);
    expect((await told()).map(({ kind }) => kind)).toEqual(['channels_in_doubt', 'channel_read_again']);
    await pass(91 * MINUTE);
    await tellOfUnreadChannels(world.deps)();
    expect(await told()).toHaveLength(3);
  });

  it('lets nobody ask, approve or fetch a certificate meanwhile, whatever else they have; a Deny counts', async () => {
    await world.grant(contractor, reviewer, engagement, { seconds: DAY });
    const request = granted(await ask());
    await pass(91 * MINUTE);
    const since = engagement.channelReadAt;
    const refused = { ok: false, rejection: { code: 'channel_unread', engagement: 'Migration', since } };
    expect(await ask()).toEqual(refused);
    expect(await review(request as never, 'approve')).toEqual(refused);
    const caller = { personId: contractor.id, fingerprint: key.fingerprint as never };
    const cert = (grant: string | null) => selfService(world.deps)(caller, { verb: 'cert', grant });
    expect(await cert(null)).toMatchObject({ kind: 'refused', why: refused.rejection });
    const other = await engagementIn(`C${n}B`, 'Other');
    const open = await world.grant(contractor, reviewer, other, { targets: ['db-01'], seconds: DAY });
    expect(await cert(null)).toMatchObject({ kind: 'certificate', line: await certificateOf(open) });
    expect(await review(request as never, 'deny')).toMatchObject({ ok: true });
  });

  it('ends nothing that another engagement allows', async () => {
    const resting = await world.grant(contractor, reviewer, engagement, { seconds: DAY });
    await pass(60 * MINUTE);
    const other = await engagementIn(`C${n}B`, 'Other');
    const open = await world.grant(contractor, reviewer, other, { targets: ['web-01'], seconds: 3_600 });
    await pass(31 * MINUTE);
    expect(await enter(open)).toBe('session');
    expect(await enter(open, 'db-01')).toBe('channel_unread');
    const [session] = await store.transaction((tx) => tx.sessions.liveOfGrant(open.id));
    expect(session?.engagementId).toBe(other.id);
    expect(await held()).toEqual([]);
    expect(await enter(resting)).toBe('session');
  });

  it('is why a jump leads nowhere, and why the connection inside one does not open', async () => {
    const grant = await world.grant(contractor, reviewer, engagement, { seconds: DAY });
    await pass(91 * MINUTE);
    const certificate = await certificateOf(grant);
    const jump = granted(await decide(key.proof('daypass', certificate), { kind: 'jump' }));
    expect(jump).toMatchObject({ kind: 'jump', targetIds: [], noTargets: { code: 'channel_unread' } });
    const inner = { kind: 'inner', targetName: 'web-01', outerSshSessionId: 'a'.repeat(64) } as const;
    expect(await authorize(key.proof('daypass', certificate), inner)).toBe('channel_unread');
  });

  it('and that Slack names itself is told at once, once until it is read again', async () => {
    const miss = () => missChannel(world.deps)({ channelId, error: 'channel_not_found' });
    await miss();
    await miss();
    const restsAt = new Date(engagement.channelReadAt.getTime() + 90 * MINUTE).toISOString();
    expect(await told()).toMatchObject([{ kind: 'channel_refused', error: 'channel_not_found', restsAt, count: 1 }]);
    expect(await ask()).toMatchObject({ ok: true });
    await pass(MINUTE);
    await world.channelRead(channelId, [contractor]);
    await world.channelRead(channelId, [contractor]);
    expect((await told()).map(({ kind }) => kind)).toEqual(['channel_refused', 'channel_read_again']);
    await miss();
    expect(await told()).toHaveLength(3);
  });

  it('is not shown by a reading that was asked for before another', async () => {
    const before = now;
    await pass(MINUTE);
    await world.channelRead(channelId, [contractor]);
    await world.channelRead(channelId, []);
    const isMember = async () =>
      (await store.transaction((tx) => tx.engagements.byId(engagement.id)))?.leftIds.length === 0;
    expect(await isMember()).toBe(false);
    const users = new Set([`UCON${n}`]);
    const late = { channelId, at: before, userIds: users, leftUserIds: new Set<string>() };
    await seeChannel(world.deps)(late);
    expect(await isMember()).toBe(false);
    await seeChannel(world.deps)({ ...late, at: now });
    expect(await isMember()).toBe(true);
  });

  it.each([
    ['a minute ahead, as clocks may differ', 60, 'session'],
    ['beyond that', 61, 'channel_unread'],
    ['years ahead', 1e9, 'channel_unread'],
  ] as const)('is in doubt where it is said to have been read %s', async (_, seconds, expected) => {
    const grant = await world.grant(contractor, reviewer, engagement, { seconds: DAY });
    const ahead = new Date(now.getTime() + seconds * 1_000).toISOString();
    await store.sql('update engagement set channel_read_at = $1 where id = $2', [ahead, engagement.id]);
    expect(await enter(grant)).toBe(expected);
    await world.channelRead(channelId, [contractor]);
    expect(await enter(grant)).toBe('session');
  });

  it('opens nothing where the engagement’s record was changed without control', async () => {
    const grant = await world.grant(contractor, reviewer, engagement, { seconds: DAY });
    expect(await enter(grant)).toBe('session');
    await store.sql(`update engagement set channel_id = 'CELSE' where id = $1`, [engagement.id]);
    expect(await enter(grant)).toBe('record_tampered');
    expect(await held()).toHaveLength(1);
  });
});
