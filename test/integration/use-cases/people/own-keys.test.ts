import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import type { Person } from '../../../../src/access/person.ts';
import { openEngagement } from '../../../../src/use-cases/engagements/open-engagement.ts';
import { codeDigest, issueRegistrationCode } from '../../../../src/use-cases/people/issue-registration-code.ts';
import { registerKey } from '../../../../src/use-cases/people/register-key.ts';
import { listKeys, type RetireKeyInput, retireKey } from '../../../../src/use-cases/people/retire-key.ts';
import { fingerprint as printOf, requestId } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

const ROOT = { account: 'root' };

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01');
});
afterEach(() => world[Symbol.asyncDispose]());

const refusal = <T>(result: { ok: true; value: T } | { ok: false; rejection: unknown }): unknown =>
  result.ok ? null : result.rejection;
/** What follows from a connection that proved this key. */
const proofOf = (print: Fingerprint) => ({
  ...{
    sshSessionId: '00',
    digest: '00',
    userName: 'register-x',
    fingerprint: print,
    certificate: null,
    isUserVerified: false,
  },
  publicKey: 'ssh-ed25519 AAAA',
});
const register = (n: number, code: string) => registerKey(world.deps)({ proof: proofOf(printOf(n)), code });

describe('a registration code', () => {
  it('is good for a quarter of an hour, and only its digest is kept', async () => {
    const { contractor, deps, access } = world;
    await world.traces();
    const { code, expiresAt } = granted(await issueRegistrationCode(deps)({ by: contractor.id }));
    expect(code).toMatch(/^[a-hjkmnp-z2-9]{16}$/);
    expect(expiresAt).toEqual(world.later(900));
    const digest = codeDigest(access.authority, code);
    expect(digest).toBe(access.authority.digest({ registrationCode: code }));
    expect(await world.store.transaction((tx) => tx.keys.lockCode(digest))).toEqual({
      ...{ codeDigest: digest, personId: contractor.id, expiresAt, usedAt: null },
    });
    expect(await world.traces()).toEqual({
      events: [{ type: 'code_issued', actor: actorOfPerson(contractor), facts: { person: contractor.id } }],
      notices: [],
    });
  });

  it('is issued to nobody who may not act', async () => {
    await world.seen(world.contractor, { active: false });
    for (const by of [world.contractor.id, requestId(9) as never]) {
      expect(refusal(await issueRegistrationCode(world.deps)({ by }))).toEqual({ code: 'person_inactive' });
    }
  });

  it('passes over bytes that would make some characters likelier than others', async () => {
    const bytes = [[0, 30, 31, 247, 248, 249, 255], Array.from({ length: 40 }, (_, n) => n + 1)];
    const random = { ...world.deps.random, bytes: () => Uint8Array.from(bytes.shift() ?? []) };
    const issued = granted(await issueRegistrationCode({ ...world.deps, random })({ by: world.contractor.id }));
    // Bytes beyond 247 are passed over, and what comes after the sixteenth character is left.
    expect(issued.code).toBe('a9a9bcdefghjkmnp');
  });
});

