import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ForkHost } from '../../../src/gateway/launch/fork-host.ts';
import { isAlive } from '../../support/checks/alive.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { descendants } from '../../support/peers/processes.ts';

/** Workers that are started ahead, so that they load while control does. */

const EVENTS = { message: () => {}, connection: () => {}, broken: () => {}, exit: () => {} };
const IDLE = "if (process.argv[2] === 'dies') throw new Error('farewell'); setInterval(() => {}, 1_000);";

let folder: ReturnType<typeof testFolder>;
let log: string[];

beforeEach(() => {
  folder = testFolder();
  log = [];
});
afterEach(() => folder[Symbol.dispose]());

function hostOf(way: string): ForkHost {
  const program = join(folder.path, 'worker.cjs');
  writeFileSync(program, IDLE);
  return new ForkHost({
    ...{ listen: { host: '127.0.0.1', port: 0 }, cwd: folder.path, account: null, program, args: [way] },
    files: { collect: async () => false, left: async () => [] },
    log: pino({ base: null }, { write: (line: string) => void log.push(line) }),
  });
}

it('are taken first, and then others are started', async () => {
  const before = new Set(descendants(process.pid));
  await using host = hostOf('lives');
  host.prepare(2);
  const prepared = descendants(process.pid).filter((pid) => !before.has(pid));
  expect(prepared).toHaveLength(2);
  const taken = [1, 2, 3].map(() => host.spawn(EVENTS).pid ?? 0);
  expect(taken.slice(0, 2)).toEqual(prepared);
  expect(prepared).not.toContain(taken[2]);
  expect(isAlive(taken[2] ?? 0)).toBe(true);
});

it('end with their host when nobody took them', async () => {
  const before = new Set(descendants(process.pid));
  {
    await using host = hostOf('lives');
    host.prepare(2);
  }
  await expect.poll(() => descendants(process.pid).filter((pid) => !before.has(pid) && isAlive(pid))).toEqual([]);
});

it('are not taken when they have ended, and the log has what they said', async () => {
  const before = new Set(descendants(process.pid));
  await using host = hostOf('dies');
  host.prepare(1);
  const [dead = 0] = descendants(process.pid).filter((pid) => !before.has(pid));
  // Reaped: until then its host cannot know.
  await expect.poll(() => existsSync(`/proc/${dead}`)).toBe(false);
  const { pid } = host.spawn(EVENTS);
  expect(pid).not.toBe(dead);
  await expect.poll(() => log.join('')).toContain('Error: farewell');
  expect(log.join('')).toContain(`"worker":${dead},"msg":"a gateway worker ended before it was used"`);
});
