import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Door, isDrawn, Members, toGo, type Waiting } from '../../../../src/gateway/door/door.ts';
import {
  DEFAULT_DOOR,
  type DoorLimits,
  FAVOURED_MAX,
  STEPS,
  type Step,
  WAITING_OF_KEY_MAX,
} from '../../../../src/gateway/limits.ts';
import { seeded } from '../../../support/samples/mutations.ts';

const SMALL: DoorLimits = {
  ...DEFAULT_DOOR,
  beforeKex: { start: 4, rate: 0, full: 4 },
  afterKex: { start: 2, rate: 0, full: 2 },
  ...{ afterOffer: 3, perAddress: 3 },
};
const first = (): number => 0;
const fraction = (seed: number): (() => number) => {
  const random = seeded(seed);
  return () => random(2 ** 30) / 2 ** 30;
};

const waiting = (id: number, source: string, step: Step, since: number): Waiting => ({
  ...{ id, source, step, since, arrivedAt: since, key: null },
  pool: step === 'silent' || step === 'spoke' ? 'beforeKex' : 'afterKex',
});

const members = (all: readonly Waiting[]): Members => {
  const made = new Members();
  for (const each of all) made.add(each);
  return made;
};

describe('a newcomer costs somebody the place', () => {
  it.each([
    [10, 0.99, false],
    [11, 0.3, true],
    [11, 0.5, false],
    [55, 0.64, true],
    [55, 0.66, false],
    [100, 0.999, true],
    [101, 0.999, true],
  ])('as sshd has it for MaxStartups 10:30:100: of %i, lot %d: %s', (count, lot, expected) => {
    expect(isDrawn(count, { start: 10, rate: 30, full: 100 }, () => lot)).toBe(expected);
  });

  const now = 100_000;
  const rules = { limits: SMALL, now, random: first, isFavoured: (source: string) => source === 'office' };
  const full = { start: 0, rate: 0, full: 0 };
  it.each<[string, Waiting[], number]>([
    ['the silent before one that speaks', [waiting(1, 'a', 'spoke', now), waiting(2, 'b', 'silent', now)], 2],
    ['one that has been silent for long', [waiting(1, 'a', 'silent', now), waiting(2, 'b', 'silent', now - 2_000)], 2],
    [
      'never one of a favoured address while there is another',
      [waiting(1, 'office', 'silent', 0), waiting(2, 'a', 'spoke', now)],
      2,
    ],
    [
      'one that has keys and offers none, before one that had no room',
      [waiting(1, 'a', 'offer', now), waiting(2, 'b', 'kex', now)],
      2,
    ],
    ['one of a favoured address where there is no other', [waiting(7, 'office', 'silent', 0)], 7],
  ])('and it is %s', (_what, pool, expected) => {
    expect(toGo(members(pool), 'c', full, rules)?.who.id).toBe(expected);
  });

  it('and of those that the lot picks it is one of the address with the most', () => {
    const pool = [waiting(1, 'person', 'silent', now), ...[2, 3, 4].map((id) => waiting(id, 'flood', 'silent', now))];
    expect(toGo(members(pool), 'c', full, rules)?.who.source).toBe('flood');
  });

  it('and where its address has too many, one of the same address goes, favoured or not', () => {
    const pool = [1, 2, 3, 4].map((id) => waiting(id, 'office', id === 3 ? 'silent' : 'spoke', now));
    const none = { start: 100, rate: 0, full: 100 };
    expect(toGo(members(pool), 'office', none, rules)).toEqual({ who: pool[2], why: 'address_limit' });
    expect(toGo(members(pool.slice(1)), 'office', none, rules)).toBeNull();
  });
});