describe('a key', () => {
  it('is registered by a code, for its person, who is told of it with the sponsors of their work', async () => {
    const { contractor, sponsor } = world;
    const code = await world.access.code(contractor.id);
    await world.traces();
    world.now = world.later(60);
    const key = {
      ...{ fingerprint: printOf(1), publicKey: 'ssh-ed25519 AAAA', personId: contractor.id },
      ...{ registeredAt: world.now, retiredAt: null },
    };
    expect(await register(1, code)).toEqual({ ok: true, value: key });
    expect(await world.store.transaction((tx) => tx.keys.byFingerprint(printOf(1)))).toEqual(key);
    const facts = { person: contractor.id, fingerprint: printOf(1), publicKey: 'ssh-ed25519 AAAA' };
    const told = (to: Person) => [world.dm(to), { kind: 'key_registered', fingerprint: printOf(1), to: to.id }];
    expect(await world.traces()).toEqual({
      events: [{ type: 'key_registered', actor: actorOfPerson(contractor), facts }],
      notices: [told(contractor), told(sponsor)],
    });
    expect(refusal(await register(2, code))).toEqual({ code: 'code_expired' });
    expect(refusal(await register(1, 'never-issued'))).toEqual({ code: 'code_unknown' });
  });

  it('that is registered again by its person stays as it is, and the code is used', async () => {
    const { contractor } = world;
    const first = granted(await register(1, await world.access.code(contractor.id)));
    const code = await world.access.code(contractor.id);
    await world.traces();
    world.now = world.later(60);
    expect(await register(1, code)).toEqual({ ok: true, value: first });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
    expect(refusal(await register(2, code))).toEqual({ code: 'code_expired' });
  });

  it('is not registered too late, by who is gone, or as another’s', async () => {
    const { contractor, reviewer } = world;
    granted(await register(1, await world.access.code(reviewer.id)));
    const [code, late] = [await world.access.code(contractor.id), await world.access.code(contractor.id)];
    expect(refusal(await register(1, code))).toEqual({ code: 'key_taken' });
    const begin = world.now;
    world.now = world.later(900);
    expect(refusal(await register(2, late))).toEqual({ code: 'code_expired' });
    world.now = begin;
    await world.seen(contractor, { active: false });
    expect(refusal(await register(2, code))).toEqual({ code: 'person_inactive' });
    await world.seen(contractor, { active: true });
    expect(refusal(await register(2, code))).toBeNull();
  });

  it('that was retired is registered by nobody', async () => {
    const { contractor, reviewer } = world;
    granted(await register(1, await world.access.code(contractor.id)));
    granted(await retire(ROOT, printOf(1)));
    const code = await world.access.code(contractor.id);
    expect(refusal(await register(1, code))).toEqual({ code: 'key_retired', fingerprint: printOf(1) });
    expect(refusal(await register(1, await world.access.code(reviewer.id)))).toEqual({ code: 'key_taken' });
  });
});

const retire = (by: RetireKeyInput['by'], fingerprint: Fingerprint, isSecurity = false) =>
  retireKey(world.deps)({ by, fingerprint, isSecurity });

describe('the end of a key', () => {
  const own = async (): Promise<Fingerprint> => {
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(world.contractor.id));
    if (!key) throw new Error('no key');
    return key.fingerprint;
  };

  it('ends the grants that have no other key, and its owner is told', async () => {
    const { contractor, sponsor } = world;
    const fingerprint = await own();
    const alone = await world.grant();
    world.now = world.later(1);
    await world.access.registered(contractor);
    const both = await world.grant();
    await world.traces();
    world.changes.splice(0);
    const retired = granted(await retire(sponsor.id, fingerprint));
    expect(retired).toMatchObject({ fingerprint, personId: contractor.id, retiredAt: world.now });
    const state = (id: typeof alone.id) => world.store.transaction((tx) => tx.grants.byId(id));
    expect((await state(alone.id))?.end).toEqual({
      ...{ how: 'revoked', at: world.now, by: sponsor.id, comment: 'its key was retired' },
    });
    expect((await state(both.id))?.end).toBeNull();
    const { events, notices } = await world.traces();
    expect(events).toEqual([
      { type: 'key_retired', actor: actorOfPerson(sponsor), facts: { person: contractor.id, fingerprint } },
      expect.objectContaining({ type: 'grant_revoked', actor: actorOfPerson(sponsor) }),
    ]);
    expect(notices.at(-1)).toEqual([world.dm(contractor), { kind: 'key_retired', fingerprint, to: contractor.id }]);
    await expect.poll(() => world.changes).toContainEqual({ kind: 'rights_changed' });
    expect(refusal(await retire(sponsor.id, fingerprint))).toEqual({ code: 'key_retired', fingerprint });
  });

  it('is for those who may', async () => {
    const { contractor, reviewer, sponsor, stranger, store } = world;
    const NOT = { code: 'may_not_retire_key' };
    const fingerprint = await own();
    expect(refusal(await retire(reviewer.id, fingerprint))).toEqual(NOT);
    expect(refusal(await retire(stranger.id, fingerprint))).toEqual(NOT);
    expect(refusal(await retire(requestId(9) as never, fingerprint, true))).toEqual(NOT);
    expect(refusal(await retire(ROOT, printOf(9)))).toEqual(NOT);
    await world.seen(sponsor, { active: false });
    expect(refusal(await retire(sponsor.id, fingerprint))).toEqual(NOT);
    expect(refusal(await retire(sponsor.id, fingerprint, true))).toEqual(NOT);
    await world.seen(sponsor, { active: true });
    // Once the work is over, who opened it has no say in it.
    const during = world.now;
    world.now = new Date('3000-01-01T00:00:00Z');
    await world.seen(sponsor, { active: true });
    expect(refusal(await retire(sponsor.id, fingerprint))).toEqual(NOT);
    world.now = during;
    await world.seen(sponsor, { active: true });
    for (const [by, isSecurity] of [
      [sponsor.id, false],
      [contractor.id, false],
      [stranger.id, true],
      [ROOT, false],
    ] as const) {
      const key = (await world.access.registered(contractor)).fingerprint as Fingerprint;
      expect(refusal(await retire(by, key, isSecurity))).toBeNull();
      const [row] = await store.sql('select retired_by from registered_key where fingerprint = $1', [key]);
      expect(row?.['retired_by']).toBe(typeof by === 'string' ? by : null);
    }
  });
});

