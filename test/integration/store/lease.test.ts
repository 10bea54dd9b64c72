import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openStore, type StoreOptions } from '../../../src/store/store.ts';
import { runSql } from '../../support/worlds/postgres.ts';
import { bareFolder, type StorePlace, storePlace } from '../../support/worlds/store.ts';

const PROGRAM = fileURLToPath(new URL('../../support/worlds/control-store-process.ts', import.meta.url));
const ANOTHER = `holder = '00000000-0000-4000-8000-00000000beef', term = term + 1, host = 'elsewhere', pid = 4711, boot = 'another'`;

let place: StorePlace;
let otherFolder: string;
let lostTo: string[];

beforeEach(async () => {
  place = await bareFolder('postgres');
  otherFolder = await mkdtemp(join(tmpdir(), 'daypass-other-'));
  lostTo = [];
});
afterEach(async () => {
  await place[Symbol.asyncDispose]();
  await rm(otherFolder, { recursive: true, force: true });
});

const control = (options: StoreOptions, leaseMs = 60_000) =>
  openStore(options, { leaseMs, lost: (by) => void lostTo.push(by) });
/** As from another host: a data folder of its own, the same database. */
const elsewhere = (): StoreOptions => ({ ...place.options, dataDir: otherFolder });
const sql = (text: string): Promise<void> => runSql(place.options.databaseUrl ?? '', text);

describe('one database', () => {
  it('has one control: a second one refuses and names the first, which goes on', async () => {
    await using first = await control(place.options);
    await expect(control(elsewhere())).rejects.toMatchObject({
      code: 'control_running',
      message: expect.stringContaining(`process ${process.pid} on ${hostname()}, since 20`),
    });
    expect(await first.transaction((tx) => tx.audit.last())).toBe(0);
    expect(lostTo).toEqual([]);
  });

  it('goes to the next one at once when the first has ended, in order or not', async () => {
    await (await control(place.options))[Symbol.asyncDispose]();
    const { dataDir, databaseUrl } = place.options;
    const child = spawn(process.execPath, ['--import', 'tsx', PROGRAM, dataDir, databaseUrl ?? ''], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    expect(await once(createInterface(child.stdout), 'line')).toEqual(['open']);
    await expect(control(elsewhere())).rejects.toMatchObject({
      message: expect.stringContaining(`process ${child.pid} on`),
    });
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    await using next = await control(elsewhere());
    // It may write: that its folder does not know this database is the first thing it has to say.
    const events = await next.transaction((tx) => tx.audit.list(5));
    expect(events.map(({ type }) => type)).toEqual(['grants_suspended']);
  });

  it('is taken over from another host only once its lease has lapsed', async () => {
    await (await control(place.options))[Symbol.asyncDispose]();
    await sql(`update control_lease set ${ANOTHER}, expires_at = clock_timestamp() + interval '2 seconds'`);
    const asked = performance.now();
    await using _next = await control(place.options);
    expect(performance.now() - asked).toBeGreaterThan(1_500);
  });

  it('that another took over takes nothing any more from the one that lost it', async () => {
    await using first = await control(place.options);
    await sql(`update control_lease set ${ANOTHER}`);
    await expect(first.transaction((tx) => tx.audit.last())).rejects.toMatchObject({ code: 'lease_lost' });
    expect(lostTo).toEqual(['process 4711 on elsewhere']);
  });

  it('is lost without a transaction being tried, too', async () => {
    await using _first = await control(place.options);
    await sql(`update control_lease set ${ANOTHER}`);
    await expect.poll(() => lostTo, { timeout: 10_000 }).toEqual(['process 4711 on elsewhere']);
  });

  it('keeps its lease where it lapsed and nobody took it', async () => {
    await using first = await control(place.options);
    await sql(`update control_lease set expires_at = clock_timestamp() - interval '1 hour'`);
    expect(await first.transaction((tx) => tx.audit.last())).toBe(0);
    expect(lostTo).toEqual([]);
  });

  it('that is embedded is locked by its folder, and is opened again after a kill without waiting', async () => {
    await using embedded = await storePlace('embedded');
    await (await control(embedded.options))[Symbol.asyncDispose]();
    await using again = await control(embedded.options);
    expect(await again.transaction((tx) => tx.audit.last())).toBe(0);
  });
});