describe('the pools', () => {
  const arrive = (door: Door, source: string, steps: readonly Step[] = [], key: string | null = null): number => {
    const { who } = door.arrive(source, 0);
    for (const step of steps) door.reach(who.id, step, 0, key);
    return who.id;
  };
  const OFFER: readonly Step[] = ['spoke', 'kex', 'offer'];

  it('a connection goes on to the next, and back to none', () => {
    const door = new Door(SMALL, first);
    const id = arrive(door, 'a', ['spoke', 'kex']);
    expect([door.count('beforeKex'), door.count('afterKex')]).toEqual([0, 1]);
    door.reach(id, 'offer', 0, 'key');
    door.reach(id, 'kex', 0);
    door.reach(id, 'silent', 0);
    expect([door.count('afterKex'), door.count('afterOffer')]).toEqual([0, 1]);
    door.leave(id);
    expect(door.size).toBe(0);
  });

  it('what arrives costs nobody of a later one the place', () => {
    const door = new Door(SMALL, first);
    const offered = ['a', 'b', 'c'].map((source) => arrive(door, source, OFFER, source));
    const leaving = Array.from({ length: 50 }, (_, n) => door.arrive(`flood-${n}`, 0).leaving?.who.id);
    expect(leaving.filter((id) => id !== undefined && offered.includes(id))).toEqual([]);
    expect(door.count('beforeKex')).toBe(4);
    for (let n = 0; n < 50; n += 1) arrive(door, `flood-${n}`, ['spoke', 'kex']);
    expect([door.count('afterKex'), door.count('afterOffer')]).toEqual([2, 3]);
  });

  it('who finds the last one full waits before it, and gets the place of one that leaves', () => {
    const door = new Door(SMALL, first);
    const [one = -1] = ['a', 'b', 'c'].map((source) => arrive(door, source, OFFER, source));
    arrive(door, 'd', OFFER, 'd');
    expect([door.count('afterKex'), door.count('afterOffer')]).toEqual([1, 3]);
    door.leave(one);
    expect([door.count('afterKex'), door.count('afterOffer')]).toEqual([0, 3]);
  });

  it('one address fills no pool, and neither does one key', () => {
    const door = new Door({ ...DEFAULT_DOOR, perAddress: 100 }, first);
    for (let n = 0; n < 101; n += 1) arrive(door, 'office', OFFER, `key-${n}`);
    expect([door.count('afterKex'), door.count('afterOffer')]).toEqual([1, 100]);
    for (let n = 0; n < 160; n += 1) arrive(door, `bot-${n}`, OFFER, 'seen before');
    expect(door.count('afterOffer')).toBe(100 + WAITING_OF_KEY_MAX);
  });

  it.each<[readonly Step[], number, string]>([
    [[], 30_000, 'kex_timeout'],
    [['spoke'], 30_000, 'kex_timeout'],
    [['spoke', 'kex'], 60_000, 'offer_timeout'],
    [OFFER, 120_000, 'login_timeout'],
  ])('each has a time of its own: after %j it is %i ms', (steps, ms, why) => {
    const door = new Door(DEFAULT_DOOR, first);
    const id = arrive(door, 'a', steps);
    expect(door.late(ms - 1)).toEqual([]);
    expect(door.late(ms)).toMatchObject([{ who: { id }, why }]);
    expect(door.size).toBe(0);
  });

  it('an address is favoured for a time, and so many of them', () => {
    const door = new Door(DEFAULT_DOOR, first);
    door.favour('a', 0);
    expect([door.isFavoured('a', 1), door.isFavoured('a', DEFAULT_DOOR.favouredMs), door.isFavoured('b', 1)]).toEqual([
      ...[true, false, false],
    ]);
    for (let n = 0; n < FAVOURED_MAX; n += 1) door.favour(`b-${n}`, 1);
    expect([door.isFavoured('a', 1), door.isFavoured('b-0', 1)]).toEqual([false, true]);
  });

  it('hold their limits whatever happens, and keep whoever has come further', () => {
    const event = fc.record({
      what: fc.constantFrom('arrive', 'step', 'leave', 'favour', 'late'),
      who: fc.nat(40),
      step: fc.constantFrom(...STEPS),
      source: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      ms: fc.nat(20_000),
    });
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), fc.nat(), (events, seed) => {
        const door = new Door(SMALL, fraction(seed));
        const inside = new Map<number, Step>();
        let now = 0;
        for (const { what, who, step, source, ms } of events) {
          now += ms;
          let leaving = null;
          let entered: Step = 'silent';
          if (what === 'arrive') {
            const arrived = door.arrive(source, now);
            inside.set(arrived.who.id, 'silent');
            leaving = arrived.leaving;
          } else if (what === 'step' && inside.has(who)) {
            leaving = door.reach(who, step, now, source);
            entered = step;
            if (STEPS.indexOf(step) > STEPS.indexOf(inside.get(who) ?? 'silent')) inside.set(who, step);
          } else if (what === 'leave') {
            door.leave(who);
            inside.delete(who);
          } else if (what === 'favour') door.favour(source, now);
          else if (what === 'late') for (const each of door.late(now)) inside.delete(each.who.id);
          if (leaving) {
            const isEarly = entered === 'silent' || entered === 'spoke';
            expect(leaving.who.pool).toBe(isEarly ? 'beforeKex' : 'afterKex');
            inside.delete(leaving.who.id);
          }
          expect(door.size).toBe(inside.size);
          expect(door.count('beforeKex')).toBeLessThanOrEqual(4);
          expect(door.count('afterKex')).toBeLessThanOrEqual(2);
          expect(door.count('afterOffer')).toBeLessThanOrEqual(3);
        }
      }),
    );
  });
});

