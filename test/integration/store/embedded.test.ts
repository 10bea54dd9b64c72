import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBeside } from '../../support/worlds/beside.ts';
import { bareFolder, openOwnStore, storePlace, type TestStore } from '../../support/worlds/store.ts';

const PROGRAM = fileURLToPath(new URL('../../support/worlds/open-store-process.ts', import.meta.url));
const KILLS = process.env['DAYPASS_LONG'] === '1' ? 200 : 2;

const open = (dataDir: string): ChildProcess =>
  spawn(process.execPath, ['--import', 'tsx', PROGRAM, dataDir, '-'], { stdio: ['pipe', 'pipe', 'pipe'] });

/** The ids that a process prints until it has printed `count` of them, when it is killed. */
async function acknowledged(child: ChildProcess, count: number): Promise<string[]> {
  if (!child.stdout) throw new Error('no stdout');
  const ids: string[] = [];
  for await (const line of createInterface(child.stdout)) {
    if (!line.startsWith('open')) ids.push(line);
    if (ids.length === count) child.kill('SIGKILL');
  }
  return ids;
}

describe('an open embedded database', () => {
  let store: TestStore;
  beforeAll(async () => {
    store = await openOwnStore('embedded');
  });
  afterAll(() => store[Symbol.asyncDispose]());

  it('refuses a second process within two seconds of its start, and says what to do', async () => {
    const child = open(store.options.dataDir);
    const errors: string[] = [];
    child.stderr?.on('data', (data: Buffer) => errors.push(data.toString()));
    const closing = once(child, 'close');
    if (!child.stdout) throw new Error('no stdout');
    // Before this line Node and tsx start, which is not the store's doing.
    expect(await once(createInterface(child.stdout), 'line')).toEqual(['opening']);
    const started = performance.now();
    const [code] = await closing;
    expect(performance.now() - started).toBeLessThan(2_000);
    expect(code).not.toBe(0);
    expect(errors.join('')).toMatch(/Another Daypass process has the database in .* open.*Stop the other one/);
    expect(await store.transaction((tx) => tx.persons.all())).toEqual([]);
  });

  it('refuses a second store of the same process at once', async () => {
    const started = performance.now();
    await expect(openBeside(store.options)).rejects.toMatchObject({ code: 'folder_in_use' });
    expect(performance.now() - started).toBeLessThan(500);
  });

  it('lets nobody else read it', async () => {
    const mode = async (name: string): Promise<number> => (await stat(join(store.options.dataDir, name))).mode & 0o777;
    expect(await mode('db')).toBe(0o700);
    expect(await mode('db.lock')).toBe(0o600);
  });
});

describe('the embedded database', () => {
  it('opens after its process was killed, with every row that was acknowledged', async () => {
    await using place = await storePlace('embedded');
    const expected: string[] = [];
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const child = open(place.options.dataDir);
      expected.push(...(await acknowledged(child, 1 + (kill % 20))));
    }
    expect(expected.length).toBeGreaterThanOrEqual(KILLS);
    await using store = await openBeside(place.options);
    const found = new Set<string>((await store.transaction((tx) => tx.persons.all())).map(({ id }) => id));
    expect(expected.filter((id) => !found.has(id))).toEqual([]);
  });

  it('clears what a kill during its making left behind', async () => {
    await using place = await bareFolder('embedded');
    const half = join(place.options.dataDir, 'db.new');
    await mkdir(half);
    await writeFile(join(half, 'PG_VERSION'), '18\n');
    await using store = await openBeside(place.options);
    expect(await store.transaction((tx) => tx.persons.all())).toEqual([]);
    expect(existsSync(half)).toBe(false);
  });

  it('that is damaged is named, not replaced', async () => {
    await using place = await bareFolder('embedded');
    await mkdir(join(place.options.dataDir, 'db'));
    await writeFile(join(place.options.dataDir, 'db', 'PG_VERSION'), '9\n');
    await expect(openBeside(place.options)).rejects.toThrow(/cannot be opened. Restore the folder from a backup/);
    expect(existsSync(join(place.options.dataDir, 'db', 'PG_VERSION'))).toBe(true);
  });
});
