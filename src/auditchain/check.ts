import type { AuditHead } from '../access/audit-head.ts';
import { Earlier, EarlierEvents, type EventContent, eventHash, NO_EVENT } from './event.ts';
import { type AskedHead, Heads, type HeadVerdict } from './heads.ts';

/** An event as it was found; both hashes are null in events from before the chain. */
export type ReadEvent = EventContent & { readonly prev: string | null; readonly hash: string | null };
/** What is in the place of one; its number is null where it has none. */
export type Unreadable = { readonly id: number | null; readonly hash: string | null; readonly why: string };

export type ChainProblem = {
  /** Of the first event that is wrong. */
  readonly number: number;
  readonly how:
    | 'edited'
    /** By another event with hashes of its own. */
    | 'replaced'
    | 'missing'
    | 'misplaced'
    | 'added'
    | 'unreadable'
    /** The events before the chain are not those that it began after. */
    | 'earlier'
    /** Only a head from elsewhere shows it. */
    | 'rewritten'
    | 'unchecked';
  readonly why: string;
};

export type ChainVerdict = {
  /** Those of the chain. */
  readonly events: number;
  readonly first: number | null;
  /** Who keeps it elsewhere can see later whether anything up to it was rewritten. */
  readonly last: AuditHead | null;
  /** The events from before the chain; null where there are none. */
  readonly earlier: { readonly events: number; readonly isChecked: boolean } | null;
  readonly heads: readonly HeadVerdict[];
  /** By number. */
  readonly problems: readonly ChainProblem[];
  readonly holds: boolean;
};

const PROBLEMS_MAX = 100;
/** A crash lets some lines be written twice: a file may go back by so many events. */
const REPEATED_MAX = 10_000;

/**
 * Walks an audit log in its order, and says of every event that cannot be believed why. The database has each event once, from the first
 * on. A file of the events stream may have lines twice, and may begin where a head that was kept says how the log went on.
 */
export class ChainCheck {
  readonly #isDatabase: boolean;
  readonly #heads: Heads;
  readonly #problems: ChainProblem[] = [];
  readonly #earlier = new EarlierEvents();
  readonly #recent = new Map<number, string>();
  #number = 0;
  /** What the next event has to follow; null where nothing can be said of it. */
  #prev: string | null = NO_EVENT;
  #hasBegun = false;
  #events = 0;
  #first: number | null = null;
  #last: AuditHead | null = null;
  #before: ChainVerdict['earlier'] = null;

  constructor(source: 'database' | 'file', heads: readonly AskedHead[]) {
    this.#isDatabase = source === 'database';
    this.#heads = new Heads(heads);
  }

  get number(): number {
    return this.#number;
  }

  take(found: ReadEvent | Unreadable): void {
    if ('why' in found) {
      this.#takeUnreadable(found);
      return;
    }
    const { id, prev, hash } = found;
    const own = hashOrNull(found, prev ?? NO_EVENT);
    if (own === null) this.#takeUnreadable({ id, hash, why: 'it is not JSON that can be hashed' });
    else if (prev === null || hash === null) this.#takeWithoutHash(found, own);
    else this.#takeChained(found, { prev, hash, isOwn: own === hash });
  }

