import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject } from 'vitest';
import { createLog } from '../../../src/log.ts';
import type { Backend } from '../../../src/store/dialect.ts';
import { type OpenStore, openBackend, storeOn } from '../../../src/store/store.ts';
import { beside, testSeals } from './beside.ts';
import { copyTemplate } from './embedded-template.ts';
import { createDatabase, MIGRATED } from './postgres.ts';

type Kind = OpenStore['kind'];
type Row = Readonly<Record<string, unknown>>;

/** What holds rows, and its triggers, which a test may have disabled. */
const TABLES = `
  select quote_ident(relname) as name, coalesce((
    select json_agg(json_build_object('name', quote_ident(tgname), 'enabled', tgenabled)) from pg_trigger
    where tgrelid = pg_class.oid and not tgisinternal), '[]') as triggers
  from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname`;
const SEQUENCES = `select quote_ident(relname) as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'S'`;

/** Differs where a test has changed more than rows. */
const SHAPE = `
  select md5(string_agg(part, ',' order by part)) as shape from (
    select concat_ws(' ', attrelid::regclass, attname, atttypid, attnotnull) as part
      from pg_attribute join pg_class on pg_class.oid = attrelid where relnamespace = 'public'::regnamespace
    union all select concat_ws(' ', conrelid::regclass, pg_get_constraintdef(oid)) from pg_constraint
      where connamespace = 'public'::regnamespace
    union all select concat_ws(' ', tgrelid::regclass, tgname) from pg_trigger where not tgisinternal
    union all select concat_ws(' ', proname, prosrc) from pg_proc where pronamespace = 'public'::regnamespace
  ) as parts`;

const log = createLog('silent');
const EMPTY_MS = 10_000;

/** A database with the schema and no rows, for one store after the other: making one takes a second, emptying it a few hundredths. */
export class WarmDatabase {
  static readonly #idle = new Map<Kind, WarmDatabase[]>();

  readonly backend: Backend;
  readonly databaseUrl: string | null;
  readonly #kind: Kind;
  readonly #place: AsyncDisposable;
  #shape = '';
  #emptying = '';

  private constructor(kind: Kind, backend: Backend, databaseUrl: string | null, place: AsyncDisposable) {
    this.#kind = kind;
    this.backend = backend;
    this.databaseUrl = databaseUrl;
    this.#place = place;
  }

  static async take(kind: Kind): Promise<WarmDatabase> {
    return WarmDatabase.#idle.get(kind)?.pop() ?? WarmDatabase.#make(kind);
  }

  static async #make(kind: Kind): Promise<WarmDatabase> {
    const { databaseUrl, dataDir, place } = kind === 'postgres' ? await onServer() : await inFolder();
    const backend = await openBackend({ databaseUrl, dataDir, log });
    const kept: Backend = { ...backend, close: async () => {} };
    await (await storeOn(kept, { databaseUrl, log, seals: testSeals }, beside))[Symbol.asyncDispose]();
    const made = new WarmDatabase(kind, kept, databaseUrl, {
      async [Symbol.asyncDispose]() {
        await backend.close();
        await place[Symbol.asyncDispose]();
      },
    });
    await made.#learn();
    return made;
  }

  /** Empties it for the next store; thrown away where a test has left more than rows, or something that still runs. */
  async giveBack(): Promise<void> {
    const isEmpty = await Promise.race([this.#empty().catch(() => false), late(EMPTY_MS)]);
    if (!isEmpty) return this.#place[Symbol.asyncDispose]();
    const idle = WarmDatabase.#idle.get(this.#kind) ?? [];
    idle.push(this);
    WarmDatabase.#idle.set(this.#kind, idle);
  }

  async #empty(): Promise<boolean> {
    if ((await this.#run(SHAPE))[0]?.['shape'] !== this.#shape) return false;
    await this.#run(this.#emptying);
    return true;
  }

  async #learn(): Promise<void> {
    this.#shape = String((await this.#run(SHAPE))[0]?.['shape']);
    const tables = (await this.#run(TABLES)) as { name: string; triggers: Trigger[] }[];
    const sequences = (await this.#run(SEQUENCES)) as { name: string }[];
    const seeded: string[] = [];
    for (const { name } of tables) {
      const rows = await this.#run(`select * from ${name}`);
      if (rows.length > 0) seeded.push(insertion(name, rows));
    }
    this.#emptying = [
      // Quicker than to truncate, where there are few rows; references are not looked at meanwhile.
      ...['begin', 'set local session_replication_role = replica'],
      ...tables.flatMap(({ name }) => [`alter table ${name} disable trigger user`, `delete from ${name}`]),
      ...sequences.map(({ name }) => `alter sequence ${name} restart`),
      ...seeded,
      ...tables.flatMap(({ name, triggers }) => triggers.map((trigger) => `alter table ${name} ${stateOf(trigger)}`)),
      'commit',
    ].join(';\n');
  }

  async #run(sql: string): Promise<readonly Row[]> {
    const connection = await this.backend.connect();
    try {
      return (await connection.query(sql, [])).rows as Row[];
    } finally {
      connection.release(false);
    }
  }
}

type Trigger = { readonly name: string; readonly enabled: string };
const ENABLED: Readonly<Record<string, string>> = {
  A: 'enable always',
  O: 'enable',
  D: 'disable',
  R: 'enable replica',
};
const stateOf = ({ name, enabled }: Trigger): string => `${ENABLED[enabled]} trigger ${name}`;

const insertion = (table: string, rows: readonly Row[]): string =>
  `insert into ${table} select * from json_populate_recordset(null::${table}, '${JSON.stringify(rows).replaceAll("'", "''")}')`;

const late = (ms: number): Promise<false> =>
  new Promise((resolve) => {
    setTimeout(() => resolve(false), ms).unref();
  });

type Place = { readonly databaseUrl: string | null; readonly dataDir: string; readonly place: AsyncDisposable };

async function onServer(): Promise<Place> {
  const place = await createDatabase(inject('postgresUrl'), MIGRATED);
  return { databaseUrl: place.url, dataDir: '', place };
}

async function inFolder(): Promise<Place> {
  // Removed with the run's folder, where the process of a test file ends before.
  const dataDir = await mkdtemp(join(tmpdir(), 'daypass-warm-'));
  await copyTemplate(dataDir, 'migrated');
  return {
    ...{ databaseUrl: null, dataDir },
    place: { [Symbol.asyncDispose]: () => rm(dataDir, { recursive: true, force: true }) },
  };
}
