import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tx } from '../../../src/use-cases/ports/store.ts';
import { gate } from '../../support/checks/gate.ts';
import { hearing } from '../../support/checks/hearing.ts';
import { grantId, later, NOON, pending, personId, requestId } from '../../support/samples/samples.ts';
import { openTestStore, STORE_KINDS, type TestStore } from '../../support/worlds/store.ts';
import { insertWorld, session, sessionId } from '../../support/worlds/world.ts';

const facts = { request: requestId(1) };
const event = { type: 'request_approved', at: NOON, actor: { kind: 'daypass' }, facts } as const;

describe.each(STORE_KINDS)('a transaction on %s', (kind) => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openTestStore(kind);
    await insertWorld(store);
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it('that throws leaves no state, no audit event, no message and no announcement', async () => {
    const heard = hearing(store, { kind: 'grant_ended', grantId: grantId(2) });
    const failing = store.transaction(async (tx) => {
      await tx.requests.save({ ...pending(), status: 'withdrawn', decidedAt: NOON });
      await tx.audit.append(event);
      await tx.outbox.enqueue({ kind: 'request_closed', requestId: requestId(1) }, 'security');
      tx.announce({ kind: 'grant_ended', grantId: grantId(1) });
      throw new RangeError('changed my mind');
    });
    await expect(failing).rejects.toThrow(new RangeError('changed my mind'));
    await store.transaction(async (tx) => {
      expect(await tx.requests.byId(requestId(1))).toEqual(pending());
      expect(await tx.audit.list(10)).toEqual([]);
      expect(await tx.outbox.waiting()).toBe(0);
      tx.announce({ kind: 'grant_ended', grantId: grantId(2) });
    });
    expect(await heard).toEqual([{ kind: 'grant_ended', grantId: grantId(2) }]);
  });

  it('cannot commit once a statement in it has failed, even where the failure was swallowed', async () => {
    const heard = hearing(store, { kind: 'grant_ended', grantId: grantId(2) });
    const swallowing = store.transaction(async (tx) => {
      tx.announce({ kind: 'grant_ended', grantId: grantId(1) });
      await tx.audit.append(event);
      await tx.requests.insert(pending()).catch(() => {});
    });
    await expect(swallowing).rejects.toMatchObject({ name: 'StoreFault', code: 'transaction_aborted' });
    await store.transaction(async (tx) => {
      expect(await tx.audit.list(10)).toEqual([]);
      tx.announce({ kind: 'grant_ended', grantId: grantId(2) });
    });
    expect(await heard).toEqual([{ kind: 'grant_ended', grantId: grantId(2) }]);
  });

  it('says by its code what the database refused', async () => {
    const twice = store.transaction((tx) => tx.requests.insert(pending()));
    await expect(twice).rejects.toMatchObject({ code: 'unique_violation', sqlState: '23505' });
    const stranger = store.transaction((tx) =>
      tx.requests.insert(pending({ id: requestId(9), ask: { ...pending().ask, personId: personId(77) } })),
    );
    await expect(stranger).rejects.toMatchObject({ code: 'integrity_violation', sqlState: '23503' });
  });

  it('inside a transaction is refused instead of waiting for itself', async () => {
    const nested = store.transaction(() => store.transaction((tx) => tx.persons.all()));
    await expect(nested).rejects.toMatchObject({ code: 'nested_transaction' });
  });

  it('gives a tx that cannot be used after its end', async () => {
    const kept = await store.transaction(async (tx): Promise<{ tx: Tx }> => ({ tx }));
    await expect(kept.tx.audit.append(event)).rejects.toMatchObject({ code: 'transaction_over' });
  });

  it('is refused when a thousand are under way or waiting, and taken again afterwards', async () => {
    const open = gate();
    const many = Array.from({ length: 1_000 }, () => store.transaction(() => open.opened));
    await expect(store.transaction((tx) => tx.persons.all())).rejects.toMatchObject({ code: 'too_busy' });
    open.open();
    await Promise.all(many);
    expect(await store.transaction((tx) => tx.persons.all())).toHaveLength(4);
  });

  it('sees what it wrote itself', async () => {
    const name = await store.transaction(async (tx) => {
      await tx.persons.rename(personId(4), 'Dora');
      return tx.persons.name(personId(4));
    });
    expect(name).toBe('Dora');
  });

  it('lets one of a hundred concurrent decisions on a request win', async () => {
    const decide = (n: number): Promise<boolean> =>
      store.transaction(async (tx) => {
        const request = await tx.requests.lock(requestId(2));
        if (request?.status !== 'pending') return false;
        await tx.requests.save({ ...request, status: 'approved', decidedAt: later(n) });
        await tx.audit.append(event);
        await tx.outbox.enqueue({ kind: 'request_closed', requestId: requestId(2) }, 'security');
        return true;
      });
    const outcomes = await Promise.all(Array.from({ length: 100 }, (_, n) => decide(n)));
    expect(outcomes.filter((won) => won)).toHaveLength(1);
    await store.transaction(async (tx) => {
      expect(await tx.audit.list(200)).toHaveLength(1);
      expect(await tx.outbox.waiting()).toBe(1);
    });
  });

  it('appends audit events in their order and lists the newest first', async () => {
    await store.transaction(async (tx) => {
      await tx.audit.append({ ...event, type: 'code_issued', actor: { kind: 'operator', account: 'root' } });
      await tx.audit.append({
        type: 'connection_refused',
        at: later(1),
        actor: { kind: 'person', id: personId(1) },
        facts: { login: 'a\0b\u2028', tries: 3, known: true, none: null, list: ['x'] },
      });
      expect(await tx.audit.list(2)).toEqual([
        {
          type: 'connection_refused',
          at: later(1),
          actor: { kind: 'person', id: personId(1) },
          facts: { login: 'a\0b\u2028', tries: 3, known: true, none: null, list: ['x'] },
        },
        { ...event, type: 'code_issued', actor: { kind: 'operator', account: 'root' } },
      ]);
    });
  });
});

