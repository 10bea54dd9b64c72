import {
  type CompiledQuery,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import { databaseFault, StoreFault } from './fault.ts';

/** What kysely needs of a database that speaks PostgreSQL's SQL, be it a server or in this process. */
export type Backend = {
  connect(): Promise<Connection>;
  close(): Promise<void>;
  /** Left out where the database looks after itself. */
  maintain?(): Promise<void>;
};

export type Connection = {
  /** An answer that does not come within `answerMs` is a fault; a connection that is silent cannot be told from a slow one otherwise. */
  query(sql: string, parameters: readonly unknown[], answerMs?: number): Promise<Answer>;
  /** A broken connection is thrown away. */
  release(broken: boolean): void;
};

export type Answer = { readonly command: string; readonly changed: number; readonly rows: unknown[] };

export const dialectOf = (backend: Backend): Dialect => ({
  createAdapter: () => new PostgresAdapter(),
  createDriver: () => new BackendDriver(backend),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createIntrospector: (db) => new PostgresIntrospector(db),
});

/** Beginning takes a database no time: who does not answer is not there. */
const BEGIN_MAX_MS = 5_000;
const COMMIT_MAX_MS = 15_000;
const ROLLBACK_MAX_MS = 5_000;

class BackendDriver implements Driver {
  readonly #backend: Backend;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<Lease> {
    try {
      return new Lease(await this.#backend.connect());
    } catch (error) {
      throw databaseFault(error);
    }
  }

  async beginTransaction(connection: Lease, settings: TransactionSettings): Promise<void> {
    await connection.run(
      `start transaction isolation level ${settings.isolationLevel ?? 'read committed'}`,
      [],
      BEGIN_MAX_MS,
    );
  }

  /** PostgreSQL answers the commit of a failed transaction with a rollback, and no error. */
  async commitTransaction(connection: Lease): Promise<void> {
    const { command } = await connection.run('commit', [], COMMIT_MAX_MS).catch((error: unknown) => {
      throw unheard(error);
    });
    if (command !== 'COMMIT') throw new StoreFault('transaction_aborted', 'a failed transaction cannot be committed');
  }

  /** Where it cannot be said, the connection goes, and the database rolls back by itself. */
  async rollbackTransaction(connection: Lease): Promise<void> {
    await connection.run('rollback', [], ROLLBACK_MAX_MS).catch(() => connection.condemn());
  }

  async releaseConnection(connection: Lease): Promise<void> {
    connection.release();
  }

  destroy(): Promise<void> {
    return this.#backend.close();
  }
}

function unheard(error: unknown): unknown {
  if (!(error instanceof StoreFault) || error.code !== 'database_away') return error;
  const message = 'The database became unreachable during a write. Once it is back, check whether the write was done.';
  return new StoreFault('commit_unheard', message, { cause: error });
}

class Lease implements DatabaseConnection {
  readonly #connection: Connection;
  #broken = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async run(sql: string, parameters: readonly unknown[] = [], answerMs?: number): Promise<Answer> {
    try {
      return await this.#connection.query(sql, parameters, answerMs);
    } catch (error) {
      throw databaseFault(error);
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, changed } = await this.run(query.sql, query.parameters);
    return { rows: rows as R[], numAffectedRows: BigInt(changed) };
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new StoreFault('database_error', 'results are read whole');
  }

  condemn(): void {
    this.#broken = true;
  }

  release(): void {
    this.#connection.release(this.#broken);
  }
}
