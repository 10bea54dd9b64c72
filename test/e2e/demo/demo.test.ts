import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isAlive } from '../../support/checks/alive.ts';
import { descendants } from '../../support/peers/processes.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const GONE_MS = 15_000;

type Demo = {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  said(): string;
  /** Resolves once the demo has said this. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
};

let folder: string;
let demos: Demo[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'daypass-demo-test-'));
  demos = [];
});

afterEach(async () => {
  for (const { child, exited } of demos) {
    child.kill('SIGTERM');
    await exited;
  }
  rmSync(folder, { recursive: true, force: true });
});

function startDemo(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Demo {
  const child = spawn(process.execPath, ['--import', 'tsx', 'src/cli.ts', 'demo', ...args], {
    cwd: ROOT,
    env: { ...process.env, DAYPASS_DEMO_PORT: '0', TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      output += chunk.toString();
      child.emit('said');
    });
  }
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const demo: Demo = {
    child,
    exited,
    said: () => output,
    async says(pattern) {
      for (;;) {
        const found = pattern.exec(output);
        if (found) return found;
        await Promise.race([once(child, 'said'), exited.then(() => Promise.reject(new Error(`it ended:\n${output}`)))]);
      }
    },
  };
  demos.push(demo);
  return demo;
}

/** The demo's folders; tsx keeps its cache beside them. */
const left = (): string[] => readdirSync(folder).filter((name) => name.startsWith('daypass-'));

/** What compiles is a program that the script `tsc` starts. */
const compilers = (demo: Demo): number[] =>
  descendants(demo.child.pid ?? 0).filter(
    (pid) => isAlive(pid) && readlinkSync(`/proc/${pid}/exe`).endsWith('/lib/tsc'),
  );

async function allGone(pids: readonly number[]): Promise<void> {
  const limit = Date.now() + GONE_MS;
  while (pids.some(isAlive)) {
    if (Date.now() > limit) throw new Error(`still there: ${pids.filter(isAlive).join(', ')}`);
    await sleep(50);
  }
}

it('tours the whole story and leaves nothing behind', async () => {
  const demo = startDemo(['--tour']);
  const code = await demo.exited;
  expect(demo.said().split('\n')[0]).toMatch(/^Demo: http:\/\/127\.0\.0\.1:\d+\/$/);
  expect(demo.said()).not.toContain('✗');
  expect(demo.said()).toMatch(/\n\[ *\d+\.\d\d s\] ✓ two targets, keys, a database and Daypass are running\n/);
  expect(demo.said()).toContain('✓ security replays the terminal');
  expect(code, demo.said()).toBe(0);
  expect(demo.said()).toContain('Time from Approve to the direct message');
  expect(left()).toEqual([]);
});

it('ends when asked to, with every process and its folder', async () => {
  const demo = startDemo();
  await demo.says(/Ctrl-C/);
  const pids = descendants(demo.child.pid ?? 0);
  expect(pids.length).toBeGreaterThan(2);
  expect(left()).toHaveLength(1);
  demo.child.kill('SIGINT');
  expect(await demo.exited).toBe(0);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(left()).toEqual([]);
});

it('leaves no process when it is killed, and the next start clears its folder', async () => {
  const killed = startDemo();
  await killed.says(/Ctrl-C/);
  const pids = descendants(killed.child.pid ?? 0);
  const [folderOfKilled] = left();
  killed.child.kill('SIGKILL');
  await allGone(pids);
  expect(left()).toEqual([folderOfKilled]);
  const next = startDemo();
  await next.says(/Demo: /);
  expect(left()).not.toContain(folderOfKilled);
});

it('ends while it compiles, and nothing goes on writing into its folder', async () => {
  const demo = startDemo();
  await expect.poll(() => compilers(demo).length).toBe(1);
  const [compiler = 0] = compilers(demo);
  demo.child.kill('SIGTERM');
  expect(await demo.exited).toBe(0);
  expect(isAlive(compiler)).toBe(false);
  expect(left()).toEqual([]);
});

it('takes another port where the wanted one is taken, and says so', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  const demo = startDemo([], { DAYPASS_DEMO_PORT: String(port) });
  await demo.says(new RegExp(`Port ${port} is taken`));
  expect(demo.said()).toMatch(/^Demo: http:\/\/127\.0\.0\.1:\d+\/\n/);
  demo.child.kill('SIGTERM');
  expect(await demo.exited).toBe(0);
  taken.close();
});

it('ends by itself when Daypass does not start, with what it said', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'test/support/worlds/failing-demo.ts'], {
    ...{ cwd: ROOT, env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] as const },
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  expect(said).toContain('The demo failed. daypass serve ended with 1:\nnothing can be served here');
  expect(code).toBe(1);
  expect(left()).toEqual([]);
});

it('says that it is starting, on the page too, before it says that it is ready', async () => {
  const demo = startDemo();
  const [, url = ''] = await demo.says(/^Demo: (\S+)\n {2}Starting /);
  const starting = async (): Promise<unknown> =>
    ((await (await fetch(`${url}personas/contractor/state`)).json()) as { starting: unknown }).starting;
  expect(await starting()).toBe(true);
  await demo.says(/^Ready\. Open /m);
  expect(await starting()).toBe(false);
});

it('names ssh when it is missing', async () => {
  const demo = startDemo([], { PATH: folder });
  expect(await demo.exited).toBe(2);
  expect(demo.said()).toContain('apt install openssh-client');
});
