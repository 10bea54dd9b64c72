import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionId } from '../../../src/access/ids.ts';
import { Policy } from '../../../src/access/policy.ts';
import type { Scope } from '../../../src/access/scopes/scope.ts';
import type { Shown } from '../../../src/access/shown.ts';
import { systemClock, systemRandom } from '../../../src/config/places.ts';
import { createLog } from '../../../src/log.ts';
import { localOperators, type Operator } from '../../../src/operator/operator.ts';
import { type AdminSocket, remoteOperator, serveAdminSocket } from '../../../src/operator/socket.ts';
import type { Gateways, Watcher } from '../../../src/use-cases/ports/gateways.ts';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { grant, grantId, requestId, scope } from '../../support/samples/samples.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';
import { insertWorld, session, sessionEnd, sessionId } from '../../support/worlds/world.ts';

const inventory = { policy: Policy.parse({ rules: [{ name: 'any' }] }) };

/** A gateway that carries one session, and shows what the test gives it. */
class Carrier implements Pick<Gateways, 'watch'> {
  readonly carried = new Map<SessionId, Watcher>();
  isStopped = false;

  watch(id: SessionId, watcher: Watcher): (() => void) | null {
    if (id !== sessionId(1)) return null;
    this.carried.set(id, watcher);
    return () => {
      this.isStopped = true;
    };
  }

  get watcher(): Watcher {
    const [watcher] = this.carried.values();
    if (!watcher) throw new Error('nobody watches');
    return watcher;
  }
}

const OUTPUT: Shown = { show: 'output', channel: 0, stream: 'stdout', bytes: Buffer.from('hello').toString('base64') };

let folder: TestFolder;
let store: TestStore;
let carrier: Carrier;
let socket: AdminSocket;
let operator: Operator;

beforeEach(async () => {
  folder = testFolder();
  store = await openTestStore('embedded');
  carrier = new Carrier();
  const control = {
    gateways: carrier,
    inventory: { targets: [] },
    check: async () => [],
    reload: async () => ({ applied: [], atNextStart: [] }),
    erase: async () => ({ ok: false, why: 'not here' }) as const,
  };
  const local = localOperators({ store, clock: systemClock, random: systemRandom, inventory, control });
  socket = await serveAdminSocket(join(folder.path, 'control.sock'), local, createLog('silent'));
  operator = remoteOperator(socket.path, { account: 'root (sudo: alice)' });
});
afterEach(async () => {
  await socket[Symbol.asyncDispose]();
  await store[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function begin(of: Scope = scope('shell')): Promise<void> {
  await insertWorld(store);
  await store.transaction(async (tx) => {
    await tx.grants.insert({ ...grant(2, { scope: of }), requestId: requestId(2) });
    await tx.sessions.insert(session(1, { grantId: grantId(2) }), sessionId(1));
  });
}

const nothing = { see: () => {}, over: () => {} };

describe('watching over the admin socket', () => {
  it('shows what passes until the session is over', async () => {
    await begin();
    const seen: Shown[] = [];
    const over = new Promise<void>((resolve) => {
      operator.watch(sessionId(1), { see: (shown) => seen.push(shown), over: resolve }).then((watched) => {
        expect(watched).toMatchObject({ ok: true, value: { isTold: true } });
        carrier.watcher.see(OUTPUT);
        carrier.watcher.see({ show: 'lost', bytes: 7 });
        carrier.watcher.over();
      });
    });
    await over;
    expect(seen).toEqual([OUTPUT, { show: 'lost', bytes: 7 }]);
  });

  it('is an audit event, and the person is told unless the scope says to be silent', async () => {
    await begin();
    await operator.watch(sessionId(1), nothing);
    expect(carrier.watcher.isTold).toBe(true);
    const [event] = await store.transaction((tx) => tx.audit.list(1));
    expect(event).toMatchObject({
      type: 'session_watched',
      actor: { kind: 'operator', account: 'root (sudo: alice)' },
      facts: { session: sessionId(1), told: true },
    });
  });

  it('says nothing to the person where the scope is silent, and audits that', async () => {
    await begin({ ...scope('shell'), watch: 'silent' });
    expect(await operator.watch(sessionId(1), nothing)).toMatchObject({ ok: true, value: { isTold: false } });
    expect(carrier.watcher.isTold).toBe(false);
    const [event] = await store.transaction((tx) => tx.audit.list(1));
    expect(event).toMatchObject({ type: 'session_watched', facts: { told: false } });
  });

  it('stops when the one who looks on goes', async () => {
    await begin();
    const watched = await operator.watch(sessionId(1), nothing);
    if (!watched.ok) throw new Error('not watched');
    watched.value.stop();
    await expect.poll(() => carrier.isStopped).toBe(true);
  });

  it('refuses a session that ended, and one that nobody knows', async () => {
    await begin();
    await store.transaction((tx) => tx.sessions.end(sessionId(1), sessionEnd()));
    expect(await operator.watch(sessionId(1), nothing)).toMatchObject({
      rejection: { code: 'session_already_ended', at: expect.any(Date) },
    });
    const nobody = SessionId.parse('ee000000-0000-4000-8000-00000000dead');
    expect(await operator.watch(nobody, nothing)).toMatchObject({ rejection: { code: 'unknown_session' } });
    expect(carrier.carried.size).toBe(0);
  });
});
