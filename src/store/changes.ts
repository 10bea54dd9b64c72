import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import pg from 'pg';
import { z } from 'zod';
import { Actor } from '../access/audit-event.ts';
import { Digest, Fingerprint, GrantId, SessionId } from '../access/ids.ts';
import type { Log } from '../log.ts';
import type { Change } from '../use-cases/ports/store.ts';
import { databaseFault } from './fault.ts';
import { CLOSE_MAX_MS, withinMs } from './postgres.ts';
import { json } from './rows.ts';
import type { Trx } from './tables.ts';

/** How a committed change reaches its subscribers. */
export type ChangeFeed = AsyncDisposable & {
  subscribe(listener: (change: Change) => void): () => void;
  /** Last in the transaction. */
  publish(trx: Trx, changes: readonly Change[]): Promise<void>;
  /** After its commit. */
  committed(changes: readonly Change[]): void;
};

const StoredChange = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('outbox') }),
  z.strictObject({ kind: z.literal('sessions_extended'), grantId: GrantId }),
  z.strictObject({ kind: z.literal('grant_ended'), grantId: GrantId }),
  z.strictObject({ kind: z.literal('rights_changed') }),
  z.strictObject({
    kind: z.literal('registry_changed'),
    entry: z.discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('key'), fingerprint: Fingerprint, isRetired: z.boolean() }),
      z.strictObject({ kind: z.literal('code'), digest: Digest, until: z.int().nonnegative() }),
    ]),
  }),
  z.strictObject({ kind: z.literal('session_end_asked'), sessionId: SessionId, by: Actor }),
]) satisfies z.ZodType<Change>;

/** `from` names the process that made it; null is nobody. */
const Heard = z.strictObject({ from: z.uuid().nullable(), change: StoredChange });
type Heard = z.infer<typeof Heard>;

/** As PostgreSQL itself has it: the same twice in one transaction is told once. */
const distinct = (changes: readonly Change[]): Change[] => [
  ...new Map(changes.map((change) => [json(change), change])).values(),
];

const CHANNEL = 'daypass_change';
const RECONNECT_FIRST_MS = 100;
const RECONNECT_LONGEST_MS = 5_000;
/** Nothing is sent to who listens, so that one whom the database has forgotten would never know. */
const ASK_EVERY_MS = 5_000;
const ANSWER_MAX_MS = 5_000;

class Listeners {
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #log: Log;

  constructor(log: Log) {
    this.#log = log;
  }

  add(listener: (change: Change) => void): () => void {
    // A wrapper of its own, so that one function may subscribe twice.
    const own = (change: Change): void => listener(change);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  tell(change: Change): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#log.error({ err: error, change: change.kind }, 'a listener failed on a change');
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }
}

/** For a database that only this process has open. */
export function localChanges(log: Log): ChangeFeed {
  const listeners = new Listeners(log);
  return {
    subscribe: (listener) => listeners.add(listener),
    publish: async () => {},
    committed: (changes) => {
      for (const change of changes) listeners.tell(change);
    },
    [Symbol.asyncDispose]: async () => listeners.clear(),
  };
}

/**
 * LISTEN and NOTIFY: every process on the database hears of a change once. The one that made it hears of it from itself: its listening
 * connection may be gone, and nothing else would end a session that somebody asked to end.
 */
export async function postgresChanges(config: pg.ClientConfig, log: Log): Promise<ChangeFeed> {
  const listeners = new Listeners(log);
  const self = randomUUID();
  const connection = new Listening(config, log, ({ from, change }) => {
    if (from !== self) listeners.tell(change);
  });
  await connection.open();
  return {
    subscribe: (listener) => listeners.add(listener),
    async publish(trx, changes) {
      if (changes.length === 0) return;
      const payloads = distinct(changes).map((change) => json({ from: self, change } satisfies Heard));
      await sql`select pg_notify(${CHANNEL}, payload) from unnest(${payloads}::text[]) as payload`.execute(trx);
    },
    committed: (changes) => {
      for (const change of distinct(changes)) listeners.tell(change);
    },
    async [Symbol.asyncDispose]() {
      listeners.clear();
      await connection.close();
    },
  };
}

/** A connection that listens for as long as it is open, and comes back when the database does. */
class Listening {
  readonly #config: pg.ClientConfig;
  readonly #log: Log;
  readonly #heard: (heard: Heard) => void;
  #client: pg.Client | null = null;
  #timer: NodeJS.Timeout | null = null;
  #asking: NodeJS.Timeout | null = null;
  #delayMs = RECONNECT_FIRST_MS;
  #closed = false;

  constructor(config: pg.ClientConfig, log: Log, heard: (heard: Heard) => void) {
    this.#config = config;
    this.#log = log;
    this.#heard = heard;
  }

  async open(): Promise<void> {
    const client = new pg.Client(this.#config);
    this.#client = client;
    client.on('error', (error) => this.#log.warn({ err: error }, 'the listening connection failed'));
    client.on('notification', ({ channel, payload }) => {
      if (channel === CHANNEL) this.#receive(payload ?? '');
    });
    try {
      await client.connect();
      await client.query({ text: `listen ${CHANNEL}`, query_timeout: ANSWER_MAX_MS } as pg.QueryConfig);
    } catch (error) {
      this.#client = null;
      void client.end().catch(() => {});
      throw databaseFault(error);
    }
    this.#asking = setInterval(() => this.#ask(client), ASK_EVERY_MS);
    client.once('end', () => this.#lost(client));
    this.#delayMs = RECONNECT_FIRST_MS;
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#timer) clearTimeout(this.#timer);
    if (this.#asking) clearInterval(this.#asking);
    if (this.#client) await withinMs(this.#client.end(), CLOSE_MAX_MS);
  }

  #ask(client: pg.Client): void {
    client.query({ text: 'select 1', query_timeout: ANSWER_MAX_MS } as pg.QueryConfig).catch((error: unknown) => {
      if (this.#client !== client) return;
      this.#log.warn({ err: error }, 'the listening connection is silent');
      void client.end().catch(() => {});
      this.#lost(client);
    });
  }

  #receive(payload: string): void {
    const heard = parseHeard(payload);
    if (heard) this.#heard(heard);
    else this.#log.warn({ payload: payload.slice(0, 200) }, 'ignored a notification that is not a change');
  }

  #lost(client: pg.Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    if (this.#asking) clearInterval(this.#asking);
    this.#retry();
  }

  #retry(): void {
    if (this.#closed) return;
    const delay = this.#delayMs;
    this.#delayMs = Math.min(delay * 2, RECONNECT_LONGEST_MS);
    this.#timer = setTimeout(() => {
      this.open().then(
        // Messages may have been enqueued meanwhile.
        () => (this.#closed ? this.close() : this.#heard({ from: null, change: { kind: 'outbox' } })),
        (error: unknown) => {
          this.#log.warn({ err: error }, 'still not listening for changes');
          this.#retry();
        },
      );
    }, delay);
  }
}

function parseHeard(payload: string): Heard | null {
  try {
    const parsed = Heard.safeParse(JSON.parse(payload));
    return parsed.success ? parsed.data : null;
  } catch {
    return null;
  }
}
