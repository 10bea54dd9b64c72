import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AuthorizedSession } from '../../../../src/access/authorized-session.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { SessionId } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import { wordedOrder } from '../../../../src/gateway/words/session-words.ts';
import { holdSessionsToGrants } from '../../../../src/use-cases/grants/hold-sessions.ts';
import { retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import type { Carried, TerminationOrder } from '../../../../src/use-cases/ports/gateways.ts';
import type { SshKey } from '../../../support/peers/signing-key.ts';
import { AccessWorld } from '../../../support/worlds/access-world.ts';
import { openTestStore, type TestStore } from '../../../support/worlds/store.ts';

/** What runs is held to what control decided, whatever somebody writes to the rows of sessions. */

describe('a session that a worker carries', () => {
  let store: TestStore;
  let world: AccessWorld;
  let key: SshKey;
  let contractor: Person;
  let reviewer: Person;
  let grant: Grant;
  let session: AuthorizedSession;
  let carried: Carried[];

  beforeEach(async () => {
    store = await openTestStore('postgres');
    world = AccessWorld.over(store);
    world.addTargets('web-01');
    contractor = await world.person('UCON', 'guest');
    reviewer = await world.person('UREVIEW');
    const engagement = await world.engagement([contractor], [reviewer]);
    key = await world.registered(contractor);
    grant = await world.grant(contractor, reviewer, engagement);
    session = await enter();
    const { id, personId, keyFingerprint } = session;
    carried = [{ session: id, grantId: grant.id, personId, keyFingerprint }];
  });
  afterEach(() => world[Symbol.asyncDispose]());

  async function enter(): Promise<AuthorizedSession> {
    const [issued] = await store.transaction((tx) => tx.grants.certificates(grant.id));
    const decided = await world.connect(key.proof(`${world.login}+web-01`, issued?.certificate ?? ''));
    if (!decided.ok || decided.value.kind !== 'session') throw new Error('the contractor did not get in');
    return decided.value.session;
  }
  /** With which words each session was ended; `goesOn` is what the worker answers where one is to go on under a grant. */
  async function held(goesOn = false): Promise<[SessionId | undefined, string][]> {
    const ended: [SessionId | undefined, string][] = [];
    const gateways = {
      carried: () => carried,
      terminate: ([id]: readonly SessionId[], order: TerminationOrder) =>
        void ended.push([id, wordedOrder(order).message]),
      extend: () => goesOn,
    };
    await holdSessionsToGrants({ ...world.deps, gateways })();
    return ended;
  }
  const changed = async (): Promise<unknown[]> => {
    const events = await store.transaction((tx) => tx.audit.list(100));
    return events.filter(({ type }) => type === 'seal_broken').map(({ facts }) => facts);
  };
  const write = (set: string) => store.sql(`update session set ${set} where id = $1`, [session.id]);
  const asEnded = `ended_at = now(), ending = '{"how":"closed"}', channels = '[]', refusals = '[]'`;

  it('goes on while nothing is wrong', async () => {
    expect(await held()).toEqual([]);
    expect(await changed()).toEqual([]);
  });

  it.each([
    ['as ended', asEnded],
    ['as of another key', `key_fingerprint = 'SHA256:${'A'.repeat(43)}'`],
  ])('ends where its record was written %s, and security is told', async (_how, set) => {
    await write(set);
    expect(await held()).toEqual([[session.id, expect.stringContaining('changed outside Daypass')]]);
    expect(await changed()).toEqual([{ what: 'session', id: session.id }]);
    const told = await store.sql("select notice from outbox where kind = 'record_changed' and lane = 'security'");
    expect(told.map(({ notice }) => notice)).toMatchObject([{ what: 'session', id: session.id }]);
  });

  it('ends with its grant, though its record names another that lives', async () => {
    const engagement = await world.engagement([contractor], [reviewer]);
    const other = await world.grant(contractor, reviewer, engagement);
    await write(`grant_id = '${other.id}', grant_digest = '${other.digest}'`);
    expect(await held()).toEqual([]);
    await world.revoke(grant);
    expect(await held()).toEqual([[session.id, expect.stringContaining('revoked')]]);
  });

  it('goes on under a later grant that its record names and that allows it', async () => {
    const engagement = await world.engagement([contractor], [reviewer]);
    const later = await world.grant(contractor, reviewer, engagement);
    await write(`grant_id = '${later.id}', grant_digest = '${later.digest}'`);
    await world.revoke(grant);
    expect(await held(true)).toEqual([]);
  });

  it('ends with its key, though its record names another', async () => {
    await write(`key_fingerprint = 'SHA256:${'A'.repeat(43)}'`);
    await retireKey(world.deps)({ by: { account: 'root' }, fingerprint: session.keyFingerprint, isSecurity: true });
    expect(await held()).toEqual([[session.id, expect.stringMatching(/revoked|retired/)]]);
  });

  it('is no stranger where it begins or ends while the records are read', async () => {
    await write(asEnded);
    const whole = carried;
    let asked = 0;
    const ended: SessionId[] = [];
    const gateways = {
      carried: () => (asked++ === 0 ? [] : whole),
      terminate: (ids: readonly SessionId[]) => void ended.push(...ids),
      extend: () => false,
    };
    await holdSessionsToGrants({ ...world.deps, gateways })();
    expect(ended).toEqual([]);
    expect(await changed()).toEqual([]);
  });

  it('gets more time while the end of another one under its grant is being written', async () => {
    const engagement = await store.transaction((tx) => tx.engagements.byId(session.engagementId));
    if (!engagement) throw new Error('there is no engagement');
    const other = await enter();
    let isHeld = (): void => {};
    const held = new Promise<void>((resolve) => {
      isHeld = resolve;
    });
    const isWaitedFor = async (): Promise<boolean> => {
      const waiting =
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
      return Number((await store.sql(waiting))[0]?.['n']) > 0;
    };
    const ending = store.transaction(async (tx) => {
      await tx.sessions.lock(other.id);
      isHeld();
      await expect.poll(isWaitedFor, { timeout: 20_000 }).toBe(true);
      return tx.grants.lock(grant.id);
    });
    await held;
    const more = world.grant(contractor, reviewer, engagement, { seconds: 4 * 3_600 });
    expect(await ending).toMatchObject({ id: grant.id });
    const { id } = await more;
    const live = await store.transaction((tx) => tx.sessions.live());
    expect(live.map(({ grantId }) => grantId)).toEqual([id, id]);
  });
});
