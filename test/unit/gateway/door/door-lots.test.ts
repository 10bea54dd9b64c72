import { describe, expect, it } from 'vitest';
import { Door, isDrawn, Members, toGo, type Waiting } from '../../../../src/gateway/door/door.ts';
import { DEFAULT_DOOR, DRAWS, FAVOURED_MAX, IDLE_MS, STEPS, type Step } from '../../../../src/gateway/limits.ts';

const NOW = 100_000;
const FULL = { start: 0, rate: 0, full: 0 };

const waiting = (id: number, source: string, step: Step = 'silent', since = NOW): Waiting => ({
  ...{ id, source, step, since, arrivedAt: since, key: null, pool: 'beforeKex' },
});
const members = (all: readonly Waiting[]): Members => {
  const made = new Members();
  for (const each of all) made.add(each);
  return made;
};
/** Who of them goes, where the lot is this. */
const goes = (all: readonly Waiting[], lot = 0, favoured: readonly string[] = []) => {
  const isFavoured = (source: string): boolean => favoured.includes(source);
  return toGo(members(all), 'new', FULL, { limits: DEFAULT_DOOR, now: NOW, random: () => lot, isFavoured });
};

describe('the members of a pool', () => {
  const [a, b, c] = [waiting(1, 'x'), waiting(2, 'y'), waiting(3, 'x')];

  it.each<[string, readonly Waiting[], readonly number[], readonly number[]]>([
    ['nobody', [], [1, 2, 3], [1, 3]],
    ['the first', [a], [3, 2], [3]],
    ['the last', [c], [1, 2], [1]],
    ['one of the middle', [b], [1, 3], [1, 3]],
    ['one twice', [a, a], [3, 2], [3]],
    ['a stranger', [waiting(1, 'x')], [1, 2, 3], [1, 3]],
    ['two', [a, c], [2], []],
    ['all', [a, b, c], [], []],
  ])('are those who came, without %s who left', (_what, left, all, ofX) => {
    const pool = members([a, b, c]);
    for (const who of left) pool.delete(who);
    expect([pool.all.map(({ id }) => id), [...pool.of('x')].map(({ id }) => id)]).toEqual([all, ofX]);
    expect(pool.of('y').size).toBe(all.includes(2) ? 1 : 0);
    expect(pool.of('z').size).toBe(0);
    pool.add(a);
    expect(pool.of('x').has(a)).toBe(true);
  });
});

