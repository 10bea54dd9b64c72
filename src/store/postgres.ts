import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import type { Log } from '../log.ts';
import type { Backend } from './dialect.ts';

const POOL_MAX = 10;
const CONNECT_MAX_MS = 15_000;
const STATEMENT_MAX_MS = 30_000;
const LOCK_MAX_MS = 15_000;
const IDLE_IN_TRANSACTION_MAX_MS = 60_000;
/** A goodbye that nobody answers is not waited for. */
export const CLOSE_MAX_MS = 2_000;

/** Instants, days and bigints stay the text that PostgreSQL wrote. */
export const TEXT_TYPES: readonly number[] = [
  pg.types.builtins.TIMESTAMPTZ,
  pg.types.builtins.DATE,
  pg.types.builtins.INT8,
];

export const clientConfig = (databaseUrl: string): pg.ClientConfig => ({
  connectionString: databaseUrl,
  application_name: 'daypass',
  keepAlive: true,
  connectionTimeoutMillis: CONNECT_MAX_MS,
  statement_timeout: STATEMENT_MAX_MS,
  lock_timeout: LOCK_MAX_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MAX_MS,
  types: { getTypeParser },
});

const getTypeParser: typeof pg.types.getTypeParser = (id: number, format?: unknown) =>
  TEXT_TYPES.includes(id) && format !== 'binary' ? (value: string) => value : pg.types.getTypeParser(id);

export function postgresBackend(databaseUrl: string, log: Log): Backend {
  const pool = new pg.Pool({ ...clientConfig(databaseUrl), max: POOL_MAX });
  // Without a listener, a connection that breaks while it is lent out would end the process.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ err: error }, 'a database connection broke'));
  });
  pool.on('error', () => {});
  const silence = silences(pool);
  return {
    async connect() {
      const client = await silence.connect();
      return {
        async query(sql, parameters, answerMs) {
          const limit = answerMs === undefined ? {} : { query_timeout: answerMs };
          const asked = client.query<object>({ text: sql, values: [...parameters], ...limit });
          const { command, rowCount, rows } = await asked.catch((error: unknown) => {
            if (isSilence(error)) silence.heard();
            throw error;
          });
          return { command, changed: rowCount ?? 0, rows };
        },
        release: (broken) => client.release(broken),
      };
    },
    close: () => withinMs(pool.end(), CLOSE_MAX_MS),
  };
}

export async function withinMs(work: Promise<unknown>, ms: number): Promise<void> {
  const late = new AbortController();
  const { signal } = late;
  await Promise.race([work.catch(() => {}), pause(ms, undefined, { signal }).catch(() => {})]);
  late.abort();
}

/** What pg throws where `query_timeout` passes. */
const isSilence = (error: unknown): boolean => error instanceof Error && error.message === 'Query read timeout';

/** Where one connection has fallen silent, those of the same age are not tried one by one: they are as dead. */
function silences(pool: pg.Pool): { connect(): Promise<pg.PoolClient>; heard(): void } {
  const since = new WeakMap<object, number>();
  let lastMs = 0;
  pool.on('connect', (client) => since.set(client, performance.now()));
  return {
    heard: () => {
      lastMs = performance.now();
    },
    async connect() {
      for (;;) {
        const client = await pool.connect();
        if ((since.get(client) ?? Number.POSITIVE_INFINITY) >= lastMs) return client;
        client.release(true);
      }
    },
  };
}
