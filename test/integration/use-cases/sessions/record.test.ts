import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/access/grant.ts';
import type { SessionId } from '../../../../src/access/ids.ts';
import { ChannelSummary, type SessionEnding } from '../../../../src/access/session.ts';
import { endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { endSession } from '../../../../src/use-cases/sessions/end-session.ts';
import type { SealOutcome } from '../../../../src/use-cases/sessions/gateway-control.ts';
import { recordErased, recordExported, recordLateSeal } from '../../../../src/use-cases/sessions/record-recording.ts';
import {
  closeInterruptedSessions,
  recordSessionClosed,
  recordSessionOpened,
} from '../../../../src/use-cases/sessions/record-session.ts';
import { digest } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, DAYPASS, GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { sessionId } from '../../../support/worlds/world.ts';

const ROOT = { account: 'root' };
const OPERATOR = { kind: 'operator', account: 'root' } as const;
const NONE: SealOutcome = { kind: 'none' };

describe('the record of a session', () => {
  let world: GrantedWorld;
  let grant: Grant;
  let id: SessionId;
  beforeEach(async () => {
    world = await GrantedWorld.open('web-01');
    grant = await world.grant();
    id = await world.session(1, grant);
    await world.traces();
    world.changes.splice(0);
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const stored = (of = id) => world.store.transaction((tx) => tx.sessions.byId(of));
  const close = (ending: SessionEnding, sealed: SealOutcome = NONE, channels: readonly ChannelSummary[] = []) =>
    recordSessionClosed(world.deps)(id, { ending, channels, refusals: ['x was refused'], recording: null }, sealed);
  const channel = (n: number, bytesFromClient: number, bytesToClient: number, count?: number) =>
    ChannelSummary.parse({
      ...{ id: n, kind: 'exec', command: 'uptime', pty: false, bytesFromClient, bytesToClient, exit: null },
      ...{ stdoutSha256: digest(1), stderrSha256: digest(1), stdinSha256: digest(1) },
      ...(count === undefined ? {} : { count }),
    });
  const line = () => [world.thread, { kind: 'session_line', burstId: id }];
  const receipt = () => [world.dm(world.contractor), { kind: 'session_receipt', burstId: id }];
  const detail = () => ['security', { kind: 'session_detail', sessionId: id }];
  const ended = (facts: object) => ({
    ...{ type: 'session_ended', actor: DAYPASS },
    facts: {
      ...{ session: id, grant: grant.id, why: null, channels: 0, bytesFromClient: 0, bytesToClient: 0 },
      ...facts,
    },
  });

  it('begins when its target is reached', async () => {
    await recordSessionOpened(world.deps)(id, digest(7));
    expect((await stored())?.recording).toEqual({ headAtStart: digest(7), headAtEnd: null, state: 'live' });
    const { login, keyFingerprint, via } = (await stored()) ?? {};
    const facts = {
      ...{ session: id, grant: grant.id, digest: grant.digest, target: 'web-01', login, via, key: keyFingerprint },
      head: digest(7),
    };
    expect(await world.traces()).toEqual({
      events: [{ type: 'session_started', actor: actorOfPerson(world.contractor), facts }],
      notices: [line()],
    });
  });

  it.each([null, 'no digest'])('has no head where there is none: %s', async (head) => {
    await recordSessionOpened(world.deps)(id, head);
    expect((await stored())?.recording).toEqual({ headAtStart: null, headAtEnd: null, state: null });
    expect((await world.traces()).events).toMatchObject([{ type: 'session_started', facts: { head: null } }]);
  });

  it('ends with what was in it', async () => {
    const channels = [channel(0, 1, 20), channel(1, 300, 4_000, 5)];
    await close({ how: 'closed' }, NONE, channels);
    expect((await stored())?.ended).toEqual({
      ...{ at: world.now, ending: { how: 'closed' }, channels, refusals: ['x was refused'] },
    });
    expect(await world.traces()).toEqual({
      events: [ended({ how: 'closed', channels: 6, bytesFromClient: 301, bytesToClient: 4_020 })],
      notices: [line(), receipt(), detail()],
    });
  });

  it.each<[SessionEnding, boolean]>([
    [{ how: 'failed', why: 'host_key_mismatch' }, true],
    [{ how: 'failed', why: 'target_slow' }, false],
    [{ how: 'terminated', why: 'revoked' }, false],
    [{ how: 'terminated', why: 'ended_by_reviewer' }, false],
    [{ how: 'interrupted' }, false],
  ])('ends as %j, and the thread is warned of another host key: %s', async (ending, isWarned) => {
    await close(ending);
    expect((await stored())?.ended?.ending).toEqual(ending);
    const { events, notices } = await world.traces();
    expect(events).toEqual([ended({ how: ending.how, why: 'why' in ending ? ending.why : null })]);
    const { id: engagementId } = world.engagement;
    const warning = { kind: 'host_key_mismatch', engagementId, targetId: 'web-01', sessionId: id };
    expect(notices).toEqual([...(isWarned ? [[world.thread, warning]] : []), line(), receipt(), detail()]);
  });

  it('ends once, and begins no more then', async () => {
    await close({ how: 'closed' });
    const end = (await stored())?.ended;
    await world.traces();
    world.now = world.later(60);
    await close({ how: 'interrupted' });
    await recordSessionOpened(world.deps)(id, digest(7));
    await recordSessionClosed(world.deps)(
      sessionId(9),
      { ending: { how: 'closed' }, channels: [], refusals: [], recording: null },
      NONE,
    );
    await recordSessionOpened(world.deps)(sessionId(9), null);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    expect((await stored())?.ended).toEqual(end);
  });

  it('says who ended it, where somebody did', async () => {
    const { contractor, reviewer, sponsor, stranger } = world;
    const end = (by: typeof ROOT | typeof contractor.id, isSecurity = false, of = id) =>
      endSession(world.deps)({ by, sessionId: of, isSecurity });
    const refusal = async (...input: Parameters<typeof end>) => {
      const asked = await end(...input);
      return asked.ok ? null : asked.rejection;
    };
    expect(await refusal(ROOT, false, sessionId(9))).toEqual({ code: 'unknown_session' });
    expect(await refusal(stranger.id)).toEqual({ code: 'may_not_end_session' });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    for (const [by, isSecurity, actor] of [
      [contractor.id, false, actorOfPerson(contractor)],
      [reviewer.id, false, actorOfPerson(reviewer)],
      [sponsor.id, false, actorOfPerson(sponsor)],
      [stranger.id, true, actorOfPerson(stranger)],
      [ROOT, false, OPERATOR],
    ] as const) {
      expect(await end(by, isSecurity)).toEqual({ ok: true, value: await stored() });
      const facts = { session: id, grant: grant.id, person: contractor.id };
      expect(await world.traces()).toEqual({
        events: [{ type: 'session_terminated', actor, facts }],
        notices: [],
      });
      await expect
        .poll(() => world.changes.splice(0))
        .toEqual([{ kind: 'session_end_asked', sessionId: id, by: actor }]);
    }
    await close({ how: 'terminated', why: 'ended_by_reviewer' });
    expect((await stored())?.ended?.ending).toEqual({ how: 'terminated', why: 'ended_by_reviewer', by: OPERATOR });
    expect(await refusal(ROOT)).toEqual({ code: 'session_already_ended', at: world.now });
    expect(await refusal(stranger.id)).toEqual({ code: 'may_not_end_session' });
  });

  it('names nobody for an end that nobody asked for', async () => {
    granted(await endSession(world.deps)({ by: ROOT, sessionId: id, isSecurity: false }));
    await close({ how: 'terminated', why: 'expired' });
    expect((await stored())?.ended?.ending).toEqual({ how: 'terminated', why: 'expired' });
  });

  it('tells the thread that a grant is over only where it is', async () => {
    const second = await world.session(2, grant);
    const over = async () =>
      (await world.traces()).notices.filter(([, notice]) => 'kind' in notice && notice.kind === 'grant_ended').length;
    await close({ how: 'closed' });
    expect(await over()).toBe(0);
    granted(await endGrant(world.deps)({ by: ROOT, grantId: grant.id, comment: null, isSecurity: false }));
    expect(await over()).toBe(0);
    id = second;
    await close({ how: 'terminated', why: 'revoked' });
    expect(await over()).toBe(1);
  });

  it('is closed by the next control, where one left it open', async () => {
    const second = await world.session(2, grant);
    expect(await closeInterruptedSessions(world.deps)()).toBe(2);
    for (const each of [id, second]) {
      expect((await stored(each))?.ended).toEqual({
        ...{ at: world.now, ending: { how: 'interrupted' }, channels: [], refusals: [] },
      });
    }
    const { events, notices } = await world.traces();
    expect(events).toContainEqual(ended({ how: 'interrupted' }));
    expect([events.length, notices.length]).toEqual([2, 6]);
    expect(await closeInterruptedSessions(world.deps)()).toBe(0);
  });

  describe('and its recording', () => {
    type Sealed = Extract<SealOutcome, { kind: 'sealed' }>;
    const sealed = (change: Partial<Sealed> = {}): Sealed => ({
      ...{ kind: 'sealed', state: 'closed', headAtStart: digest(7), head: digest(8), chunks: 3, bytes: 4 },
      ...{ manifest: digest(9), doubts: [] },
      ...change,
    });
    const SEALED = () => ({
      ...{ type: 'recording_sealed', actor: DAYPASS },
      facts: { session: id, state: 'closed', head: digest(8), chunks: 3, bytes: 4, manifest: digest(9) },
    });
    const DISPUTED = (...doubts: readonly string[]) => ({
      ...{ type: 'recording_disputed', actor: DAYPASS },
      facts: { session: id, doubts },
    });
    const begin = async (head: string | null = digest(7)) => {
      await recordSessionOpened(world.deps)(id, head);
      await world.traces();
    };
    const outcome = async () => ({
      recording: (await stored())?.recording,
      events: (await world.traces()).events.filter(({ type }) => type.startsWith('recording')),
    });
    const marks = (headAtEnd: string | null, state: string | null) => ({ headAtStart: digest(7), headAtEnd, state });

    it('is sealed as it was', async () => {
      await begin();
      await close({ how: 'closed' }, sealed());
      expect(await outcome()).toEqual({ recording: marks(digest(8), 'closed'), events: [SEALED()] });
      expect((await stored())?.ended?.ending).toEqual({ how: 'closed' });
    });

    it('is in doubt where control found something, and that is told', async () => {
      await begin();
      await close({ how: 'closed' }, sealed({ doubts: ['a chunk is missing'] }));
      expect(await outcome()).toEqual({
        recording: marks(digest(8), 'interrupted'),
        events: [SEALED(), DISPUTED('a chunk is missing')],
      });
    });

    it('is in doubt where it begins otherwise than was told', async () => {
      await begin();
      await close({ how: 'closed' }, sealed({ doubts: ['x'], headAtStart: digest(6) }));
      expect(await outcome()).toEqual({
        recording: marks(digest(8), 'interrupted'),
        events: [SEALED(), DISPUTED('x', 'the recording does not start as the worker reported')],
      });
    });

    it('has its own beginning where none was told', async () => {
      await begin(null);
      await close({ how: 'closed' }, sealed({ head: 'none' as never }));
      expect(await outcome()).toMatchObject({
        recording: { headAtStart: null, headAtEnd: null, state: 'closed' },
        events: [{ type: 'recording_sealed' }],
      });
    });

    it('that is gone is told of, where there was one', async () => {
      await begin();
      await close({ how: 'closed' });
      expect(await outcome()).toEqual({
        recording: marks(null, 'live'),
        events: [DISPUTED('there is no recording, although one was started')],
      });
    });

    it('that cannot be sealed makes it a failed one', async () => {
      await begin();
      await close({ how: 'terminated', why: 'revoked' }, { kind: 'failed' });
      expect(await outcome()).toEqual({
        recording: marks(null, 'failed'),
        events: [{ type: 'recording_seal_failed', actor: DAYPASS, facts: { session: id } }],
      });
      expect((await stored())?.ended?.ending).toEqual({ how: 'failed', why: 'recording_failed' });
    });

    it('that an earlier run left is sealed late, and the thread’s line is brought up to date', async () => {
      await begin();
      await close({ how: 'interrupted' });
      await world.store.sql("update outbox set status = 'delivered'");
      await world.traces();
      await recordLateSeal(world.deps)(id, sealed({ state: 'interrupted' }));
      const { events, notices } = await world.traces();
      expect(events).toMatchObject([{ type: 'recording_sealed', facts: { session: id, state: 'interrupted' } }]);
      expect(notices).toEqual([line(), receipt()]);
      await recordLateSeal(world.deps)(sessionId(9), sealed());
      expect(await world.traces()).toEqual({
        events: [
          {
            ...{ type: 'recording_disputed', actor: DAYPASS },
            facts: { session: sessionId(9), doubts: ['no session with this id is known'] },
          },
        ],
        notices: [],
      });
    });

    it('is erased by somebody or by time, and taken out by somebody', async () => {
      await begin();
      await recordErased(world.deps)(id, 'retention', DAYPASS);
      expect((await stored())?.recording.state).toBe('erased');
      await recordErased(world.deps)(sessionId(9), 'asked', OPERATOR);
      await recordExported(world.deps)(ROOT, id, { format: 'cast', channel: 2 });
      expect((await world.traces()).events).toEqual([
        { type: 'recording_erased', actor: DAYPASS, facts: { session: id, rule: 'retention' } },
        { type: 'recording_erased', actor: OPERATOR, facts: { session: sessionId(9), rule: 'asked' } },
        { type: 'recording_exported', actor: OPERATOR, facts: { session: id, format: 'cast', channel: 2 } },
      ]);
    });
  });
});