  /** `written` is what the database has as its last event; left out for a file. */
  end(written?: AuditHead | null): ChainVerdict {
    if (written !== undefined) this.#compareEnd(written);
    const problems = [...this.#problems, ...this.#heads.problems(this.#number)].sort((a, b) => a.number - b.number);
    return {
      ...{ events: this.#events, first: this.#first, last: this.#last, earlier: this.#before },
      ...{ heads: this.#heads.verdicts(this.#number), problems, holds: problems.length === 0 },
    };
  }

  #compareEnd(written: AuditHead | null): void {
    const counted = written?.number ?? 0;
    if (counted < this.#number) this.#note(counted + 1, 'added', `for the database, event ${counted} is the last one`);
    else if (counted > this.#number) this.#note(this.#number + 1, 'missing', `the last event was ${counted}`);
    else if (this.#last && written && this.#last.hash !== written.hash)
      this.#note(counted, 'replaced', 'the database has another hash for its last event');
  }

  #note(number: number, how: ChainProblem['how'], why: string): void {
    if (this.#problems.length < PROBLEMS_MAX) this.#problems.push({ number, how, why });
  }

  #takeUnreadable({ id, hash, why }: Unreadable): void {
    if (id === null) {
      this.#note(this.#number + 1, 'unreadable', why);
      return;
    }
    this.#hasBegun = true;
    if (!this.#isNext(id, null)) return;
    this.#note(id, 'unreadable', why);
    this.#advance(id, hash, false);
  }

  #takeWithoutHash(event: ReadEvent, own: string): void {
    const { id } = event;
    if (!this.#hasBegun && id > this.#number) {
      // Numbers of earlier versions have gaps.
      this.#earlier.add(event);
      this.#number = id;
      this.#remember(id, own);
    } else if (this.#isNext(id, own)) {
      this.#note(id, 'edited', 'its hash was removed');
      this.#advance(id, null, false);
    }
  }

  #takeChained(event: ReadEvent, { prev, hash, isOwn }: { prev: string; hash: string; isOwn: boolean }): void {
    const { id } = event;
    if (!this.#hasBegun) this.#begin(event, prev);
    if (!this.#isNext(id, isOwn ? hash : null)) return;
    if (!isOwn) this.#note(id, 'edited', 'its hash is not that of what it says');
    else if (this.#prev !== null && prev !== this.#prev) {
      if (id === 1) this.#note(1, 'replaced', 'it was written as if there were an event before it');
      else this.#note(id - 1, 'replaced', `event ${id} was written after another event ${id - 1}`);
    }
    this.#advance(id, hash, isOwn);
  }

  #begin(event: ReadEvent, prev: string): void {
    this.#hasBegun = true;
    const found = this.#earlier.sum;
    const claimed =
      event.type === 'audit_chain_begun' && prev === NO_EVENT ? Earlier.safeParse(event.facts).data : null;
    if (claimed) {
      this.#number = event.id - 1;
      const isChecked = claimed.events === found.events && claimed.digest === found.digest;
      this.#before = { events: claimed.events, isChecked };
      if (isChecked || (found.events === 0 && !this.#isDatabase)) return;
      const why = `it was written after ${claimed.events} other events than the ${found.events} that are before it now`;
      this.#note(event.id, 'earlier', why);
    } else if (found.events > 0) {
      this.#note(this.#number + 1, 'missing', 'the first event of the chain is not here');
      this.#number = event.id - 1;
      this.#prev = null;
    } else if (!this.#isDatabase && this.#heads.has(event.id - 1)) {
      this.#heads.see(event.id - 1, prev);
      this.#number = event.id - 1;
      this.#prev = prev;
    }
  }

  /** Whether an event goes on from the one before it; what is missing in between, and what is out of its place, is noted. */
  #isNext(id: number, hash: string | null): boolean {
    if (id <= this.#number) {
      const isRepeated = !this.#isDatabase && hash !== null && this.#recent.get(id) === hash;
      if (!isRepeated) this.#note(id, 'misplaced', `it stands behind event ${this.#number}`);
      return false;
    }
    const next = this.#number + 1;
    if (id === next) return true;
    this.#note(next, 'missing', `event ${id} stands where event ${next} belongs`);
    this.#prev = null;
    return true;
  }

  #advance(id: number, hash: string | null, isOwn: boolean): void {
    this.#number = id;
    this.#prev = isOwn ? hash : null;
    this.#events += 1;
    this.#first ??= id;
    this.#last = hash === null ? null : { number: id, hash };
    this.#heads.see(id, isOwn ? hash : null);
    if (hash !== null) this.#remember(id, hash);
  }

  #remember(id: number, hash: string): void {
    if (this.#isDatabase) return;
    this.#recent.set(id, hash);
    const [oldest] = this.#recent.keys();
    if (this.#recent.size > REPEATED_MAX && oldest !== undefined) this.#recent.delete(oldest);
  }
}

function hashOrNull(event: ReadEvent, prev: string): string | null {
  try {
    return eventHash(event, prev);
  } catch {
    return null;
  }
}