describe('transactions on postgres', () => {
  it.each<[string, (tx: Tx) => Promise<unknown>]>([
    ['its person', (tx) => tx.persons.lock(personId(1))],
    ['its grant', (tx) => tx.grants.lock(grantId(1))],
    ['the first session of its burst', (tx) => tx.sessions.lock(sessionId(2))],
  ])(
    'write about a session while another one has locked %s: a reference to a row is no change of it',
    async (_, lock) => {
      await using store = await openTestStore('postgres');
      await insertWorld(store);
      await store.transaction((tx) => tx.sessions.insert(session(2), sessionId(2)));
      const [isHeld, isOver] = [gate(), gate()];
      const holding = store.transaction(async (tx) => {
        await lock(tx);
        isHeld.open();
        await isOver.opened;
      });
      await isHeld.opened;
      await store.transaction(async (tx) => {
        await tx.sessions.insert(session(1), sessionId(2));
        await tx.sessions.markRecording(sessionId(1), { state: 'live' });
        await tx.sessions.end(sessionId(1), { at: later(1), ending: { how: 'closed' }, channels: [], refusals: [] });
      });
      isOver.open();
      await holding;
      expect((await store.transaction((tx) => tx.sessions.byId(sessionId(1))))?.ended).toMatchObject({ at: later(1) });
    },
  );

  it('that wait for each other end with a deadlock fault for one of them', async () => {
    await using store = await openTestStore('postgres');
    await insertWorld(store);
    const bothHold = barrier(2);
    const crossing = (first: 1 | 2, second: 1 | 2): Promise<void> =>
      store.transaction(async (tx) => {
        await tx.requests.lock(requestId(first));
        await bothHold();
        await tx.requests.lock(requestId(second));
      });
    const outcomes = await Promise.allSettled([crossing(1, 2), crossing(2, 1)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'deadlock' } });
  });
});

describe.each(STORE_KINDS)('a closed store on %s', (kind) => {
  it('refuses transactions and may be closed twice', async () => {
    const store = await openTestStore(kind);
    await store[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await expect(store.transaction((tx) => tx.persons.all())).rejects.toMatchObject({ code: 'store_closed' });
  });
});

/** Resolves for all once `count` have come. */
function barrier(count: number): () => Promise<void> {
  const everybody = gate();
  let come = 0;
  return () => {
    come += 1;
    if (come === count) everybody.open();
    return everybody.opened;
  };
}
