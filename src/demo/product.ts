import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { mustRun } from './command.ts';
import type { Snippet } from './targets.ts';
import { CHANNELS, USERS } from './workspace/seed.ts';
import type { Workspace } from './workspace/workspace.ts';

/** The product, driven as an operator would: configuration files and the command line. */
export type Product = AsyncDisposable & {
  readonly configFile: string;
  /** The age identity that opens recordings, once `daypass init` has made it. */
  readonly identityFile: string;
  cli(...args: string[]): Promise<string>;
  snippet(target: string, sshDir: string): Promise<Snippet>;
};

export type ProductTarget = {
  readonly id: string;
  readonly name: string;
  readonly port: number;
  readonly hostKey: string;
};

const READY_MS = 240_000;
/** Below this no session begins in the demo. */
export const MIN_FREE_MIB = 100;
const STOP_MS = 8_000;

export function setUpProduct(
  command: readonly string[],
  folder: string,
  targets: readonly ProductTarget[],
  login: string,
  durations: readonly string[],
): Product {
  const configFile = join(folder, 'daypass.yml');
  const write = (name: string, content: unknown): void => writeFileSync(join(folder, name), stringify(content));
  write('daypass.yml', {
    site: 'demo',
    data_dir: './data',
    gateway: { listen: '127.0.0.1:0', public_host: '127.0.0.1', min_free_mib: MIN_FREE_MIB },
    recordings: { recipients: [] },
    slack: { security_channel: CHANNELS.security, security_users: [USERS.security] },
  });
  write('targets.yml', {
    targets: targets.map(({ id, name, port, hostKey }) => ({
      ...{ id, name, address: '127.0.0.1', port },
      host_keys: [hostKey],
      labels: { env: 'demo' },
      logins: [login],
    })),
  });
  write('policy.yml', {
    // Who plays the manager has no SSH key to sign with, so a click is enough, wherever the targets are said to be.
    rules: [{ name: 'one manager approves', approvals: 1, assurance: 'slack', max_duration: 'PT4H' }],
    durations,
    // Three people play it: the manager opens, and reviews what they opened.
    engagements: {
      openers: [{ people: [USERS.manager] }],
      reviewers: { people: [USERS.manager, USERS.security] },
      ...{ own_review: true, second_person: false },
    },
  });
  const stop = new AbortController();
  const running = new Set<Promise<string>>();
  const cli = (...args: string[]): Promise<string> => {
    const ran = mustRun([...command, '--config', configFile, ...args], { signal: stop.signal });
    running.add(ran);
    return ran.finally(() => running.delete(ran));
  };
  return {
    configFile,
    identityFile: join(folder, 'data', 'keys', 'console.agekey'),
    cli,
    snippet: async (target, sshDir) =>
      JSON.parse(await cli('targets', 'snippet', target, '--ssh-dir', sshDir, '--json')) as Snippet,
    // Nothing may write into the folder any more when it is removed.
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled(running);
    },
  };
}

/** Makes the database while everything else starts; `serve` would make it too, but later. */
export function makeDatabase(folder: string): AsyncDisposable & { readonly made: Promise<void> } {
  const program = fileURLToPath(import.meta.url).replace(/product(\.[jt]s)$/, 'make-database$1');
  const child = fork(program, [join(folder, 'data')], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const made = exited.then((code) => {
    if (code !== 0) throw new Error(`the database could not be made (${code})`);
  });
  made.catch(() => {});
  return {
    made,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

export type Served = AsyncDisposable & {
  /** Resolves with the gateway's port once everything runs. */
  readonly ready: Promise<number>;
  readonly exited: Promise<number | null>;
};

/** Runs `daypass serve` as a child that ends with this process, however this process ends: it holds an IPC channel to it. */
export function serve(command: readonly string[], configFile: string, workspace: Workspace): Served {
  writeApiUrl(configFile, workspace.apiUrl);
  const [program = '', ...args] = command;
  const child = spawn(program, [...args, '--config', configFile, 'serve', '--insecure-single-user'], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      ...environment(),
      SLACK_BOT_TOKEN: workspace.botToken,
      SLACK_APP_TOKEN: workspace.appToken,
    },
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const ready = readyLine(child, exited);
  ready.catch(() => {});
  return { ready, exited, [Symbol.asyncDispose]: () => stop(child, exited) };
}

function environment(): NodeJS.ProcessEnv {
  const { PATH, HOME, LANG, TMPDIR } = process.env;
  return Object.fromEntries(Object.entries({ PATH, HOME, LANG, TMPDIR }).filter(([, value]) => value !== undefined));
}

function writeApiUrl(configFile: string, apiUrl: string): void {
  writeFileSync(configFile, `  api_url: ${apiUrl}\n`, { flag: 'a' });
}

/** The port of the gateway, from the log line that says that everything runs. */
function readyLine(child: ChildProcess, exited: Promise<number | null>): Promise<number> {
  const { stdout, stderr } = child;
  if (!stdout || !stderr) throw new Error('serve was started without pipes');
  const said: string[] = [];
  const keep = (line: string): void => {
    said.push(line);
    if (said.length > 20) said.shift();
  };
  createInterface(stderr).on('line', keep);
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      reject(new Error(`daypass serve ${why}:\n${said.join('\n')}`));
    };
    const timer = setTimeout(() => fail(`was not ready after ${READY_MS / 1000} s`), READY_MS);
    void exited.then((code) => fail(`ended with ${code}`));
    createInterface(stdout).on('line', (line) => {
      keep(line);
      const parsed = parseLine(line);
      if (parsed?.msg !== 'ready' || typeof parsed.gateway?.port !== 'number') return;
      clearTimeout(timer);
      resolve(parsed.gateway.port);
    });
  });
}

function parseLine(line: string): { msg?: string; gateway?: { port?: number } } | null {
  try {
    return JSON.parse(line) as { msg?: string; gateway?: { port?: number } };
  } catch {
    return null;
  }
}

async function stop(child: ChildProcess, exited: Promise<number | null>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await exited;
  clearTimeout(timer);
}
