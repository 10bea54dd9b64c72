export type StoreFaultCode =
  /** The database cannot be reached, or went away; what was under way is rolled back. */
  | 'database_away'
  /** It went away while a commit was under way: that it was written, or was not, is not known. */
  | 'commit_unheard'
  /** Two transactions waited for each other, or read what the other changed; the same work may succeed when tried again. */
  | 'deadlock'
  | 'serialization_failure'
  /** A lock or a statement took longer than its limit. */
  | 'timeout'
  | 'unique_violation'
  /** Any other constraint or trigger that refused a write. */
  | 'integrity_violation'
  | 'database_error'
  /** A row holds what this version does not write. */
  | 'corrupt_row'
  /** A row to be changed is not there, or not in the state it must be in. */
  | 'missing_row'
  | 'nested_transaction'
  | 'transaction_over'
  /** A statement failed and its failure was swallowed; nothing was written. */
  | 'transaction_aborted'
  /** More transactions wait than could ever be served in time. */
  | 'too_busy'
  | 'store_closed'
  | 'folder_in_use'
  | 'migration_refused'
  /** Another control has this database, or took it over. */
  | 'control_running'
  | 'lease_lost'
  /** This is not the database that the data folder belongs to, or it cannot be told which one that is. */
  | 'other_store'
  /** The schema is of another version, and who only looks does not change it. */
  | 'schema_behind'
  | 'decisions_unreadable'
  /** Between Daypass and PostgreSQL stands something that hands its connections about. */
  | 'pooled';

export class StoreFault extends Error {
  readonly code: StoreFaultCode;
  /** PostgreSQL's five characters, where it said any. */
  readonly sqlState: string | null;

  constructor(code: StoreFaultCode, message: string, options: { cause?: unknown; sqlState?: string } = {}) {
    super(message, { cause: options.cause });
    this.name = 'StoreFault';
    this.code = code;
    this.sqlState = options.sqlState ?? null;
  }
}

/** PostgreSQL's error codes by state, then by class (PostgreSQL manual, appendix A). */
const BY_STATE: Readonly<Record<string, StoreFaultCode>> = {
  '40P01': 'deadlock',
  '40001': 'serialization_failure',
  '55P03': 'timeout',
  '57014': 'timeout',
  '25P03': 'timeout',
  '25P02': 'transaction_aborted',
  '23505': 'unique_violation',
};
const BY_CLASS: Readonly<Record<string, StoreFaultCode>> = {
  '08': 'database_away',
  '53': 'database_away',
  '57': 'database_away',
  '23': 'integrity_violation',
};

/** PgBouncer's words (src/client.c), where a client sets what it does not hand on. */
const UNSUPPORTED = /unsupported startup parameter/i;
const POOLED =
  'DAYPASS_DATABASE_URL points to a connection pooler (PgBouncer), not to PostgreSQL. Daypass needs LISTEN for changes and sets limits on each connection, and the pooler passes on neither. Connect to PostgreSQL itself.';

/** What a driver threw, as a fault. Errors without a SQL state come from the connection. */
export function databaseFault(error: unknown): StoreFault {
  if (error instanceof StoreFault) return error;
  const message = messageOf(error);
  const sqlState = sqlStateOf(error);
  if (sqlState === null) {
    const hint = 'Check that PostgreSQL is running and that DAYPASS_DATABASE_URL points to it.';
    return new StoreFault('database_away', `The database is unreachable: ${message}. ${hint}`, { cause: error });
  }
  if (UNSUPPORTED.test(message)) return new StoreFault('pooled', POOLED, { cause: error, sqlState });
  const code = BY_STATE[sqlState] ?? BY_CLASS[sqlState.slice(0, 2)] ?? 'database_error';
  return new StoreFault(code, `The database refused: ${message}`, { cause: error, sqlState });
}

/** Where a host has several addresses, Node's own message is empty. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}

function sqlStateOf(error: unknown): string | null {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return null;
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : null;
}
