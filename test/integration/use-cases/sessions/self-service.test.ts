import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { combinedCertificate, downstreamCertificate } from '../../../../src/access/certificate.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { type Caller, type SelfServiceAsk, selfService } from '../../../../src/use-cases/sessions/self-service.ts';
import { auditHeadIn } from '../../../support/checks/audit-head-in.ts';
import { fingerprint } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

describe('what people ask of the gateway itself', () => {
  let world: GrantedWorld;
  let caller: Caller;
  beforeEach(async () => {
    world = await GrantedWorld.open('web-01');
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(world.contractor.id));
    if (!key) throw new Error('no key');
    caller = { personId: world.contractor.id, fingerprint: key.fingerprint };
    const { targets, login } = world.access;
    // More logins than one certificate has room for.
    const [web] = targets;
    if (!web) throw new Error('no target');
    const logins = [login, ...Array.from({ length: 9 }, (_, n) => `user${n}` as typeof login)];
    targets.splice(0, 1, { ...web, logins });
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const serve = (ask: SelfServiceAsk, by = caller) => selfService(world.deps)(by, ask);
  const list = (by = caller) => serve({ verb: 'list' }, by);
  const cert = (grant: string | null = null) => serve({ verb: 'cert', grant });
  const end = (grant: string | null = null) => serve({ verb: 'end', which: { grant } });
  const refused = (why: object) => ({ kind: 'refused', why });
  const short = ({ id }: Grant) => id.slice(0, 8);
  const certificates = ({ id }: Grant) => world.store.transaction((tx) => tx.grants.certificates(id));
  const ask = async () =>
    granted(
      await requestAccess(world.deps)({
        ...{ by: caller.personId, engagementId: world.engagement.id, targetIds: ['web-01'], scope: 'shell' },
        ...{ login: world.access.login, durationSeconds: 60, reason: 'Move it', ticket: null },
      }),
    );

  it('is for a registered key of somebody who may act', async () => {
    const asks: SelfServiceAsk[] = [
      ...([{ verb: 'list' }, { verb: 'config' }, { verb: 'cert', grant: null }] as const),
      ...([{ verb: 'end', which: 'all' }] as const),
    ];
    const answers = async (by = caller) => Promise.all(asks.map((each) => serve(each, by)));
    const all = (why: object) => asks.map(() => refused(why));
    expect(await answers({ ...caller, fingerprint: fingerprint(9) })).toEqual(all({ code: 'key_removed' }));
    expect(await answers({ ...caller, personId: world.reviewer.id })).toEqual(all({ code: 'key_removed' }));
    const since = world.now;
    world.now = world.later(5_401);
    expect(await answers()).toEqual(all({ code: 'person_unconfirmed', since }));
    await world.seen(world.contractor, { active: true });
    await world.store.transaction((tx) => tx.keys.retire(caller.fingerprint, world.now, null));
    expect(await answers()).toEqual(all({ code: 'key_removed' }));
  });

  it('says which key asks', async () => {
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(caller.personId));
    expect(await serve({ verb: 'config' })).toEqual({ kind: 'config', publicKey: key?.publicKey });
  });

  it('lists what is live, what ends first before the rest, and what waits', async () => {
    const empty = { kind: 'list', grants: [], pending: [], notes: [], at: world.now };
    expect(await list()).toEqual(empty);
    const [long, brief, over] = [
      await world.grant({ seconds: 600 }),
      await world.grant({ seconds: 300 }),
      await world.grant({ seconds: 60 }),
    ];
    const revoked = await world.grant();
    await world.access.revoke(revoked);
    const waits = await ask();
    world.now = world.later(60);
    expect(over.terms.notAfter).toBe(world.now.toISOString());
    const found = { ...empty, grants: [brief, long], pending: [waits], at: world.now };
    expect(await list()).toEqual(found);
    world.now = world.later(86_400);
    await world.seen(world.contractor, { active: true });
    expect(await list()).toEqual({ ...empty, at: world.now });
  });

  it('says why what is granted opens nothing at the moment', async () => {
    const grants = [await world.grant({ seconds: 4 * 3_600 }), await world.grant({ seconds: 5 * 3_600 })];
    const since = world.now;
    world.now = world.later(5_401);
    await world.seen(world.contractor, { active: true });
    const why = { code: 'channel_unread', engagement: 'Migration', since };
    expect(await list()).toEqual({ kind: 'list', grants, pending: [], notes: [why], at: world.now });
    expect(await cert()).toEqual(refused(why));
    expect(await cert(grants[0]?.id)).toEqual(refused(why));
  });

  it('hands out the certificate of the only grant', async () => {
    const grant = await world.grant();
    const [issued] = await certificates(grant);
    await world.traces();
    const own = { kind: 'certificate', line: issued?.certificate, leftOut: [] };
    expect(await cert()).toEqual(own);
    expect(await cert(grant.id)).toEqual(own);
    expect(await cert(grant.id.slice(0, 4).toUpperCase())).toEqual(own);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    expect(await certificates(grant)).toEqual([issued]);
  });

  it('signs one for all that is granted, and the same the next time', async () => {
    const one = await world.grant({ seconds: 600 });
    const two = await world.grant({ login: 'user1', seconds: 900 });
    await world.traces();
    const first = await cert();
    const covered = [one, two].sort((a, b) => (a.id < b.id ? -1 : 1));
    const [anchor] = covered;
    if (!anchor || first.kind !== 'certificate') throw new Error('no certificate');
    expect(first.leftOut).toEqual([]);
    const set = world.access.authority.digest(covered.map(({ id, digest }) => ({ id, digest })));
    const spec = combinedCertificate(caller.personId, covered, set);
    const issued = (await certificates(anchor)).at(-1);
    expect(issued).toMatchObject({ keyId: spec.keyId, fingerprint: caller.fingerprint, certificate: first.line });
    expect(await world.traces()).toEqual({
      events: [
        {
          ...{ type: 'certificate_issued', actor: actorOfPerson(world.contractor) },
          facts: {
            ...{ grant: anchor.id, grants: covered.map(({ id }) => id) },
            ...{ serial: issued?.serial, keyId: spec.keyId, fingerprint: caller.fingerprint },
          },
        },
      ],
      notices: [],
    });
    const head = auditHeadIn(first.line);
    const [next] = await world.store.transaction((tx) => tx.audit.after(head.number, 1));
    expect(next).toMatchObject({ type: 'certificate_issued', prev: head.hash });
    expect(await cert()).toEqual(first);
    expect((await world.traces()).events).toEqual([]);
    // Named, it is the one that was issued for it.
    const [own] = await certificates(two);
    expect(await cert(two.id)).toMatchObject({ line: own?.certificate });
    expect(own?.keyId).toBe(downstreamCertificate(two).keyId);
  });

  it('names the logins for which one certificate has no room: those that end first', async () => {
    for (let n = 0; n < 9; n += 1) await world.grant({ login: `user${n}`, seconds: 600 + n });
    await world.grant({ login: 'user8', seconds: 300 });
    expect(await cert()).toMatchObject({ kind: 'certificate', leftOut: ['user0'] });
  });

  it('has none where nothing is granted, is asked for, or is for this key', async () => {
    expect(await cert()).toEqual(refused({ code: 'no_live_grant' }));
    expect(await cert('abcd')).toEqual(refused({ code: 'no_live_grant' }));
    const { id: requestId } = await ask();
    expect(await cert()).toEqual(refused({ code: 'request_waits', requestId }));
    const grant = await world.grant();
    const second = (await world.access.registered(world.contractor)).fingerprint as Fingerprint;
    const other = { ...caller, fingerprint: second };
    expect(await serve({ verb: 'cert', grant: null }, other)).toEqual(refused({ code: 'key_in_no_grant' }));
    expect(await serve({ verb: 'cert', grant: grant.id }, other)).toEqual(refused({ code: 'key_in_no_grant' }));
  });

  it('ends the only grant, one that is named, or all', async () => {
    const only = await world.grant();
    for (const n of [1, 2]) await world.session(n, only);
    const ended = (grant: Grant, sessions: number) => ({
      ...{ grant: { ...grant, end: { how: 'returned', at: world.now, by: caller.personId, comment: null } }, sessions },
    });
    expect(await end()).toEqual({ kind: 'ended', ended: [ended(only, 2)] });
    const [one, two] = [await world.grant({ seconds: 600 }), await world.grant({ seconds: 300 })];
    expect(await end()).toEqual(refused({ code: 'which_grant', ids: [short(two), short(one)] }));
    expect(await end(one.id)).toEqual({ kind: 'ended', ended: [ended(one, 0)] });
    const three = await world.grant({ seconds: 900 });
    expect(await serve({ verb: 'end', which: 'all' })).toEqual({
      kind: 'ended',
      ended: [ended(two, 0), ended(three, 0)],
    });
    expect(await end()).toEqual(refused({ code: 'no_live_grant' }));
    expect(await serve({ verb: 'end', which: 'all' })).toEqual(refused({ code: 'no_live_grant' }));
  });

  it('asks for a name that is one grant’s, of four characters at least', async () => {
    const grants = [await world.grant({ seconds: 300 }), await world.grant({ seconds: 600 })];
    const [one] = grants;
    if (!one) throw new Error('no grant');
    for (const given of ['', one.id.slice(0, 3), 'zzzz', `${one.id}x`]) {
      expect(await end(given)).toEqual(refused({ code: 'no_such_grant', given }));
      expect(await cert(given)).toEqual(refused({ code: 'no_such_grant', given }));
    }
  });

  it('tells grants apart whose ids begin alike', async () => {
    const twin = await world.grant();
    const random = { ...world.deps.random, uuid: () => `${twin.id.slice(0, 35)}${twin.id.endsWith('0') ? '1' : '0'}` };
    const alike = await grantWith(random);
    const given = twin.id.slice(0, 8);
    const answer = await end(given);
    expect(answer).toMatchObject({ kind: 'refused', why: { code: 'ambiguous_grant', given } });
    if (answer.kind !== 'refused' || answer.why.code !== 'ambiguous_grant') return;
    expect(new Set(answer.why.ids)).toEqual(new Set([twin.id, alike.id]));
    expect(await end(alike.id)).toMatchObject({ kind: 'ended', ended: [{ grant: { id: alike.id } }] });
  });

  /** A grant whose id is chosen. */
  async function grantWith(random: typeof world.deps.random): Promise<Grant> {
    const made = await world.grant({ seconds: 1_200 });
    await world.access.revoke(made);
    const id = random.uuid() as Grant['id'];
    const grant: Grant = {
      ...made,
      ...{ id, requestId: (await ask()).id, end: null, mac: world.access.authority.seal(id, made.digest) },
    };
    await world.store.transaction((tx) => tx.grants.insert(grant));
    return grant;
  }
});
