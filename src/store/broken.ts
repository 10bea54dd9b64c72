import type { Log } from '../log.ts';
import type { Notice } from '../use-cases/notice.ts';
import { SECURITY_LANE } from '../use-cases/notice.ts';
import type { Broken } from '../use-cases/ports/seals.ts';
import { Appends } from './audit-chain.ts';
import type { Suspension } from './decisions.ts';
import { outbox } from './outbox.ts';
import type { Db } from './tables.ts';

/** So many are remembered as told of; whoever can write to the database could break any number. */
const TOLD_MAX = 1_000;
/** So many go to security's channel one by one; the audit log has the others. */
const SAID_MAX = 10;
const DAYPASS = { kind: 'daypass' } as const;

/**
 * Tells of records that were changed without control: each once while this process lives, in the log, the audit log and security's
 * channel.
 */
export class BrokenSeals {
  readonly #db: Db;
  readonly #log: Log;
  readonly #told = new Set<string>();

  constructor(db: Db, log: Log) {
    this.#db = db;
    this.#log = log;
  }

  async tell(broken: readonly Broken[]): Promise<void> {
    for (const { what, id } of broken) {
      const name = `${what} ${id}`;
      if (this.#told.has(name) || this.#told.size >= TOLD_MAX) continue;
      this.#told.add(name);
      this.#log.error({ what, id }, 'a record was changed outside Daypass, so it is void');
      const isLast = this.#told.size === SAID_MAX;
      const notice = { kind: 'record_changed', what, id, at: new Date().toISOString(), isLast } as const;
      await this.#write('seal_broken', { what, id }, this.#told.size <= SAID_MAX ? notice : null);
    }
  }

  async suspended({ why, at }: Suspension): Promise<void> {
    this.#log.error(
      { why, since: at },
      'all access is paused: the database is not the one that control last wrote to. Check it, then run: daypass grants confirm',
    );
    await this.#write('grants_suspended', { why }, { kind: 'grants_suspended', why, at });
  }

  /** What could not be written stands in the log. */
  async #write(
    type: 'seal_broken' | 'grants_suspended',
    facts: Record<string, string>,
    notice: Notice | null,
  ): Promise<void> {
    try {
      await this.#db.transaction().execute(async (trx) => {
        const appends = new Appends({ open: true });
        appends.add({ type, at: new Date(), actor: DAYPASS, facts });
        if (notice) await outbox(trx, () => {}).enqueue(notice, SECURITY_LANE);
        await appends.write(trx);
      });
    } catch (error) {
      this.#log.error({ err: error, type }, 'an audit event could not be written');
    }
  }
}
