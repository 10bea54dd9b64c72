import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ForkHost } from '../../../src/gateway/launch/fork-host.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { rssMiB } from '../../support/peers/raw-client.ts';
import { CONTROL_ID, LaunchedWorld } from '../../support/worlds/launched-world.ts';

type Line = { readonly level: number; readonly msg: string; readonly worker?: number } & Readonly<
  Record<string, unknown>
>;

describe('what a worker prints', () => {
  const program = fileURLToPath(new URL('../../support/peers/owned-worker.ts', import.meta.url));

  /** A host in this process that runs one worker in somebody else's hands, and what the log then has. */
  function ownedWorker(way: string) {
    const folder = testFolder();
    mkdirSync(join(folder.path, 'spool'));
    const written: string[] = [];
    const write = (line: string): void => void written.push(line);
    const host = new ForkHost({
      ...{
        listen: { host: '127.0.0.1', port: 0 },
        cwd: join(folder.path, 'spool'),
        account: null,
        program,
        args: [way],
      },
      files: { collect: async () => false, left: async () => [] },
      log: pino({ level: 'debug', base: null }, { write }),
    });
    let ended = (_code: number | null): void => {};
    const exit = new Promise<number | null>((resolve) => {
      ended = resolve;
    });
    const events = { message: () => {}, connection: () => {}, broken: () => {}, exit: ended };
    const { pid } = host.spawn({ ...events, exit: ({ code }) => ended(code) });
    return {
      ...{ host, pid, exit, written },
      get lines(): Line[] {
        return written.map((line) => JSON.parse(line) as Line);
      },
      async said(is: (line: Line) => boolean): Promise<Line> {
        for (let tries = 0; tries < 1_000; tries += 1) {
          const found = this.lines.find(is);
          if (found) return found;
          await pause(10);
        }
        throw new Error(`it is not in the log: ${written.join('').slice(0, 10_000)}`);
      },
      async [Symbol.asyncDispose]() {
        await host[Symbol.asyncDispose]();
        folder[Symbol.dispose]();
      },
    };
  }

  it('is in the log as its words, whatever it looks like, and cut where it is too long', async () => {
    await using owned = ownedWorker('lines that read like control’s, and one that is too long');
    await owned.said(({ said }) => (said as { msg?: string }).msg === 'small');
    while (owned.lines.length < 10) await pause(10);
    const says = { worker: owned.pid, msg: 'worker output' };
    const forged = (level: number): object[] => [
      { ...says, level: 30, said: { level: 30, msg: 'ready', worker: 1 } },
      { ...says, level: 50, said: { v: 1, id: 7, type: 'grant_revoked' } },
      { ...says, level, said: '[1]' },
      { ...says, level, said: 'plain\u009b31m' },
    ];
    const [cut, small] = [
      { ...says, level: 30, said: 'y'.repeat(8 * 1024) },
      { ...says, level: 20, said: { level: 20, msg: 'small' } },
    ];
    const got = owned.lines.map(({ time: _time, ...line }) => line).filter(({ msg }) => msg === 'worker output');
    expect(got).toHaveLength(10);
    expect(got).toEqual(expect.arrayContaining([...forged(30), ...forged(50), cut, small]));
    const dropped = await owned.said(({ msg }) => msg !== 'worker output');
    expect(dropped).toMatchObject({ level: 40, worker: owned.pid, lines: 0, bytes: 100_000 - 8 * 1024 });
  });

  it('is there to its last word when it dies', async () => {
    await using owned = ownedWorker('last words');
    expect(await owned.exit).toBe(1);
    const stack = { worker: owned.pid, msg: 'worker output', level: 50 };
    await owned.said(({ said }) => said === 'Error: farewell');
    expect(owned.lines).toContainEqual(
      expect.objectContaining({ ...stack, said: expect.stringMatching(/^ {4}at .*owned-worker/) }),
    );
  });

  it('is heard no more once it has ended, whoever still holds its pipes', async () => {
    const owned = ownedWorker('a child that holds its pipes');
    expect(await owned.exit).toBe(3);
    const start = performance.now();
    await owned[Symbol.asyncDispose]();
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it.each(['one line without end', 'empty lines', 'short lines', 'lines of a log', 'deep lines'])(
    'costs nothing where it is a flood of %s',
    async (way) => {
      await using owned = ownedWorker(way);
      await pause(1_500);
      const before = rssMiB(process.pid);
      const cpu = process.cpuUsage();
      await pause(3_000);
      const { user, system } = process.cpuUsage(cpu);
      expect(rssMiB(process.pid) - before).toBeLessThan(32);
      expect((user + system) / 3_000_000).toBeLessThan(0.3);
      // Two hundred lines a second, and the word of what was dropped.
      expect(owned.written.length).toBeLessThan(1_200);
      expect(owned.written.join('').length).toBeLessThan(8 * 1024 * 1024);
      const dropped = owned.written.filter((line) =>
        line.includes('worker output exceeded the log limit; this much was dropped'),
      );
      if (!['empty lines', 'deep lines'].includes(way)) expect(dropped.length).toBeGreaterThan(0);
    },
  );
});

/** Stands in nothing that is not forged: digits alone turn up in random ids. */
const MARK = 'forged by a worker';
const FORGED = {
  event: { v: 1, id: 4242, at: '2026-01-01T00:00:00.000Z', site: 'test', type: 'grant_revoked', facts: { by: MARK } },
  log: { level: 30, time: '2026-01-01T00:00:00.000Z', msg: 'stopped', by: MARK },
};
/** Prints what is forged to wherever it can, and then goes on printing from a process of its own while it works. */
const FLOOD = `
const { writeSync } = require('node:fs');
const garbage = Buffer.alloc(1024 * 1024, 'x');
for (let mib = 0; ; mib += 1) {
  try {
    writeSync(1, mib < 100 ? garbage : '${MARK}\\n');
  } catch (error) {
    if (error.code !== 'EAGAIN') break;
  }
}
`;
const PRELUDE = `
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';
for (const fd of [1, 2]) writeSync(fd, ${JSON.stringify(`${JSON.stringify(FORGED.event)}\n${JSON.stringify(FORGED.log)}\n`)});
spawn(process.execPath, ['-e', ${JSON.stringify(FLOOD)}], { stdio: ['ignore', 'inherit', 'inherit'] });
`;

describeAsRoot('daypass serve --events with workers that somebody else owns', () => {
  let world: LaunchedWorld;
  beforeAll(async () => {
    world = await LaunchedWorld.start({ events: true, workerPrelude: PRELUDE });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('writes no event and no line of the log that they forge, stays as small as it is and serves', async () => {
    const [control = -1] = await world.pids(CONTROL_ID);
    const before = [rssMiB(control), rssMiB(world.launcher)];
    for (let round = 0; round < 5; round += 1) {
      expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
    }
    await world.said(({ msg }) => msg?.startsWith('worker output exceeded') ?? false, 2);
    expect(rssMiB(world.launcher) - (before[1] ?? 0)).toBeLessThan(32);
    expect(rssMiB(control) - (before[0] ?? 0)).toBeLessThan(64);
    while (!world.events.some(({ type }) => type === 'session_ended')) await pause(20);
    for (const event of world.events) expect(event).toMatchObject({ v: 1, site: 'test', id: expect.any(Number) });
    expect(JSON.stringify(world.events)).not.toContain(MARK);
    const told = world.lines.filter((line) => JSON.stringify(line).includes(MARK));
    // Two workers print each of them to stdout and to stderr.
    for (const said of [FORGED.event, FORGED.log]) {
      expect(told.filter((line) => JSON.stringify(line['said']) === JSON.stringify(said))).toHaveLength(4);
    }
    for (const line of told) expect(line).toMatchObject({ msg: 'worker output', worker: expect.any(Number) });
    expect(world.lines.filter(({ msg }) => msg === 'stopped')).toEqual([]);
  });
});
