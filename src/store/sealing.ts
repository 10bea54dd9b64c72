import { sql } from 'kysely';
import type { Broken, Sealed, Seals } from '../use-cases/ports/seals.ts';
import type { Decisions, Over, Suspension } from './decisions.ts';
import type { Trx } from './tables.ts';

/** What the store asks of the file of decisions; a store that stands beside a control has none of its own. */
export type Memory = Pick<
  Decisions,
  'suspended' | 'settled' | 'over' | 'misfit' | 'next' | 'write' | 'settle' | 'committed' | 'suspend'
>;

/** The seals of one transaction: what it wrote, and what it found broken. */
export class Sealing {
  readonly #seals: Seals;
  readonly #memory: Memory;
  readonly #broken = new Map<string, Broken>();
  readonly #over: Over[] = [];
  /** Every change up to this one is in whatever this transaction reads. */
  readonly #seen: number;
  #isChanged = false;
  #isConfirmed = false;
  #number: number | null = null;

  constructor(seals: Seals, memory: Memory) {
    this.#seals = seals;
    this.#memory = memory;
    this.#seen = memory.settled;
  }

  get broken(): readonly Broken[] {
    return [...this.#broken.values()];
  }

  get suspended(): Suspension | null {
    return this.#memory.suspended;
  }

  seal(what: Sealed, value: unknown): string {
    this.#isChanged = true;
    return this.#seals.seal(what, value);
  }

  /** For what is written by the dozen, and decides nothing that an older database would open again. */
  sealQuietly(what: Sealed, value: unknown): string {
    return this.#seals.seal(what, value);
  }

  holds(what: Sealed, id: string, value: unknown, mac: string | null): boolean {
    if (mac !== null && this.#seals.holds(what, value, mac)) return true;
    this.breaks({ what, id });
    return false;
  }

  breaks(broken: Broken): void {
    this.#broken.set(`${broken.what} ${broken.id}`, broken);
  }

  over(key: string): Over | null {
    return this.#memory.over(key, this.#seen);
  }

  /** Takes effect with the commit, and is never taken back. */
  end(over: Over): void {
    this.#isChanged = true;
    this.#over.push(over);
  }

  change(): void {
    this.#isChanged = true;
  }

  confirm(): void {
    this.#isChanged = true;
    this.#isConfirmed = true;
  }

  /** That this transaction is finished, however it ended. */
  finished(): void {
    if (this.#number !== null) this.#memory.settle(this.#number);
  }

  /** Last before the commit; returns the number that the commit makes good, or null where nothing sealed was written. */
  async settle(trx: Trx): Promise<number | null> {
    if (!this.#isChanged) return null;
    const number = await headOf(trx, this.#seals, this.#memory);
    const n = this.#memory.next(number);
    await putHead(trx, this.#seals, n);
    this.#number = n;
    await this.#memory.write(n, this.#over, this.#isConfirmed);
    return n;
  }
}

/** Locks the number of the last sealed change, and suspends where it is not the one that is remembered. */
export async function headOf(trx: Trx, seals: Seals, memory: Memory): Promise<number> {
  const row = await trx.selectFrom('seal_head').select(['number', 'mac']).forNoKeyUpdate().executeTakeFirst();
  const number = Number(row?.number ?? 0);
  const isOurs = row === undefined ? number === 0 : seals.holds('head', { number }, row.mac);
  const misfit = memory.misfit(number) ?? (isOurs ? null : 'head_changed');
  if (misfit) await memory.suspend(misfit, new Date());
  return number;
}

async function putHead(trx: Trx, seals: Seals, number: number): Promise<void> {
  const values = { number: String(number), mac: seals.seal('head', { number }) };
  await trx
    .insertInto('seal_head')
    .values({ id: sql<number>`1`, ...values })
    .onConflict((conflict) => conflict.column('id').doUpdateSet(values))
    .execute();
}
