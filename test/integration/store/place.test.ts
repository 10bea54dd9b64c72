import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest';
import { type OpenStore, openForCommand, openStore, type StoreOptions } from '../../../src/store/store.ts';
import { run } from '../../support/peers/processes.ts';
import { createDatabase, runSql } from '../../support/worlds/postgres.ts';
import { bareFolder, type StorePlace, storePlace } from '../../support/worlds/store.ts';

let place: StorePlace;
beforeEach(async () => {
  place = await bareFolder('postgres');
});
afterEach(() => place[Symbol.asyncDispose]());

const control = (options: StoreOptions): Promise<OpenStore> => openStore(options, { leaseMs: 60_000, lost: () => {} });
const serveOnce = async (): Promise<void> => (await control(place.options))[Symbol.asyncDispose]();
const other = { code: 'other_store' };

describe('a data folder', () => {
  it('remembers its database by cluster and name, and no password', async () => {
    await serveOnce();
    const text = await readFile(join(place.options.dataDir, 'store.json'), 'utf8');
    const { pathname } = new URL(place.options.databaseUrl ?? '');
    expect(JSON.parse(text)).toEqual({
      ...{ kind: 'postgres', database: pathname.slice(1) },
      system: expect.stringMatching(/^\d{10,}$/),
    });
  });

  it('lets no command make a database, whichever kind it would be', async () => {
    const embedded = { ...place.options, databaseUrl: null };
    for (const options of [embedded, place.options]) {
      const opening = openForCommand(options, false);
      await expect(opening).rejects.toMatchObject({
        ...other,
        message: expect.stringMatching(/has no database yet.*serve/),
      });
    }
    expect(existsSync(join(place.options.dataDir, 'db'))).toBe(false);
  });

  it('of PostgreSQL is used by nobody without its URL', async () => {
    await serveOnce();
    const embedded = { ...place.options, databaseUrl: null };
    for (const opening of [openForCommand(embedded, true), control(embedded)]) {
      const message = expect.stringMatching(/belongs to the PostgreSQL database .* Set DAYPASS_DATABASE_URL/);
      await expect(opening).rejects.toMatchObject({ ...other, message });
    }
    expect(existsSync(join(place.options.dataDir, 'db'))).toBe(false);
  });

  it('of an embedded database is not used with a URL', async () => {
    await using embedded = await storePlace('embedded');
    await (await control(embedded.options))[Symbol.asyncDispose]();
    const opening = control({ ...embedded.options, databaseUrl: place.options.databaseUrl });
    await expect(opening).rejects.toMatchObject({ ...other, message: expect.stringContaining('Unset it') });
  });

  it('is not used on another database behind the URL, and nothing is migrated there', async () => {
    await serveOnce();
    await using wrong = await createDatabase(inject('postgresUrl'));
    const options = { ...place.options, databaseUrl: wrong.url };
    for (const open of [() => openForCommand(options, false), () => control(options)]) {
      await expect(open()).rejects.toMatchObject({
        ...other,
        message: expect.stringMatching(/Correct the URL.*store\.json/),
      });
    }
    await expect(runSql(wrong.url, 'select 1 from schema_migration')).rejects.toThrow(/does not exist/);
  });
});

describe('a command of a newer version', () => {
  it('migrates nothing, and says what does', async () => {
    await serveOnce();
    const url = place.options.databaseUrl ?? '';
    await runSql(
      url,
      `delete from schema_migration where name >= (select name from schema_migration where name like '%_seals.sql');
       drop table seal_head`,
    );
    for (const changes of [false, true]) {
      const opening = openForCommand(place.options, changes);
      const message = expect.stringMatching(/schema of an earlier version.*_seals\.sql.*daypass migrate/);
      await expect(opening).rejects.toMatchObject({ code: 'schema_behind', message });
    }
    await expect(runSql(url, 'select 1 from seal_head')).rejects.toThrow(/does not exist/);
  });
});

describe('a store on PostgreSQL', () => {
  it('loads neither the embedded database nor native code', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'daypass-loaded-'));
    const program = `
      import { register } from 'node:module';
      register('data:text/javascript,' + encodeURIComponent(
        'export const resolve = async (name, context, next) => { const found = await next(name, context);' +
        ' if (/pglite|fs-native/.test(found.url)) process._rawDebug("loaded " + found.url); return found; }'));
      const { openBackend } = await import(${JSON.stringify(new URL('../../../src/store/store.ts', import.meta.url).href)});
      const [dataDir, databaseUrl] = process.argv.slice(-2);
      const backend = await openBackend({ dataDir, databaseUrl: databaseUrl === '-' ? null : databaseUrl });
      await (await backend.connect()).release(false);
      const native = process.report.getReport().sharedObjects.filter((path) => path.endsWith('.node'));
      console.log('native', native.filter((path) => path.includes('fs-native')).length);
      await backend.close();`;
    try {
      const loaded = async (url: string) => {
        const args = ['--import', 'tsx', '--input-type=module', '-e', program, '--', folder, url];
        return run(process.execPath, args, { env: { PATH: process.env['PATH'] } });
      };
      expect(await loaded(place.options.databaseUrl ?? '')).toMatchObject({
        code: 0,
        stdout: 'native 0\n',
        stderr: '',
      });
      const embedded = await loaded('-');
      expect(embedded).toMatchObject({ code: 0, stdout: 'native 1\n' });
      expect(embedded.stderr).toMatch(/loaded .*pglite/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});