describe('the list of keys', () => {
  const list = async (person: Person, isSecurity = false, find: string | null = null) => {
    const { mine, others } = await listKeys(world.deps)({ personId: person.id, isSecurity, find });
    const prints = (keys: readonly { fingerprint: string }[]) => keys.map(({ fingerprint }) => fingerprint);
    return { mine: prints(mine), others: others.map(({ key, owner }) => [owner, key.fingerprint]) };
  };

  it('has one’s own, and those of the people whose work one opened', async () => {
    const { contractor, reviewer, sponsor, stranger, access } = world;
    const [key] = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    const print = key?.fingerprint ?? '';
    const second = await access.person('USECOND', 'guest');
    const opened = async (by: Person, lastDay: string, channelId: string) =>
      granted(
        await openEngagement(world.deps)({
          ...{ by: by.id, name: 'More', vendor: 'Acme', channelId, memberIds: [second.id, by.id], timeZone: 'UTC' },
          ...{ targetIds: ['web-01'], scopes: ['shell'], reviewerIds: [reviewer.id], lastDay },
        }),
      );
    await opened(stranger, '2030-05-02', 'C7');
    const theirs = (await access.registered(second)).fingerprint;
    const own = (await access.registered(stranger)).fingerprint;
    expect(await list(contractor)).toEqual({ mine: [print], others: [] });
    expect(await list(sponsor)).toEqual({ mine: [], others: [['UCON', print]] });
    expect(await list(stranger)).toEqual({ mine: [own], others: [['USECOND', theirs]] });
    expect(await list(reviewer)).toEqual({ mine: [], others: [] });
    const everything = await list(reviewer, true);
    expect(new Map(everything.others as [string, string][])).toEqual(
      new Map([
        ['UCON', print],
        ['USECOND', theirs],
        ['USTRANGER', own],
      ]),
    );
    const found = async (find: string) => (await list(reviewer, true, find)).others.map(([owner]) => owner);
    expect(await found('con')).toEqual(expect.arrayContaining(['UCON', 'USECOND']));
    expect(await found('useco')).toEqual(['USECOND']);
    expect(await found(print.toLowerCase().slice(0, 30))).toEqual(['UCON']);
    expect(await found('nobody')).toEqual([]);
    // Whose work is over is gone from it, and who left the channel.
    await access.channelRead('C7', [second]);
    await access.channelRead('C7', []);
    expect((await list(stranger)).others).toEqual([]);
    world.now = new Date('2030-05-03T00:00:00Z');
    expect((await list(reviewer, true)).others.map(([owner]) => owner)).toEqual(['UCON']);
  });
});