describe('who has to go', () => {
  it.each([
    [{ start: 2, rate: 0, full: 4 }, 2, 0, false],
    [{ start: 2, rate: 0, full: 4 }, 3, 0.49, true],
    [{ start: 2, rate: 0, full: 4 }, 3, 0.5, false],
    [{ start: 2, rate: 50, full: 4 }, 3, 0.74, true],
    [{ start: 2, rate: 50, full: 4 }, 3, 0.75, false],
    [{ start: 2, rate: 100, full: 4 }, 3, 0.99, true],
    [{ start: 2, rate: 0, full: 4 }, 4, 0.99, true],
    [{ start: 2, rate: 0, full: 4 }, 5, 1, true],
    [{ start: 2, rate: 0, full: 2 }, 2, 0, false],
    [{ start: 2, rate: 0, full: 2 }, 3, 1, true],
  ])('under %j with %i and the lot %d: %s', (startups, count, lot, expected) => {
    expect(isDrawn(count, startups, () => lot)).toBe(expected);
  });

  it.each(STEPS)('is at the step "%s" the one who has done nothing for longer than that takes', (step) => {
    const idle = waiting(1, 'a', step, NOW - IDLE_MS[step] - 1);
    const busy = waiting(2, 'b', step, NOW - IDLE_MS[step]);
    expect([goes([idle, busy])?.who.id, goes([busy, idle])?.who.id]).toEqual([1, 1]);
  });

  it.each<[Step, Step]>([
    ['silent', 'spoke'],
    ['kex', 'offer'],
  ])('is one who has come to "%s" before one who has come to "%s"', (less, more) => {
    const [behind, ahead] = [waiting(1, 'a', less), waiting(2, 'b', more)];
    expect([goes([behind, ahead])?.who.id, goes([ahead, behind])?.who.id]).toEqual([1, 1]);
    // Both have done too little, or both enough.
    const idle = waiting(2, 'b', more, 0);
    expect([goes([behind, idle])?.who.id, goes([idle, behind])?.who.id]).toEqual([1, 2]);
  });

  it('is among equals whoever the lot begins with', () => {
    const equals = ['a', 'b', 'c', 'd'].map((source, id) => waiting(id, source));
    expect([0, 0.24, 0.25, 0.5, 0.99].map((lot) => goes(equals, lot)?.who.id)).toEqual([0, 0, 1, 2, 3]);
  });

  it('is one of the address of which most wait, wherever the lot begins', () => {
    const pool = [waiting(1, 'a'), waiting(2, 'b'), waiting(3, 'b')];
    expect([0, 0.4, 0.9].map((lot) => goes(pool, lot)?.who.id)).toEqual([2, 2, 3]);
  });

  it(`is looked for among all of ${DRAWS}, and beyond that among ${DRAWS} by lot`, () => {
    const busy = Array.from({ length: DRAWS - 1 }, (_, id) => waiting(id, `${id}`, 'spoke'));
    const silent = waiting(99, 'silent');
    expect(goes([...busy, silent])?.who.id).toBe(99);
    expect(goes([...busy, waiting(98, 'more', 'spoke'), silent])?.who.id).toBe(0);
    expect(goes([...busy, waiting(98, 'more', 'spoke'), silent], 0.999)?.who.id).toBe(99);
  });

  it('is nobody of an address that has logged in, while there is anybody else', () => {
    const office = Array.from({ length: DRAWS + 8 }, (_, id) => waiting(id, 'office'));
    const other = waiting(99, 'other', 'spoke');
    expect(goes([...office, other], 0, ['office'])).toEqual({ who: other, why: 'pool_full' });
    expect(goes(office, 0, ['office'])).toMatchObject({ who: { id: 0 }, why: 'pool_full' });
    expect(goes([], 0)).toBeNull();
  });
});

