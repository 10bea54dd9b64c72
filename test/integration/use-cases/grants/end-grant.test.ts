import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Actor } from '../../../../src/access/audit-event.ts';
import type { Grant } from '../../../../src/access/grant.ts';
import type { Person } from '../../../../src/access/person.ts';
import { type EndGrantInput, endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { enderOf } from '../../../../src/use-cases/grants/ending.ts';
import { sendFiles } from '../../../../src/use-cases/grants/send-files.ts';
import { recordSessionClosed } from '../../../../src/use-cases/sessions/record-session.ts';
import { grantId } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { actorOfPerson, GrantedWorld } from '../../../support/worlds/granted-world.ts';

const ROOT = { account: 'root' };

describe('the end of a grant', () => {
  let world: GrantedWorld;
  beforeEach(async () => {
    world = await GrantedWorld.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const end = (grant: Grant, by: EndGrantInput['by'], more: Partial<EndGrantInput> = {}) =>
    endGrant(world.deps)({ by, grantId: grant.id, comment: null, isSecurity: false, ...more });
  const stored = (grant: Grant) => world.store.transaction((tx) => tx.grants.byId(grant.id));
  const refusal = async (...input: Parameters<typeof end>): Promise<unknown> => {
    const ended = await end(...input);
    return ended.ok ? null : ended.rejection;
  };

  it('is for those who may, and is written down as theirs', async () => {
    const { contractor, reviewer, sponsor, stranger } = world;
    const rows: [EndGrantInput['by'], boolean, Actor, 'returned' | 'revoked', Person['id'] | null][] = [
      [contractor.id, false, actorOfPerson(contractor), 'returned', contractor.id],
      [reviewer.id, false, actorOfPerson(reviewer), 'revoked', reviewer.id],
      [sponsor.id, false, actorOfPerson(sponsor), 'revoked', sponsor.id],
      [stranger.id, true, actorOfPerson(stranger), 'revoked', stranger.id],
      [ROOT, false, { kind: 'operator', account: 'root' }, 'revoked', null],
    ];
    for (const [by, isSecurity, actor, how, person] of rows) {
      const grant = await world.grant();
      await world.traces();
      const { id, digest, terms } = grant;
      const after = { ...grant, end: { how, at: world.now, by: person, comment: null } };
      expect(granted(await end(grant, by, { isSecurity }))).toEqual({ grant: after, also: [], left: [] });
      expect(await stored(grant)).toEqual(after);
      expect(await world.store.transaction((tx) => enderOf(tx, after))).toEqual(actor);
      const told = (kind: string) => ({ kind, grantId: id });
      expect(await world.traces()).toEqual({
        events: [{ type: `grant_${how}`, actor, facts: { grant: id, digest, person: terms.personId } }],
        notices: [
          [world.thread, told('grant_announced_changed')],
          [world.dm(contractor), told('grant_issued_changed')],
          // Who hands access back need not be told of it.
          ...(how === 'returned' ? [] : [[world.dm(contractor), told('grant_revoked')]]),
          [world.thread, told('grant_ended')],
        ],
      });
      await expect.poll(() => world.changes.splice(0)).toEqual([{ kind: 'grant_ended', grantId: id }]);
    }
  });

  it('is not for others, and nothing happens', async () => {
    const { sponsor, stranger } = world;
    const grant = await world.grant();
    await world.seen(sponsor, { active: false });
    await world.traces();
    const NOT = { code: 'may_not_end_grant' };
    expect(await refusal(grant, stranger.id)).toEqual(NOT);
    expect(await refusal(grant, sponsor.id)).toEqual(NOT);
    expect(await refusal(grant, sponsor.id, { isSecurity: true })).toEqual(NOT);
    expect(await refusal(grant, ROOT, { grantId: grantId(9) })).toEqual({ code: 'unknown_grant' });
    expect(await stored(grant)).toEqual(grant);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('is one end: neither ended again, nor once it ran out', async () => {
    const ended = await world.grant();
    granted(await end(ended, ROOT));
    const at = world.now;
    const short = await world.grant({ seconds: 60 });
    await world.traces();
    world.now = world.later(60);
    expect(await refusal(ended, ROOT)).toEqual({ code: 'grant_already_ended', at });
    expect(await refusal(short, ROOT)).toEqual({ code: 'grant_already_ended', at: new Date(short.terms.notAfter) });
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('also comes before its beginning, as after a clock was set back', async () => {
    const grant = await world.grant();
    world.now = world.later(-600);
    expect(granted(await end(grant, ROOT)).grant.end).toMatchObject({ how: 'revoked', at: world.now });
  });

  it.each([
    [null, null],
    ['', null],
    ['  \n', null],
    [' The work is done. ', 'The work is done.'],
    [` ${'x'.repeat(1_001)} `, 'x'.repeat(1_000)],
  ])('keeps what was said about it: %j', async (comment, kept) => {
    const grant = await world.grant();
    expect(granted(await end(grant, ROOT, { comment })).grant.end?.comment).toBe(kept);
    expect((await stored(grant))?.end?.comment).toBe(kept);
  });

  it('comes not with a comment that looks like it holds a secret, which nobody keeps', async () => {
    const grant = await world.grant();
    await world.traces();
    const comment = 'use password=hunter2x instead';
    expect(await refusal(grant, world.reviewer.id, { comment })).toEqual({
      ...{ code: 'secret_found', what: 'a password', field: 'comment' },
    });
    expect(await stored(grant)).toEqual(grant);
    expect(await world.traces()).toEqual({ events: [], notices: [] });
  });

  it('of one that somebody revokes takes along what the person has there besides, as far as they may', async () => {
    const { contractor, reviewer, access } = world;
    const other = await access.person('UOTHER');
    const elsewhere = await access.engagement([contractor], [other]);
    const web = () => world.grant({ targets: ['web-01'] });
    const db = await world.grant({ targets: ['db-01'] });
    const foreign = await access.grant(contractor, other, elsewhere, { targets: ['web-01'] });
    const kept = new Set([db.id, foreign.id]);
    const ids = (grants: readonly Grant[]) => new Set(grants.map(({ id }) => id));

    const [one, both] = [await web(), await world.grant()];
    const byReviewer = granted(await end(one, reviewer.id, { comment: 'over' }));
    expect(byReviewer.also).toMatchObject([{ id: both.id, end: { how: 'revoked', by: reviewer.id, comment: 'over' } }]);
    expect(ids(byReviewer.left)).toEqual(kept);
    expect(await stored(both)).toMatchObject({ end: { how: 'revoked', by: reviewer.id } });

    // Its holder and an operator name one.
    for (const by of [contractor.id, ROOT]) {
      const [named, besides] = [await web(), await web()];
      const ended = granted(await end(named, by));
      expect(ended.also).toEqual([]);
      expect(ids(ended.left)).toEqual(new Set([...kept, besides.id]));
      granted(await end(besides, ROOT));
    }
    // Who may in every engagement ends it in every one.
    const all = granted(await end(await web(), world.stranger.id, { isSecurity: true }));
    expect(all.also.map(({ id }) => id)).toEqual([foreign.id]);
    expect(ids(all.left)).toEqual(new Set([db.id]));
  });

  it('leaves what is over as it is', async () => {
    const { contractor, reviewer } = world;
    const over = await world.grant({ seconds: 60 });
    world.now = world.later(60);
    const ended = granted(await end(await world.grant(), reviewer.id));
    expect(ended).toMatchObject({ also: [], left: [] });
    expect(await stored(over)).toEqual(over);
    const next = await world.grant();
    expect(granted(await end(await world.grant(), contractor.id)).left.map(({ id }) => id)).toEqual([next.id]);
  });

  it('is told to the thread as soon as none of its sessions lives', async () => {
    const grant = await world.grant();
    const [one, two] = [await world.session(1, grant), await world.session(2, grant)];
    await world.traces();
    granted(await end(grant, ROOT));
    const over = async () =>
      (await world.traces()).notices.filter(([, notice]) => JSON.stringify(notice).includes('"grant_ended"'));
    expect(await over()).toEqual([]);
    const report = { ending: { how: 'closed' }, channels: [], refusals: [], recording: null } as const;
    await recordSessionClosed(world.deps)(one, report, { kind: 'none' });
    expect(await over()).toEqual([]);
    await recordSessionClosed(world.deps)(two, report, { kind: 'none' });
    expect(await over()).toEqual([[world.thread, { kind: 'grant_ended', grantId: grant.id }]]);
  });

  it('is told to nobody who is gone', async () => {
    const grant = await world.grant();
    const { contractor } = world;
    await world.store.transaction((tx) => tx.persons.update(contractor.id, { ...contractor, active: false }));
    await world.traces();
    granted(await end(grant, ROOT));
    expect((await world.traces()).notices.map(([lane]) => lane)).toEqual([world.thread, world.thread]);
  });

  it('has no ender where there is none, and is Daypass’s where nobody is written down', async () => {
    const grant = await world.grant();
    const ender = (given: Grant) => world.store.transaction((tx) => enderOf(tx, given));
    expect(await ender(grant)).toBeNull();
    const end = { how: 'revoked', at: world.now, by: null, comment: null } as const;
    expect(await ender({ ...grant, end })).toEqual({ kind: 'daypass' });
  });

  it('sends its holder no files any more', async () => {
    const { contractor, reviewer } = world;
    const files = (grant: Grant, by = contractor.id) => sendFiles(world.deps)({ by, grantId: grant.id });
    const [grant, short] = [await world.grant(), await world.grant({ seconds: 60 })];
    await world.traces();
    expect(await files(grant, reviewer.id)).toEqual({ ok: false, rejection: { code: 'unknown_grant' } });
    expect(await files({ ...grant, id: grantId(9) })).toEqual({ ok: false, rejection: { code: 'unknown_grant' } });
    expect(await files(grant)).toEqual({ ok: true, value: true });
    expect(await files(grant)).toEqual({ ok: true, value: false });
    expect((await world.traces()).notices).toEqual([
      [world.dm(contractor), { kind: 'grant_files', grantId: grant.id }],
    ]);
    granted(await end(grant, ROOT));
    const at = world.now;
    world.now = world.later(60);
    const over = (when: Date) => ({ ok: false, rejection: { code: 'grant_already_ended', at: when } });
    expect(await files(grant)).toEqual(over(at));
    expect(await files(short)).toEqual(over(new Date(short.terms.notAfter)));
  });
});
