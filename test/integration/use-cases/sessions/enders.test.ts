import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../../../src/access/audit-event.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { SessionId } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import type { SessionEnding } from '../../../../src/access/session.ts';
import { wordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { type EndGrantInput, endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { noteExpiredGrants } from '../../../../src/use-cases/grants/expire-grants.ts';
import { holdSessionsToGrants, sessionEndOrder } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { seePerson } from '../../../../src/use-cases/people/see-person.ts';
import type { TerminationOrder } from '../../../../src/use-cases/ports/gateways.ts';
import type { Change } from '../../../../src/use-cases/ports/store.ts';
import { endSession } from '../../../../src/use-cases/sessions/end-session.ts';
import { recordSessionClosed } from '../../../../src/use-cases/sessions/record-session.ts';
import { viewGrant, viewSession } from '../../../../src/use-cases/views/views.ts';
import { AccessWorld, granted } from '../../../support/worlds/access-world.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';
import { session, sessionId } from '../../../support/worlds/world.ts';

/** Whoever ended something is named to those whom it concerns. */

const ROOT = { account: 'root' };

describe.each(STORE_KINDS)('on the %s store', (kind) => {
  let store: TestStore;
  let world: AccessWorld;
  let contractor: Person;
  let reviewer: Person;
  let grant: Grant;
  let now: Date;

  beforeEach(async () => {
    now = new Date();
    store = await openTestStore(kind);
    world = AccessWorld.over(store, { now: () => now });
    world.addTargets('web-01');
    contractor = await world.person('UCON', 'guest');
    reviewer = await world.person('UREVIEW');
    await world.registered(contractor);
    grant = await world.grant(contractor, reviewer, await world.engagement([contractor], [reviewer]));
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const end = async (by: EndGrantInput['by'], comment: string | null = null) =>
    granted(await endGrant(world.deps)({ by, grantId: grant.id, comment, isSecurity: false }));
  const gone = () =>
    seePerson(world.deps)({
      account: { teamId: world.slack.teamId, userId: 'UCON', enterpriseId: null },
      profile: { name: 'UCON', standing: 'guest', active: false },
    });
  /** Notices to the holder since the grant began. */
  const told = async (): Promise<unknown[]> => {
    const rows = await store.sql("select kind from outbox where lane = $1 and kind like 'grant_%' order by id", [
      `dm:${contractor.id}`,
    ]);
    return rows.map((row) => (row as { kind: string }).kind).filter((each) => each !== 'grant_issued');
  };

  describe('a grant', () => {
    it.each<[string, () => Promise<unknown>, () => Actor | null, readonly string[]]>([
      ['its holder', () => end(contractor.id), () => ({ kind: 'person', id: contractor.id }), ['grant_issued_changed']],
      [
        'a reviewer',
        () => end(reviewer.id),
        () => ({ kind: 'person', id: reviewer.id }),
        ['grant_issued_changed', 'grant_revoked'],
      ],
      [
        'an operator',
        () => end(ROOT),
        () => ({ kind: 'operator', account: 'root' }),
        ['grant_issued_changed', 'grant_revoked'],
      ],
      // Nobody reads there any more.
      ['Daypass, as the account is gone', gone, () => ({ kind: 'daypass' }), []],
      [
        'time',
        () => {
          now = new Date(now.getTime() + 24 * 3_600_000);
          return noteExpiredGrants({ ...world.deps, elapsedMs: () => 0 })();
        },
        () => null,
        // Of each message before the end that there could be.
        ['grant_ending_changed', 'grant_ending_changed', 'grant_issued_changed'],
      ],
    ])('that was ended by %s says so, and its holder is told as it concerns them', async (_, how, by, notices) => {
      await how();
      expect((await viewGrant(world.deps)({ grantId: grant.id }))?.endedBy).toEqual(by());
      expect(await told()).toEqual(notices);
    });
  });

  describe('a session', () => {
    const id = sessionId(1);
    const begin = async (): Promise<void> => {
      const { id: grantId, digest: grantDigest, terms } = grant;
      const { engagementId, personId } = terms;
      const begun = session(1, { id, grantId, grantDigest, engagementId, personId, ended: null });
      await store.transaction((tx) => tx.sessions.insert(begun, id));
    };
    const asked = async (by: Person['id'] | typeof ROOT): Promise<Change & { kind: 'session_end_asked' }> => {
      const heard = new Promise<Change>((resolve) => {
        const stop = store.subscribe((change) => {
          if (change.kind !== 'session_end_asked') return;
          stop();
          resolve(change);
        });
      });
      granted(await endSession(world.deps)({ by, sessionId: id, isSecurity: false }));
      return (await heard) as Change & { kind: 'session_end_asked' };
    };
    const closed = (ending: SessionEnding) =>
      recordSessionClosed(world.deps)(id, { ending, channels: [], refusals: [], recording: null }, { kind: 'none' });
    const ending = async () => (await viewSession(world.deps)({ sessionId: id }))?.sessions[0]?.ended?.ending;
    const BY_WORD: SessionEnding = { how: 'terminated', why: 'ended_by_reviewer' };

    it.each<[string, () => Person['id'] | typeof ROOT, () => string]>([
      ['its own person', () => contractor.id, () => 'ended: you ended this session. You still have access'],
      ['a reviewer', () => reviewer.id, () => 'ended: this session was ended by UREVIEW. You still have access'],
      ['an operator', () => ROOT, () => 'ended: this session was ended by an operator (root). You still have access'],
    ])('that is ended by %s says so in the terminal and in its record', async (_, by, message) => {
      await begin();
      const change = await asked(by());
      const order = await sessionEndOrder(world.deps)(change.sessionId, change.by);
      const worded = { why: 'ended_by_reviewer', message: expect.stringContaining(message()) };
      expect(wordedOrder(order)).toEqual(worded);
      await closed(BY_WORD);
      expect(await ending()).toEqual({ ...BY_WORD, by: change.by });
    });

    it('takes no name from its worker, and has none where nobody asked', async () => {
      await begin();
      await closed({ ...BY_WORD, by: { kind: 'person', id: reviewer.id } });
      expect(await ending()).toEqual(BY_WORD);
    });

    it('that its grant takes along is told who ended the grant, and why', async () => {
      await begin();
      await end(ROOT, 'the work is done');
      const orders: string[] = [];
      const gateways = {
        carried: () => [],
        terminate: (_: readonly SessionId[], order: TerminationOrder) => void orders.push(wordedOrder(order).message),
        extend: () => false,
      };
      await holdSessionsToGrants({ ...world.deps, gateways })();
      expect(orders).toEqual([
        'ended: your access was revoked by an operator (root): the work is done. Ask why in the engagement thread.',
      ]);
    });
  });
});