describe('at the door', () => {
  const first = (): number => 0;
  const limits = { ...DEFAULT_DOOR, afterOffer: 1, afterKex: { start: 1, rate: 0, full: 1 } };
  const at = (door: Door): number[] =>
    (['beforeKex', 'afterKex', 'afterOffer'] as const).map((pool) => door.count(pool));

  it('everybody has a number and a beginning', () => {
    const door = new Door(DEFAULT_DOOR, first);
    expect(door.arrive('a', 5)).toEqual({
      who: { id: 0, source: 'a', arrivedAt: 5, since: 5, step: 'silent', pool: 'beforeKex', key: null },
      leaving: null,
    });
    expect(door.arrive('a', 6).who).toMatchObject({ id: 1, arrivedAt: 6, since: 6 });
    expect(door.size).toBe(2);
  });

  it('each step is dated, and none is taken twice', () => {
    const door = new Door(DEFAULT_DOOR, first);
    const { who } = door.arrive('a', 0);
    door.reach(who.id, 'spoke', 1);
    expect([who.step, who.since, who.key, who.pool]).toEqual(['spoke', 1, null, 'beforeKex']);
    door.reach(who.id, 'spoke', 2);
    expect(who.since).toBe(1);
    door.reach(who.id, 'offer', 3, 'key');
    expect([who.step, who.since, who.key, who.pool]).toEqual(['offer', 3, 'key', 'afterOffer']);
    expect(door.reach(77, 'kex', 4)).toBeNull();
    expect(at(door)).toEqual([0, 0, 1]);
  });

  it('who offers while the last room is full costs nobody a place that was theirs already', () => {
    const door = new Door({ ...limits, afterKex: { start: 9, rate: 0, full: 9 } }, first);
    const [one, two] = [door.arrive('a', 0).who, door.arrive('b', 0).who];
    door.reach(one.id, 'offer', 0, 'a');
    door.reach(two.id, 'kex', 0);
    expect(door.reach(two.id, 'offer', 0, 'b')).toBeNull();
    expect(at(door)).toEqual([0, 1, 1]);
    const full = new Door({ ...limits, afterKex: { start: 0, rate: 0, full: 0 } }, first);
    const [three, four] = [full.arrive('a', 0).who, full.arrive('b', 0).who];
    full.reach(three.id, 'offer', 0, 'a');
    expect(full.reach(four.id, 'offer', 0, 'b')).toMatchObject({ who: { id: four.id }, why: 'pool_full' });
    expect(at(full)).toEqual([0, 0, 1]);
  });

  it('the lot is drawn when somebody comes into a room, and not again for an offer that finds no room behind it', () => {
    let lot = 0.99;
    const door = new Door({ ...limits, afterKex: { start: 0, rate: 0, full: 100 } }, () => lot);
    const [one, two] = [door.arrive('a', 0).who, door.arrive('b', 0).who];
    door.reach(one.id, 'offer', 0, 'a');
    door.reach(two.id, 'kex', 0);
    lot = 0;
    expect([door.reach(two.id, 'offer', 0, 'b'), at(door)]).toEqual([null, [0, 1, 1]]);
  });

  it('one whose address has logged in keeps the place before a newcomer', () => {
    for (const [favoured, leaves] of [
      [[], 0],
      [['a'], 1],
    ] as const) {
      const door = new Door({ ...DEFAULT_DOOR, beforeKex: { start: 1, rate: 0, full: 1 } }, first);
      for (const source of favoured) door.favour(source, 0);
      door.arrive('a', 0);
      expect(door.arrive('b', 0).leaving).toMatchObject({ who: { id: leaves }, why: 'pool_full' });
    }
  });

  it('a place behind the last door is for one with an offer, and for no other', () => {
    const door = new Door({ ...limits, afterKex: { start: 9, rate: 0, full: 9 } }, first);
    const [inside, exchanged, offered] = ['a', 'b', 'c'].map((source) => door.arrive(source, 0).who) as [
      ...[Waiting, Waiting, Waiting],
    ];
    door.reach(inside.id, 'offer', 0, 'a');
    door.reach(exchanged.id, 'kex', 0);
    door.reach(offered.id, 'offer', 0, 'c');
    door.leave(77);
    door.leave(inside.id);
    expect([exchanged.pool, offered.pool, at(door)]).toEqual(['afterKex', 'afterOffer', [0, 1, 1]]);
    door.leave(offered.id);
    expect(at(door)).toEqual([0, 1, 0]);
    door.leave(exchanged.id);
    expect([at(door), door.size]).toEqual([[0, 0, 0], 0]);
  });

  it('one who leaves an earlier room makes no place behind the last door', () => {
    const door = new Door({ ...limits, afterKex: { start: 9, rate: 0, full: 9 } }, first);
    const [inside, exchanged, offered] = ['a', 'b', 'c'].map((source) => door.arrive(source, 0).who.id);
    door.reach(inside ?? -1, 'offer', 0, 'a');
    door.reach(offered ?? -1, 'offer', 0, 'c');
    door.reach(exchanged ?? -1, 'kex', 0);
    door.leave(exchanged ?? -1);
    expect(at(door)).toEqual([0, 1, 1]);
  });

  it('who has logged in is favoured from the last time on', () => {
    const door = new Door(DEFAULT_DOOR, first);
    door.favour('a', 0);
    for (let n = 1; n < FAVOURED_MAX; n += 1) door.favour(`b-${n}`, 0);
    door.favour('a', 5);
    expect([
      door.isFavoured('a', DEFAULT_DOOR.favouredMs + 4),
      door.isFavoured('a', DEFAULT_DOOR.favouredMs + 5),
    ]).toEqual([...[true, false]]);
    door.favour('c', 0);
    expect(['a', 'b-1', 'b-2', 'c'].map((source) => door.isFavoured(source, 1))).toEqual([true, false, true, true]);
  });

  it.each([
    [60_000, 120_000, 60_000],
    [60_000, 40_000, 40_000],
  ])('keys are to be offered within %i ms and before the login’s %i', (offerMs, loginMs, expected) => {
    const door = new Door({ ...DEFAULT_DOOR, offerMs, loginMs }, first);
    const { who } = door.arrive('a', 5_000);
    door.reach(who.id, 'kex', 5_000);
    expect(door.late(5_000 + expected - 1)).toEqual([]);
    expect(door.late(5_000 + expected)).toEqual([{ who, why: 'offer_timeout' }]);
  });
});