describe('in a flood', () => {
  type Flood = { readonly perSecond: number; readonly sources: number; readonly steps: readonly Step[] };
  type Login = { readonly source: string; readonly kexMs: number; readonly askMs: number; readonly typeMs: number };

  /** How many of some logins, one every 300 ms once the flood has lasted 14 seconds, get in. */
  function getIn(flood: Flood, logins: readonly Login[], favoured: readonly string[] = []): number {
    const door = new Door(DEFAULT_DOOR, fraction(1));
    for (const source of favoured) door.favour(source, 0);
    const plan: (readonly [number, () => void])[] = [];
    const out = new Set<number>();
    const leave = (leaving: { readonly who: Waiting } | null): void => void (leaving && out.add(leaving.who.id));
    let entered = 0;
    const connect = (at: number, source: string, steps: readonly (readonly [Step | 'in', number])[]): void => {
      let id = -1;
      const arrive = (): void => {
        const { who, leaving } = door.arrive(source, at);
        id = who.id;
        leave(leaving);
      };
      plan.push([at, arrive]);
      for (const [step, after] of steps) {
        const reach = (): void => {
          if (out.has(id)) return;
          if (step !== 'in') return void leave(door.reach(id, step, at + after, source));
          door.leave(id);
          entered += 1;
        };
        plan.push([at + after, reach]);
      }
    };
    for (let n = 0; n < flood.perSecond * 32; n += 1) {
      const steps = flood.steps.map((step, index) => [step, 10 * (index + 1)] as const);
      connect((n * 1_000) / flood.perSecond, `flood-${n % flood.sources}`, steps);
    }
    for (const [n, { source, kexMs, askMs, typeMs }] of logins.entries()) {
      const offerMs = kexMs + askMs;
      const steps = [
        ['spoke', 5],
        ['kex', kexMs],
        ['offer', offerMs],
        ['in', offerMs + typeMs],
      ] as const;
      connect(14_000 + 300 * n, source, steps);
    }
    for (let at = 0; at < 50_000; at += 250) plan.push([at, () => door.late(at).forEach(leave)]);
    for (const [, happen] of plan.sort(([a], [b]) => a - b)) happen();
    return entered;
  }

  const people = (kexMs: number, askMs: number, source = (n: number) => `person-${n}`): Login[] =>
    Array.from({ length: 20 }, (_, n) => ({ source: source(n), kexMs, askMs, typeMs: 6_000 }));

  it.each<[string, Flood, Login[], readonly string[]]>([
    ['100 silent a second from 200 addresses', { perSecond: 100, sources: 200, steps: [] }, people(100, 50), []],
    ['200 a second, with 100 ms of round trip', { perSecond: 200, sources: 200, steps: [] }, people(500, 300), []],
    ['200 a second that say their version', { perSecond: 200, sources: 200, steps: ['spoke'] }, people(500, 300), []],
    [
      '200 a second, and everybody behind the same address as a fifth of it',
      { perSecond: 200, sources: 5, steps: [] },
      people(500, 300, () => 'flood-0'),
      [],
    ],
    [
      '100 a second from anywhere that exchange keys, and the people have logged in before',
      { perSecond: 100, sources: 6_000, steps: ['spoke', 'kex'] },
      people(100, 50),
      people(100, 50).map(({ source }) => source),
    ],
  ])('of %s, 20 of 20 get in who take six seconds for a passphrase', (_what, flood, logins, favoured) => {
    expect(getIn(flood, logins, favoured)).toBe(20);
  });

  it('of the oldest nobody goes for being it: one that reads a host key for 20 seconds stays', () => {
    const reading = Array.from({ length: 20 }, (_, n) => ({
      source: `person-${n}`,
      kexMs: 12_000,
      askMs: 50,
      typeMs: 0,
    }));
    expect(getIn({ perSecond: 100, sources: 200, steps: [] }, reading)).toBe(20);
  });
});
