import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { sql } from 'kysely';
import type { Log } from '../log.ts';
import { StoreFault } from './fault.ts';
import { type Holder, isDead, thisProcess } from './holder.ts';
import { CLOSE_MAX_MS, withinMs } from './postgres.ts';
import { instant, Timestamp, text } from './rows.ts';
import type { Db, Trx } from './tables.ts';

/** Who works on a database writes so every so often; the lease outlives several that fail. */
const RENEW_EVERY_MS = 2_000;
const LOOK_EVERY_MS = 500;

export type LeaseOptions = {
  /** How long it stands without being renewed. No session may live longer than this on a control that cannot reach its database. */
  readonly leaseMs: number;
  /** Whether to wait and see if the holder lives, where it cannot be told otherwise. */
  readonly mayWait: boolean;
  /** Another holds it now: whatever this process still does for people has to end. */
  readonly lost: (by: string) => void;
};

export type Lease = AsyncDisposable & {
  /** Throws where another holds it: first in each transaction, so that who has lost it changes nothing. */
  check(trx: Trx): Promise<void>;
};

type Row = Holder & {
  readonly holder: string;
  readonly term: string;
  readonly since: string;
  readonly expires_at: string;
  readonly lapsed: boolean;
};

/**
 * One control works on a database at a time: two would each end the sessions they know of, and say of the other's that none lives.
 * It takes over from one that is dead, or that has not renewed its lease for as long as it stands.
 */
export async function takeLease(db: Db, options: LeaseOptions, log: Log): Promise<Lease> {
  const me = { holder: randomUUID(), ...thisProcess() };
  let seen: Row | null = null;
  for (;;) {
    const { term, other } = await attempt(db, me, options.leaseMs);
    if (term !== null) return new Held(db, me.holder, term, options, log);
    if (!other) continue;
    const isRenewing = seen !== null && seen.holder === other.holder && seen.expires_at !== other.expires_at;
    if (isRenewing || !options.mayWait) throw held(other);
    if (seen === null) {
      const { host, pid, expires_at: until } = other;
      log.warn({ host, pid, until }, 'another control has this database; waiting to see whether it is alive');
    }
    seen = other;
    await pause(LOOK_EVERY_MS);
  }
}

const held = ({ host, pid, since }: Row): StoreFault =>
  new StoreFault(
    'control_running',
    `Another control has this database: process ${pid} on ${host}, since ${since}. Only one can at a time. Stop that one first. If it is gone, try again in a few minutes.`,
  );

type Attempt = { readonly term: string | null; readonly other: Row | null };

const attempt = (db: Db, me: Holder & { holder: string }, leaseMs: number): Promise<Attempt> =>
  db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx): Promise<Attempt> => {
      const other = await currentHolder(trx);
      if (other && !other.lapsed && !isDead(other)) return { term: null, other };
      const term = String(BigInt(other?.term ?? 0) + 1n);
      const { rows } = await sql<{ term: string }>`
        insert into control_lease (id, holder, term, host, pid, boot, started, since, expires_at)
        values (1, ${me.holder}, ${term}::bigint, ${text(me.host)}, ${me.pid}, ${text(me.boot)}, ${me.started},
          clock_timestamp(), clock_timestamp() + ${leaseMs} * interval '1 millisecond')
        on conflict (id) do update set holder = excluded.holder, term = excluded.term, host = excluded.host, pid = excluded.pid,
          boot = excluded.boot, started = excluded.started, since = excluded.since, expires_at = excluded.expires_at
        where control_lease.term < excluded.term
        returning term`.execute(trx);
      return { term: rows.length === 1 ? term : null, other: null };
    });

async function currentHolder(trx: Trx): Promise<Row | null> {
  const { rows } = await sql<Omit<Row, 'pid'> & { pid: number }>`
    select holder, term, host, pid, boot, started, since, expires_at, expires_at <= clock_timestamp() as lapsed
    from control_lease where id = 1 for update`.execute(trx);
  const [row] = rows;
  return row ? { ...row, since: instant(Timestamp.parse(row.since)) } : null;
}

class Held implements Lease {
  readonly #db: Db;
  readonly #holder: string;
  readonly #term: string;
  readonly #options: LeaseOptions;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #renewing: Promise<void>;
  #isLost = false;

  constructor(db: Db, holder: string, term: string, options: LeaseOptions, log: Log) {
    this.#db = db;
    this.#holder = holder;
    this.#term = term;
    this.#options = options;
    this.#log = log;
    this.#renewing = this.#renew();
  }

  async check(trx: Trx): Promise<void> {
    const { rows } =
      await sql`select 1 from control_lease where holder = ${this.#holder} and term = ${this.#term}::bigint`.execute(
        trx,
      );
    if (rows.length === 0) throw await this.#lost(trx);
  }

  /** One that lapsed while the database was away is renewed where nobody took it meanwhile. */
  async #renew(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted && !this.#isLost) {
      await pause(RENEW_EVERY_MS, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted) return;
      await this.#db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (trx) => {
          const { rows } = await sql`
            update control_lease set expires_at = clock_timestamp() + ${this.#options.leaseMs} * interval '1 millisecond'
            where holder = ${this.#holder} and term = ${this.#term}::bigint returning 1`.execute(trx);
          if (rows.length === 0) await this.#lost(trx);
        })
        .catch((error: unknown) => this.#log.warn({ err: error }, 'the lease on the database could not be renewed'));
    }
  }

  async #lost(trx: Trx): Promise<StoreFault> {
    const other = await currentHolder(trx);
    const by = other ? `process ${other.pid} on ${other.host}` : 'an unknown process';
    if (!this.#isLost) {
      this.#isLost = true;
      this.#options.lost(by);
    }
    return new StoreFault('lease_lost', `This control lost the database to ${by}, so nothing was done.`);
  }

  /** The next one need not wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
    if (this.#isLost) return;
    const given = sql`update control_lease set expires_at = clock_timestamp()
      where holder = ${this.#holder} and term = ${this.#term}::bigint`.execute(this.#db);
    await withinMs(given, CLOSE_MAX_MS);
  }
}
