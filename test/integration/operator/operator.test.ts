import { statSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/access/grant.ts';
import { GrantId, SessionId } from '../../../src/access/ids.ts';
import { Target } from '../../../src/access/target.ts';
import { createLog } from '../../../src/log.ts';
import { localOperators, type Operator } from '../../../src/operator/operator.ts';
import {
  type AdminSocket,
  claimAdminSocket,
  isServed,
  remoteOperator,
  serveAdminSocket,
} from '../../../src/operator/socket.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import { gate } from '../../support/checks/gate.ts';
import { AccessWorld } from '../../support/worlds/access-world.ts';
import { openTestStore, type TestStore } from '../../support/worlds/store.ts';
import { session, sessionEnd } from '../../support/worlds/world.ts';

const log = createLog('silent');
const ALICE = { account: 'root (sudo: alice)' };
let store: TestStore;
let world: AccessWorld;
let socket: AdminSocket;
let operator: Operator;
let grant: Grant;

beforeEach(async () => {
  store = await openTestStore('embedded');
  world = AccessWorld.over(store);
  const host_keys = [world.keys.gatewayHostPublicKey];
  world.targets.push(
    Target.parse({ id: 'web-01', name: 'Web', address: '127.0.0.1', host_keys, logins: [world.login] }),
  );
  const contractor = await world.person('UCON', 'guest');
  const reviewer = await world.person('UREVIEW');
  const publicKey = world.keys.gatewayHostPublicKey;
  const fingerprint = `SHA256:${'A'.repeat(43)}` as never;
  await store.transaction((tx) =>
    tx.keys.insert({ fingerprint, publicKey, personId: contractor.id, registeredAt: new Date() }),
  );
  grant = await world.grant(contractor, reviewer, await world.engagement([contractor], [reviewer]));
  const check = async () => [{ level: 'ok', text: 'logged in' }] as const;
  const running = {
    gateways: { watch: () => null },
    inventory: world.deps.inventory,
    reload: async () => ({ applied: [], atNextStart: [] }),
    erase: async () => ({ ok: false, why: 'not here' }) as const,
  };
  socket = await serveAdminSocket(
    join(world.folder, 'control.sock'),
    localOperators({ ...world.deps, control: { ...running, check } }),
    log,
  );
  operator = remoteOperator(socket.path, ALICE);
});

afterEach(async () => {
  await socket[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** The answer to a body that no version of the command line sends. */
const raw = (body: string): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const outgoing = request({ socketPath: socket.path, method: 'POST', path: '/' }, (incoming) => {
      incoming.resume();
      resolve(incoming.statusCode);
    });
    outgoing.on('error', reject).end(body);
  });

describe('the admin socket', () => {
  it('is readable and writable by its owner alone', () => {
    expect(statSync(socket.path).mode & 0o777).toBe(0o600);
  });

  it('lists grants and sessions as the store has them', async () => {
    expect(await operator.grants({ live: true, limit: 10 })).toMatchObject([
      { id: grant.id, state: 'live', person: 'UCON', targets: ['web-01'], scope: 'shell', liveSessions: 0 },
    ]);
    expect(await operator.sessions({ live: true, limit: 10 })).toEqual([]);
    expect(await operator.check(world.targets[0]?.id as never)).toEqual([{ level: 'ok', text: 'logged in' }]);
  });

  it('says of a session that lives that nothing is counted yet, and of one that is over what was', async () => {
    const { engagementId, personId } = grant.terms;
    const one = session(1, { grantId: grant.id, engagementId, personId });
    await store.transaction((tx) => tx.sessions.insert(one, one.id));
    const counts = { channels: null, bytesFromClient: null, bytesToClient: null };
    expect(await operator.sessions({ live: true, limit: 10 })).toMatchObject([{ state: 'live', ...counts }]);
    await store.transaction((tx) => tx.sessions.end(one.id, sessionEnd()));
    const none = { channels: 0, bytesFromClient: 0, bytesToClient: 0 };
    expect(await operator.sessions({ live: false, limit: 10 })).toMatchObject([{ state: 'closed', ...none }]);
  });

  it('lists sessions by who, where, when and page', async () => {
    const { engagementId, personId } = grant.terms;
    const at = (day: number): Date => new Date(Date.UTC(2026, 0, day));
    for (const n of [1, 2, 3, 4]) {
      const one = session(n, { grantId: grant.id, engagementId, personId, startedAt: at(n) });
      await store.transaction((tx) => tx.sessions.insert(one, one.id));
    }
    const days = async (filter: object): Promise<number[]> =>
      (await operator.sessions({ live: false, limit: 10, ...filter })).map((row) =>
        new Date(row.startedAt).getUTCDate(),
      );
    expect(await days({})).toEqual([4, 3, 2, 1]);
    expect(await days({ since: at(3).toISOString() })).toEqual([4, 3]);
    expect(await days({ limit: 2 })).toEqual([4, 3]);
    expect(await days({ limit: 2, after: session(3).id })).toEqual([2, 1]);
    expect(await days({ prefix: session(2).id })).toEqual([2]);
    for (const person of ['ucon', 'UCON', personId]) expect(await days({ person })).toHaveLength(4);
    expect(await days({ person: 'UREVIEW' })).toEqual([]);
    expect(await days({ person: 'nobody' })).toEqual([]);
    expect(await days({ target: session(1).targetId })).toHaveLength(4);
    expect(await days({ target: 'web' })).toEqual([]);
    expect(await days({ engagement: engagementId })).toHaveLength(4);
    expect(await days({ engagement: 'no such' })).toEqual([]);
    expect(await days({ live: true, since: at(4).toISOString() })).toEqual([4]);
  });

  it('finds people by their ids and by a part of their name, and says what they are', async () => {
    const rows = await operator.people({ find: 'con', limit: 20 });
    expect(rows).toMatchObject([{ name: 'UCON', standing: 'guest', state: 'active' }]);
    expect(await operator.people({ find: rows[0]?.id ?? '', limit: 20 })).toEqual(rows);
    expect(await operator.people({ find: 'UCON', limit: 20 })).toEqual(rows);
    expect(await operator.people({ find: 'u', limit: 20 })).toHaveLength(3);
    expect(await operator.people({ find: 'nobody', limit: 20 })).toEqual([]);
    await seePerson(world.deps)({
      account: { teamId: world.slack.teamId, userId: 'UCON', enterpriseId: null },
      profile: { name: 'UCON', standing: 'guest', active: false },
    });
    expect(await operator.people({ find: 'con', limit: 20 })).toMatchObject([{ state: 'deactivated' }]);
  });

  it('says that there is nothing to reload where no control runs', async () => {
    const here = localOperators({ ...world.deps, control: null })(ALICE);
    expect(await here.reload()).toMatchObject({ ok: false, why: expect.stringContaining('No control is running') });
  });

  it('ends a grant, once, and says when it had ended', async () => {
    const heard: string[] = [];
    store.subscribe((change) => heard.push(change.kind));
    expect(await operator.revoke(grant.id, 'the contract is over')).toEqual({ ok: true, value: { id: grant.id } });
    await expect.poll(() => heard).toContain('grant_ended');
    expect(await operator.revoke(grant.id, null)).toMatchObject({
      ok: false,
      rejection: { code: 'grant_already_ended', at: expect.any(Date) },
    });
    expect(await operator.grants({ live: true, limit: 10 })).toEqual([]);
    expect(await operator.grants({ live: false, limit: 10 })).toMatchObject([{ state: 'revoked' }]);
    const events = await store.transaction((tx) => tx.audit.list(10));
    expect(events.find((event) => event.type === 'grant_revoked')?.actor).toEqual({ kind: 'operator', ...ALICE });
  });

  it('refuses what does not exist and what it does not know', async () => {
    const nobody = 'dd000000-0000-4000-8000-00000000dead';
    expect(await operator.revoke(GrantId.parse(nobody), null)).toMatchObject({ rejection: { code: 'unknown_grant' } });
    expect(await operator.endSession(SessionId.parse(nobody))).toMatchObject({
      rejection: { code: 'unknown_session' },
    });
    expect(await raw('{"verb":"mint"}')).toBe(400);
    expect(await raw('not json')).toBe(500);
    expect(await raw('x'.repeat(100_000))).toBe(500);
  });

  it.each([
    ['database_away', /its database is unreachable, so nothing was done/],
    ['commit_unheard', /this may or may not have been done/],
    ['bad_luck', /the request failed/],
  ])('says whether anything was done when it cannot do it: %s', async (code, says) => {
    const failing: Operator = {
      ...operator,
      revoke: async () => {
        throw Object.assign(new Error('no'), { code });
      },
    };
    await using other = await serveAdminSocket(join(world.folder, 'other.sock'), () => failing, log);
    await expect(remoteOperator(other.path, ALICE).revoke(grant.id, null)).rejects.toThrow(says);
  });

  it('says that it is not known when control ends before it answers', async () => {
    const asked = gate();
    const hanging: Operator = { ...operator, revoke: () => new Promise(() => asked.open()) };
    const other = await serveAdminSocket(join(world.folder, 'other.sock'), () => hanging, log);
    const revoking = remoteOperator(other.path, ALICE).revoke(grant.id, null);
    revoking.catch(() => {});
    await asked.opened;
    await other[Symbol.asyncDispose]();
    await expect(revoking).rejects.toThrow(/disconnected, so this may or may not have been done/);
  });

  it('answers nobody before and after it is served', async () => {
    await using claimed = await claimAdminSocket(join(world.folder, 'other.sock'), log);
    const remote = remoteOperator(claimed.path, ALICE);
    const notNow = /is starting or stopping, so nothing was done/;
    await expect(remote.revoke(grant.id, null)).rejects.toThrow(notNow);
    const serving = claimed.serve(() => operator);
    expect(await remote.grants({ live: true, limit: 10 })).toHaveLength(1);
    await serving[Symbol.asyncDispose]();
    await expect(remote.revoke(grant.id, null)).rejects.toThrow(notNow);
    expect(await operator.grants({ live: true, limit: 10 })).toHaveLength(1);
  });

  it('is served by one control only, and a stale one is replaced', async () => {
    await expect(serveAdminSocket(socket.path, () => operator, log)).rejects.toThrow(/already running/);
    await socket[Symbol.asyncDispose]();
    expect(await isServed(socket.path)).toBe(false);
    socket = await serveAdminSocket(socket.path, () => operator, log);
    expect(await isServed(socket.path)).toBe(true);
  });
});
