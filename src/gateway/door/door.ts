import {
  type DoorLimits,
  DRAWS,
  FAVOURED_MAX,
  IDLE_MS,
  STEPS,
  type Startups,
  type Step,
  WAITING_OF_KEY_MAX,
} from '../limits.ts';

/**
 * Who may wait at the gateway before anybody is known. Three pools: before the key exchange, after it, and after an offer that could
 * succeed, where people type a passphrase or touch a key. Room for one pool is made in that pool and in no later one. Nothing here
 * reads a clock or draws lots by itself.
 */

type Pool = 'beforeKex' | 'afterKex' | 'afterOffer';

export type Waiting = {
  readonly id: number;
  /** An IPv4 address or an IPv6 prefix. */
  readonly source: string;
  readonly arrivedAt: number;
  step: Step;
  /** Since when it is at this step. */
  since: number;
  pool: Pool;
  /** The key of its offer. */
  key: string | null;
};

export type Leaving = {
  readonly who: Waiting;
  readonly why: 'pool_full' | 'address_limit' | 'kex_timeout' | 'offer_timeout' | 'login_timeout';
};

type Random = () => number;
type Rules = {
  readonly limits: DoorLimits;
  readonly now: number;
  /** From 0 to below 1. */
  readonly random: Random;
  readonly isFavoured: (source: string) => boolean;
};

/** One pool, as its members came, and those of each source. */
export class Members {
  readonly #all: Waiting[] = [];
  readonly #places = new Map<Waiting, number>();
  readonly #bySource = new Map<string, Set<Waiting>>();

  get all(): readonly Waiting[] {
    return this.#all;
  }

  of(source: string): ReadonlySet<Waiting> {
    return this.#bySource.get(source) ?? new Set();
  }

  add(who: Waiting): void {
    this.#places.set(who, this.#all.push(who) - 1);
    const ofSource = this.#bySource.get(who.source);
    if (ofSource) ofSource.add(who);
    else this.#bySource.set(who.source, new Set([who]));
  }

  /** The last takes its place: to leave costs the same in a large pool as in a small one. */
  delete(who: Waiting): void {
    const place = this.#places.get(who);
    const last = this.#all.at(-1);
    if (place === undefined || !last) return;
    this.#all[place] = last;
    this.#places.set(last, place);
    this.#all.pop();
    this.#places.delete(who);
    const ofSource = this.#bySource.get(who.source);
    ofSource?.delete(who);
    if (ofSource?.size === 0) this.#bySource.delete(who.source);
  }
}

/** Who of a pool has to go now that one more of `source` is in it; null where nobody has to. */
export function toGo(pool: Members, source: string, startups: Startups, rules: Rules): Leaving | null {
  const { limits, random, isFavoured } = rules;
  if (pool.of(source).size > limits.perAddress) {
    return { who: leastLoss(drawn([...pool.of(source)], random), pool, rules), why: 'address_limit' };
  }
  if (!isDrawn(pool.all.length, startups, random)) return null;
  const isOther = (each: Waiting): boolean => !isFavoured(each.source);
  const lots = drawn(pool.all, random);
  const tries = [() => lots.filter(isOther), () => drawn(pool.all.filter(isOther), random), () => lots];
  for (const among of tries) {
    const candidates = among();
    if (candidates.length > 0) return { who: leastLoss(candidates, pool, rules), why: 'pool_full' };
  }
  return null;
}

/** Some by lot, or all where they are few, from anywhere on. */
function drawn(from: readonly Waiting[], random: Random): Waiting[] {
  const one = (): number => Math.floor(random() * from.length);
  if (from.length > DRAWS) return Array.from({ length: DRAWS }, () => from[one()] as Waiting);
  const begin = one();
  return [...from.slice(begin), ...from.slice(0, begin)];
}

/** Whether one more costs somebody the place: never up to `start`, always above `full`, and in between as sshd's drop_connection. */
export function isDrawn(waiting: number, { start, rate, full }: Startups, random: Random): boolean {
  if (waiting <= start) return false;
  if (waiting > full) return true;
  return random() < rate / 100 + ((1 - rate / 100) * (waiting - start)) / (full - start);
}

/**
 * Of those that the lot picked: who has done less and has done nothing for long; among equals one from the address with the most
 * waiting, as a person among many addresses has one. Chance comes first, so that a newcomer is not always the one who has done least.
 */
function leastLoss(lots: readonly Waiting[], pool: Members, { now }: Rules): Waiting {
  const worth = ({ step, since }: Waiting): number =>
    (step === 'spoke' || step === 'offer' ? 1 : 0) + (now - since > IDLE_MS[step] ? 0 : 1);
  return lots.reduce((leaving, each) => {
    const less = worth(each) - worth(leaving) || pool.of(leaving.source).size - pool.of(each.source).size;
    return less < 0 ? each : leaving;
  });
}

