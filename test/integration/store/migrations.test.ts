import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Kysely } from 'kysely';
import { describe, expect, it } from 'vitest';
import { dialectOf } from '../../../src/store/dialect.ts';
import { type Migration, migrateTo, readMigrations } from '../../../src/store/migrations.ts';
import { migrate, openBackend } from '../../../src/store/store.ts';
import type { Tables } from '../../../src/store/tables.ts';
import { openBeside } from '../../support/worlds/beside.ts';
import { STORE_KINDS, type StorePlace, storePlace } from '../../support/worlds/store.ts';

const PROGRAM = fileURLToPath(new URL('../../support/worlds/open-store-process.ts', import.meta.url));

const migration = (name: string, text: string, checksum = text): Migration => ({ name, text, checksum });
const first = migration('0001_a.sql', 'create table a (x int); create table b (x int);');
const second = migration('0002_b.sql', 'create table c (x int);');

describe.each(STORE_KINDS)('migrations on %s', (kind) => {
  it('are applied once', async () => {
    await using place = await storePlace(kind);
    const names = (await readMigrations()).map(({ name }) => name);
    expect(await migrate(place.options)).toEqual(names);
    expect(await migrate(place.options)).toEqual([]);
    await using store = await openBeside(place.options);
    expect(await store.transaction((tx) => tx.persons.all())).toEqual([]);
  });

  it('continue where an older version stopped', async () => {
    await using place = await storePlace(kind);
    expect(await apply(place, [first])).toEqual(['0001_a.sql']);
    expect(await apply(place, [first, second])).toEqual(['0002_b.sql']);
  });

  it('are refused where an applied file was changed', async () => {
    await using place = await storePlace(kind);
    await apply(place, [first]);
    const changed = apply(place, [{ ...first, checksum: 'other' }, second]);
    await expect(changed).rejects.toMatchObject({
      code: 'migration_refused',
      message: expect.stringMatching(/0001_a\.sql was changed after it was applied.*in a new migration/),
    });
  });

  it('are refused where a newer version ran', async () => {
    await using place = await storePlace(kind);
    await apply(place, [first, second]);
    const older = apply(place, [first]);
    await expect(older).rejects.toMatchObject({
      code: 'migration_refused',
      message: expect.stringContaining('has migration 0002_b.sql, which this version of Daypass does not know'),
    });
  });

  it('leave nothing of one that fails', async () => {
    await using place = await storePlace(kind);
    const broken = migration('0002_b.sql', 'create table c (x int); insert into nowhere values (1);');
    await expect(apply(place, [first, broken])).rejects.toMatchObject({ sqlState: '42P01' });
    expect(await apply(place, [first, second])).toEqual(['0002_b.sql']);
  });
});

describe('migrations on postgres', () => {
  it('are applied once where processes start at the same time', async () => {
    await using place = await storePlace('postgres');
    const { databaseUrl, dataDir } = place.options;
    if (databaseUrl === null) throw new Error('no database');
    const children = [1, 2, 3].map(() =>
      spawn(process.execPath, ['--import', 'tsx', PROGRAM, dataDir, databaseUrl], {
        stdio: ['pipe', 'pipe', 'inherit'],
      }),
    );
    const openings = children.map(async (child) => {
      for await (const line of createInterface(child.stdout)) if (line === 'open') return line;
      return 'ended';
    });
    expect(await Promise.all(openings)).toEqual(['open', 'open', 'open']);
    const exits = children.map((child) => once(child, 'exit'));
    for (const child of children) child.stdin.end();
    expect(await Promise.all(exits)).toEqual([
      [0, null],
      [0, null],
      [0, null],
    ]);
    expect(await migrate(place.options)).toEqual([]);
  });
});

describe('migration files', () => {
  it('count from 0001 without a gap', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daypass-migrations-'));
    try {
      await writeFile(join(folder, '0001_a.sql'), 'select 1');
      await writeFile(join(folder, '0003_b.sql'), 'select 1');
      const reading = readMigrations(pathToFileURL(`${folder}/`));
      await expect(reading).rejects.toThrow(/0003_b\.sql does not follow the migration before it/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

async function apply({ options }: StorePlace, migrations: readonly Migration[]): Promise<readonly string[]> {
  const db = new Kysely<Tables>({ dialect: dialectOf(await openBackend(options)) });
  try {
    return await migrateTo(db, migrations);
  } finally {
    await db.destroy();
  }
}
