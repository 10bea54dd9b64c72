import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { expiresAt, type Grant } from '../../../../src/access/grant.ts';
import { endGrant } from '../../../../src/use-cases/grants/end-grant.ts';
import { noteExpiredGrants } from '../../../../src/use-cases/grants/expire-grants.ts';
import { tellBeforeEnd } from '../../../../src/use-cases/grants/tell-before-end.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';

const ROOT = { account: 'root' };

describe('before access ends', () => {
  let world: GrantedWorld;
  let grant: Grant;
  beforeEach(async () => {
    world = await GrantedWorld.open();
    grant = await world.grant({ seconds: 4 * 3_600 });
    await world.traces();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  /** A control of its own: it remembers nothing of what others told. */
  const control = () => tellBeforeEnd(world.deps);
  const at = (minutesLeft: number, of = grant): void => {
    world.now = new Date(expiresAt(of).getTime() - minutesLeft * 60_000);
  };
  const notices = async () => (await world.traces()).notices;
  /** What waited has reached Slack: of a line that changes, another change is a message of its own. */
  const delivered = () => world.store.sql("update outbox set status = 'delivered'");
  const told = (minutes: number, of = grant) => [
    [world.dm(world.contractor), { kind: 'grant_ending', grantId: of.id, minutes }],
    [world.thread, { kind: 'grant_ending_line', grantId: of.id }],
  ];
  const changed = (minutes: number, of = grant) => [
    world.dm(world.contractor),
    { kind: 'grant_ending_changed', grantId: of.id, minutes },
  ];

  it('its holder is told at each time, in a message, and the thread in its line', async () => {
    const tell = control();
    for (const [left, due] of [
      [61, []],
      [60, told(60)],
      [30, []],
      [15, told(15)],
      [14.9, []],
      [5, told(5)],
      [0.1, []],
      [0, []],
    ] as const) {
      at(left);
      expect(await tell()).toBe(due.length / 2);
      expect(await notices()).toEqual(due);
      await delivered();
    }
  });

  it('nobody is told twice: not by two controls at once, nor after a restart or where the clock is set back', async () => {
    at(15);
    const both = await Promise.all([control()(), control()()]);
    expect(both.toSorted()).toEqual([0, 1]);
    expect(await notices()).toEqual(told(15));
    expect(await control()()).toBe(0);
    const tell = control();
    await tell();
    at(20);
    await tell();
    at(15);
    await tell();
    await control()();
    expect((await notices()).filter(([, notice]) => 'minutes' in notice && notice.minutes === 15)).toEqual([]);
  });

  it('what was missed is not told late where the next is due', async () => {
    at(4);
    expect(await control()()).toBe(1);
    expect(await notices()).toEqual(told(5));
  });

  it('nobody is told of access that is over, goes on, or was somebody’s who is gone', async () => {
    const other = await world.grant({ seconds: 40 * 60, scope: 'files-rw' });
    const long = grant;
    grant = await world.grant({ seconds: 40 * 60 });
    const end = async ({ id }: Grant) =>
      granted(await endGrant(world.deps)({ by: ROOT, grantId: id, comment: null, isSecurity: false }));
    await end(other);
    at(10);
    await notices();
    // The one from before lasts for hours.
    expect(await control()()).toBe(0);
    await end(long);
    await delivered();
    await notices();
    const { contractor, store } = world;
    const active = (is: boolean) =>
      store.transaction((tx) => tx.persons.update(contractor.id, { ...contractor, active: is }));
    await active(false);
    expect(await control()()).toBe(0);
    await active(true);
    expect(await control()()).toBe(1);
    expect(await notices()).toEqual(told(15));
  });

  it('what was said of an end is said anew once there is more time, once there is less, and once it is over', async () => {
    granted(await endGrant(world.deps)({ by: ROOT, grantId: grant.id, comment: null, isSecurity: false }));
    grant = await world.grant({ seconds: 40 * 60 });
    at(14);
    expect(await control()()).toBe(1);
    await notices();
    const line = [world.thread, { kind: 'grant_ending_line', grantId: grant.id }];
    const renewed = async () => {
      await delivered();
      return (await notices()).filter(
        ([, notice]) => 'kind' in notice && String(notice.kind).startsWith('grant_ending'),
      );
    };
    await delivered();
    const longer = await world.grant({ seconds: 3_600 });
    expect(await renewed()).toEqual([line, changed(15)]);
    granted(await endGrant(world.deps)({ by: ROOT, grantId: longer.id, comment: null, isSecurity: false }));
    expect(await renewed()).toEqual([line, changed(15)]);
    at(0);
    expect(await noteExpiredGrants({ ...world.deps, elapsedMs: () => 0 })()).toBe(1);
    expect(await renewed()).toEqual([line, changed(15), changed(5)]);
  });
});