/** The pools, and the addresses that somebody has logged in from. */
export class Door {
  readonly #limits: DoorLimits;
  readonly #random: Random;
  readonly #waiting = new Map<number, Waiting>();
  readonly #pools: Readonly<Record<Pool, Members>> = {
    beforeKex: new Members(),
    afterKex: new Members(),
    afterOffer: new Members(),
  };
  /** Until when, the longest known first. */
  readonly #favoured = new Map<string, number>();
  #next = 0;

  constructor(limits: DoorLimits, random: Random) {
    this.#limits = limits;
    this.#random = random;
  }

  get size(): number {
    return this.#waiting.size;
  }

  count(pool: Pool): number {
    return this.#pools[pool].all.length;
  }

  /** A connection was accepted; the one that leaves for it may be itself. */
  arrive(source: string, now: number): { readonly who: Waiting; readonly leaving: Leaving | null } {
    const id = this.#next++;
    const who: Waiting = {
      ...{ id, source, arrivedAt: now, since: now },
      ...{ step: 'silent', pool: 'beforeKex', key: null },
    };
    this.#waiting.set(id, who);
    this.#pools.beforeKex.add(who);
    return { who, leaving: this.#makeRoom(who, now) };
  }

  /** It has come further. One that is not known, or was further already, changes nothing. */
  reach(id: number, step: Step, now: number, key: string | null = null): Leaving | null {
    const who = this.#waiting.get(id);
    if (!who || STEPS.indexOf(step) <= STEPS.indexOf(who.step)) return null;
    who.step = step;
    who.since = now;
    who.key = key;
    const before = who.pool;
    if (step === 'spoke') return null;
    this.#move(who, step === 'offer' && this.#mayWaitOn(who) ? 'afterOffer' : 'afterKex');
    return before === 'beforeKex' && who.pool === 'afterKex' ? this.#makeRoom(who, now) : null;
  }

  /** It is in, or has gone. */
  leave(id: number): void {
    const who = this.#waiting.get(id);
    if (!who) return;
    this.#waiting.delete(id);
    this.#pools[who.pool].delete(who);
    if (who.pool !== 'afterOffer') return;
    const next = this.#pools.afterKex.all.find((each) => each.step === 'offer' && this.#mayWaitOn(each));
    if (next) this.#move(next, 'afterOffer');
  }

  /** Somebody has logged in from there. */
  favour(source: string, now: number): void {
    this.#favoured.delete(source);
    this.#favoured.set(source, now + this.#limits.favouredMs);
    const [oldest] = this.#favoured.keys();
    if (this.#favoured.size > FAVOURED_MAX && oldest !== undefined) this.#favoured.delete(oldest);
  }

  isFavoured(source: string, now: number): boolean {
    return (this.#favoured.get(source) ?? Number.NEGATIVE_INFINITY) > now;
  }

  /** Those whose time is over leave. */
  late(now: number): readonly Leaving[] {
    const { kexMs, offerMs, loginMs } = this.#limits;
    const over = {
      silent: { ms: kexMs, why: 'kex_timeout' },
      spoke: { ms: kexMs, why: 'kex_timeout' },
      kex: { ms: Math.min(offerMs, loginMs), why: 'offer_timeout' },
      offer: { ms: loginMs, why: 'login_timeout' },
    } as const;
    const leaving = [...this.#waiting.values()].filter((each) => now - each.arrivedAt >= over[each.step].ms);
    for (const { id } of leaving) this.leave(id);
    return leaving.map((who) => ({ who, why: over[who.step].why }));
  }

  #move(who: Waiting, pool: Pool): void {
    this.#pools[who.pool].delete(who);
    who.pool = pool;
    this.#pools[pool].add(who);
  }

  #makeRoom({ pool, source }: Waiting, now: number): Leaving | null {
    const startups = pool === 'beforeKex' ? this.#limits.beforeKex : this.#limits.afterKex;
    const leaving = toGo(this.#pools[pool], source, startups, {
      ...{ limits: this.#limits, now, random: this.#random },
      isFavoured: (each) => this.isFavoured(each, now),
    });
    if (leaving) this.leave(leaving.who.id);
    return leaving;
  }

  /** Keys and certificates are no secret: who has seen one may offer it often, and shall not fill the place of the others. */
  #mayWaitOn(who: Waiting): boolean {
    const there = this.#pools.afterOffer;
    return (
      there.all.length < this.#limits.afterOffer &&
      there.of(who.source).size < this.#limits.perAddress &&
      there.all.filter(({ key }) => key === who.key).length < WAITING_OF_KEY_MAX
    );
  }
}
