import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../../../src/access/audit-event.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { SessionId } from '../../../../src/access/ids.ts';
import { type WordedOrder, wordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { type EndGrantInput, endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { holdSessionsToGrants, sessionEndOrder } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import type { Carried } from '../../../../src/use-cases/ports/gateways.ts';
import type { Store, Tx } from '../../../../src/use-cases/ports/store.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { sessionId } from '../../../support/worlds/world.ts';

const ROOT = { account: 'root' };

describe('a live session', () => {
  let world: GrantedWorld;
  let grant: Grant;
  let id: SessionId;
  let carried: Carried[];
  beforeEach(async () => {
    world = await GrantedWorld.open('web-01');
    await world.access.registered(world.contractor);
    grant = await world.grant({ seconds: 4 * 3_600 });
    id = await world.session(1, grant);
    carried = [];
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const carry = (under: Grant, session = id, change: Partial<Carried> = {}): void => {
    const [keyFingerprint] = under.terms.keyFingerprints;
    if (!keyFingerprint) throw new Error('a grant without keys');
    carried.push({ session, grantId: under.id, personId: under.terms.personId, keyFingerprint, ...change });
  };
  const end = async (by: EndGrantInput['by'], comment: string | null = null): Promise<void> => {
    granted(await endGrant(world.deps)({ by, grantId: grant.id, comment, isSecurity: false }));
  };
  /** What the workers are told; they let a session go on under another grant only where `goesOn`. */
  const hold = async ({ goesOn = false, store = world.store as Store } = {}) => {
    const ended: [SessionId, WordedOrder][] = [];
    const extended: [SessionId, Grant['id']][] = [];
    const over = await holdSessionsToGrants({
      ...world.deps,
      store,
      gateways: {
        carried: () => carried,
        terminate: (sessions, order) =>
          void ended.push(...sessions.map((each) => [each, wordedOrder(order)] as [SessionId, WordedOrder])),
        extend: (session, under) => {
          extended.push([session, under.id]);
          return goesOn;
        },
      },
    })();
    expect(over).toBe(ended.length);
    return { ended, extended };
  };
  const broken = async () => (await world.traces()).events.filter(({ type }) => type === 'seal_broken');
  const why = async (): Promise<WordedOrder | undefined> => (await hold()).ended[0]?.[1];

  it('goes on under its grant, and every worker that carries one is told how long', async () => {
    expect(await hold()).toEqual({ ended: [], extended: [[id, grant.id]] });
    carry(grant);
    expect(await hold({ goesOn: true })).toEqual({ ended: [], extended: [[id, grant.id]] });
    expect(await broken()).toEqual([]);
  });

  it('ends with its grant, and each is told alone', async () => {
    const other = await world.session(2, await world.grant());
    const third = await world.session(3, grant);
    await end(ROOT);
    const { ended, extended } = await hold();
    expect(new Set(ended.map(([each]) => each))).toEqual(new Set([id, third]));
    expect(extended.map(([each]) => each)).toEqual([other]);
  });

  const REVOKED = (by: string) => `ended: your access was revoked${by}. Ask why in the engagement thread.`;
  it.each<[string, () => Promise<unknown>, WordedOrder]>([
    [
      'time',
      async () => {
        world.now = world.later(4 * 3_600);
      },
      { why: 'expired', message: 'ended: your access has expired. Request access again in Slack.' },
    ],
    ['its holder', () => end(world.contractor.id), { why: 'returned', message: 'ended: you handed this access back.' }],
    ['a reviewer', () => end(world.reviewer.id), { why: 'revoked', message: REVOKED(' by UREVIEW') }],
    [
      'a reviewer who says why',
      () => end(world.reviewer.id, 'enough'),
      { why: 'revoked', message: REVOKED(' by UREVIEW: enough') },
    ],
    ['an operator', () => end(ROOT), { why: 'revoked', message: REVOKED(' by an operator (root)') }],
    ['an operator without a name', () => end({ account: '' }), { why: 'revoked', message: REVOKED(' by an operator') }],
    [
      'Daypass itself',
      () => world.seen(world.contractor, { active: false }),
      { why: 'revoked', message: REVOKED(': the Slack account was deactivated') },
    ],
    [
      'nobody who confirms its person',
      async () => {
        world.now = world.later(5_401);
        await world.access.channelRead('C1', [world.contractor]);
      },
      {
        why: 'unconfirmed',
        message: 'ended: Slack has not confirmed that your account is active. Ask in the engagement thread.',
      },
    ],
    [
      'nobody who reads its channel',
      async () => {
        world.now = world.later(5_401);
        await world.seen(world.contractor, { active: true });
      },
      {
        why: 'unconfirmed',
        message:
          'ended: Slack has not shown for too long who is in the channel of your engagement. Ask there for Daypass to be invited again.',
      },
    ],
    [
      'the end of its key',
      async () => {
        const [fingerprint] = grant.terms.keyFingerprints;
        if (!fingerprint) throw new Error('a grant without keys');
        granted(await retireKey(world.deps)({ by: ROOT, fingerprint, isSecurity: false }));
      },
      { why: 'revoked', message: 'ended: the key of this session was retired. Ask why in the engagement thread.' },
    ],
  ])('is told that it was ended by %s', async (_, how, order) => {
    await how();
    expect(await why()).toEqual(order);
  });

  it('is told that access is paused while grants are suspended, unless it was ended before', async () => {
    const suspended: Store = {
      ...world.store,
      transaction: (work) =>
        world.store.transaction((tx) => {
          const byId: Tx['grants']['byId'] = async (of) => {
            const found = await tx.grants.byId(of);
            return found && { ...found, suspended: true };
          };
          return work({ ...tx, grants: { ...tx.grants, byId } });
        }),
    };
    const message = 'ended: all access is paused until the operators have checked their restored database.';
    expect((await hold({ store: suspended })).ended).toEqual([[id, { why: 'revoked', message }]]);
    await end(world.contractor.id);
    expect((await hold({ store: suspended })).ended).toMatchObject([[id, { why: 'returned' }]]);
  });

  it('ends where its record is gone, or is somebody else’s, and that is told', async () => {
    const stranger = sessionId(7);
    carry(grant, stranger);
    const message = 'ended: the record of this session was changed outside Daypass. Ask in the engagement thread.';
    expect((await hold()).ended).toEqual([[stranger, { why: 'revoked', message }]]);
    expect(await broken()).toMatchObject([{ facts: { what: 'session', id: stranger } }]);
    carried = [];
    carry(grant, id, { personId: world.stranger.id });
    expect((await hold()).ended).toEqual([[id, { why: 'revoked', message }]]);
    expect(await broken()).toMatchObject([{ facts: { what: 'session', id } }]);
  });

  it('ends with the grant that a worker carries it under, unless it goes on under the one of its record', async () => {
    const first = await world.grant({ seconds: 60 });
    carry(first);
    world.now = world.later(60);
    const expired = { why: 'expired', message: 'ended: your access has expired. Request access again in Slack.' };
    expect(await hold()).toEqual({ ended: [[id, expired]], extended: [[id, grant.id]] });
    expect(await hold({ goesOn: true })).toEqual({ ended: [], extended: [[id, grant.id]] });
  });

  it('is not the end of others that the same word does not mean', async () => {
    carry(grant);
    await world.seen(world.stranger, { active: false });
    expect((await hold()).ended).toEqual([]);
  });

  describe('that somebody ends', () => {
    const order = async (of: SessionId, by: Actor, store: Store = world.store) =>
      wordedOrder(await sessionEndOrder({ store })(of, by));
    const others = (by: string) => ({
      ...{ why: 'ended_by_reviewer' },
      message: `ended: this session was ended${by}. You still have access. Ask why in the engagement thread.`,
    });

    it('is told by whom', async () => {
      const { contractor, reviewer } = world;
      expect(await order(id, actorOfPerson(contractor))).toEqual({
        ...{ why: 'ended_by_reviewer' },
        message: 'ended: you ended this session. You still have access: connect again whenever you like.',
      });
      expect(await order(id, actorOfPerson(reviewer))).toEqual(others(' by UREVIEW'));
      expect(await order(sessionId(9), actorOfPerson(contractor))).toEqual(others(' by UCON'));
      expect(await order(id, { kind: 'operator', account: 'root' })).toEqual(others(' by an operator (root)'));
      expect(await order(id, { kind: 'operator', account: '' })).toEqual(others(' by an operator'));
      expect(await order(id, { kind: 'daypass' })).toEqual(others(''));
    });

    it('ends although nobody can be looked up', async () => {
      const away: Store = { ...world.store, transaction: () => Promise.reject(new Error('the database is away')) };
      expect(await order(id, actorOfPerson(world.contractor), away)).toEqual(others(''));
      expect(await order(id, { kind: 'operator', account: 'root' }, away)).toEqual(others(' by an operator (root)'));
    });
  });
});
