import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOwnStore, type TestStore } from '../../support/worlds/store.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
/** Small writes in all, and how many of them come between two looks after the database. */
const WRITES = LONG ? 1_000_000 : 60_000;
const ROUND = LONG ? 20_000 : 6_000;
const MiB = 1024 * 1024;

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(names.map(async (name) => stat(join(folder, name))));
  return sizes.reduce((sum, each) => sum + (each.isFile() ? each.size : 0), 0);
}

/** Each in a transaction of its own, and with a kilobyte of log, in the database's own loop. */
const write = (store: TestStore): Promise<unknown> =>
  store.sql(`do $$ begin
    for n in 1..${ROUND} loop
      update message set ts = repeat(md5(n::text), 32) where key = 'key ' || n % 100;
      commit;
    end loop;
  end $$`);

describe('the embedded database', () => {
  it('stays small over many small writes, and nobody waits long for it to be looked after', async () => {
    await using store = await openOwnStore('embedded');
    const wal = join(store.options.dataDir, 'db', 'pg_wal');
    await store.sql(`insert into message select 'key ' || n, 'C1', 'x' from generate_series(0, 99) as n`);
    const sizes: { readonly table: number; readonly wal: number }[] = [];
    let longestMs = 0;
    for (let written = 0; written < WRITES; written += ROUND) {
      await write(store);
      const maintained = store.maintain();
      // As a login would in between: it comes to its turn.
      const asked = performance.now();
      await store.transaction((tx) => tx.audit.last());
      longestMs = Math.max(longestMs, performance.now() - asked);
      await maintained;
      const [row] = await store.sql(`select pg_total_relation_size('message')::int as n`);
      sizes.push({ table: Number(row?.['n']), wal: await bytesIn(wal) });
    }
    const most = (of: 'table' | 'wal'): number => Math.max(...sizes.map((each) => each[of])) / MiB;
    expect({ wal: most('wal') < 100, table: most('table') < (ROUND / 1_000) * 2.5 }).toEqual({
      wal: true,
      table: true,
    });
    // It does not grow from one round to the next.
    const [early, late] = [sizes[2], sizes.at(-1)];
    expect(late?.table).toBeLessThanOrEqual((early?.table ?? 0) * 1.2);
    expect(longestMs).toBeLessThan(5_000);
  });
});
