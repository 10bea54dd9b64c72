import type { AuditHead } from '../access/audit-head.ts';
import type { ChainProblem } from './check.ts';

/** A head that somebody kept. Its hash may be the beginning of one; `from` says where it was kept. */
export type AskedHead = AuditHead & { readonly from: string };
/** Null where the event is not there to compare with. */
export type HeadVerdict = AskedHead & { readonly holds: boolean | null };

/** Heads from elsewhere, held against the events that pass. */
export class Heads {
  readonly #asked: readonly AskedHead[];
  readonly #found = new Map<number, string | null>();

  constructor(asked: readonly AskedHead[]) {
    this.#asked = asked.toSorted((a, b) => a.number - b.number);
  }

  has(number: number): boolean {
    return this.#asked.some((each) => each.number === number);
  }

  /** `hash` is null for an event that is no longer what it was. */
  see(number: number, hash: string | null): void {
    if (this.has(number)) this.#found.set(number, hash);
  }

  /** Of a log that ends with event `last`. */
  verdicts(last: number): readonly HeadVerdict[] {
    return this.#asked.map((each) => ({ ...each, holds: this.#holds(each, last) }));
  }

  #holds({ number, hash }: AuditHead, last: number): boolean | null {
    const found = this.#found.get(number);
    if (found === undefined) return number > last ? false : null;
    return found?.startsWith(hash) ?? false;
  }

  /** What the walk itself cannot see: a log that ends before a head, or that was written anew before it. */
  problems(last: number): readonly ChainProblem[] {
    const problems: ChainProblem[] = [];
    let good = 0;
    for (const { number, from, holds } of this.verdicts(last)) {
      if (holds) good = number;
      else if (number > last) {
        const why = `the log ends with event ${last}, but ${from} is of event ${number}`;
        problems.push({ number: last + 1, how: 'missing', why });
      } else if (holds === null) {
        problems.push({
          number,
          how: 'unchecked',
          why: `this event is not here, so ${from} cannot be compared with it`,
        });
      } else if (this.#found.get(number)) {
        const what =
          good + 1 === number ? `event ${number} is` : `one or more of the events ${good + 1} to ${number} are`;
        problems.push({ number: good + 1, how: 'rewritten', why: `${what} not what was there when ${from} was kept` });
      }
    }
    return problems;
  }
}
