import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SealOutcome } from '../../../../src/use-cases/sessions/gateway-control.ts';
import { recordErased, recordLateSeal } from '../../../../src/use-cases/sessions/record-recording.ts';
import { recordSessionClosed, recordSessionOpened } from '../../../../src/use-cases/sessions/record-session.ts';
import { digest, NOON } from '../../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../../support/worlds/store.ts';
import { insertWorld, session, sessionId } from '../../../support/worlds/world.ts';

const report = { ending: { how: 'closed' }, channels: [], refusals: [], recording: null } as const;
const sealed = (change: Partial<Extract<SealOutcome, { kind: 'sealed' }>> = {}): SealOutcome => ({
  ...{ kind: 'sealed', state: 'closed', headAtStart: digest(1), head: digest(2), chunks: 3, bytes: 4 },
  ...{ manifest: digest(3), doubts: [] },
  ...change,
});

describe.each(STORE_KINDS)('a recording in the store on %s', (kind) => {
  let store: TestStore;
  let n = 0;
  beforeAll(async () => {
    store = await openTestStore(kind);
    await insertWorld(store);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  const deps = () => ({ store, clock: { now: () => NOON } });
  /** A session that came as far as its target. */
  async function opened(head: string | null = digest(1)) {
    const one = session(100 + ++n, { id: sessionId(100 + n) });
    await store.transaction((tx) => tx.sessions.insert(one, one.id));
    await recordSessionOpened(deps())(one.id, head);
    return one.id;
  }
  const look = (id: ReturnType<typeof sessionId>) =>
    store.transaction(async (tx) => ({
      session: await tx.sessions.byId(id),
      types: (await tx.audit.list(50)).filter(({ facts }) => facts['session'] === id).map(({ type }) => type),
    }));

  it('has its heads from the beginning and the end', async () => {
    const id = await opened();
    expect((await look(id)).session?.recording).toEqual({ headAtStart: digest(1), headAtEnd: null, state: 'live' });
    await recordSessionClosed(deps())(id, report, sealed());
    expect(await look(id)).toMatchObject({
      session: {
        recording: { headAtStart: digest(1), headAtEnd: digest(2), state: 'closed' },
        ended: { ending: { how: 'closed' } },
      },
      types: ['session_ended', 'recording_sealed', 'session_started'],
    });
    await recordErased(deps())(id, 'r', { kind: 'daypass' });
    expect((await look(id)).session?.recording.state).toBe('erased');
  });

  it('that could not be sealed makes its session a failed one', async () => {
    const id = await opened();
    await recordSessionClosed(deps())(id, report, { kind: 'failed' });
    expect(await look(id)).toMatchObject({
      session: { ended: { ending: { how: 'failed', why: 'recording_failed' } }, recording: { state: 'failed' } },
      types: expect.arrayContaining(['recording_seal_failed']),
    });
    await recordLateSeal(deps())(id, sealed({ state: 'interrupted' }));
    expect((await look(id)).session?.recording).toMatchObject({ headAtEnd: digest(2), state: 'interrupted' });
  });

  it.each([
    ['does not begin as it was said to begin', sealed({ headAtStart: digest(9) })],
    ['is not what its worker said', sealed({ doubts: ['x'] })],
    ['is gone', { kind: 'none' } as SealOutcome],
  ])('that %s is told', async (_what, outcome) => {
    const id = await opened();
    await recordSessionClosed(deps())(id, report, outcome);
    expect((await look(id)).types).toContain('recording_disputed');
  });

  it('never has another head than the one that people were told', async () => {
    const id = await opened();
    const change = store.transaction((tx) => tx.sessions.markRecording(id, { headAtStart: digest(5) }));
    await expect(change).rejects.toMatchObject({ code: 'integrity_violation' });
  });
});
