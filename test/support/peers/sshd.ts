import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import type { TargetFile } from '../../../src/access/sshd-block.ts';
import { descendants, run, runOk } from './processes.ts';

/** Real sshds with a configuration of their own, on loopback, as root or as an ordinary user; nothing of them stays. */

type Trust =
  /** Trusts a CA for one login, set up as `daypass targets snippet` prints it, with these principals. */
  | { readonly userCa: string; readonly principals: readonly string[] }
  /** Any other set-up: the files it needs and the end of its sshd_config, below its own folder. */
  | { readonly setUp: (sshDir: string) => { readonly files: readonly TargetFile[]; readonly block: string } };

export type SshdOptions = Trust & {
  /** Who logs in. Not root, sshd lets in only the user that runs it. */
  readonly login?: string;
  /** OpenSSH private key, ed25519; made anew where it is left out. */
  readonly hostKey?: string;
  readonly address?: '127.0.0.1' | '::1';
  /** Lines of sshd_config that stand before all others and so win. */
  readonly extraConfig?: string;
};

export type Sshd = AsyncDisposable & {
  readonly address: string;
  readonly port: number;
  readonly login: string;
  /** `ssh-ed25519 <base64>`. */
  readonly hostKeyLine: string;
  /** A known_hosts file that names this sshd alone. */
  readonly knownHosts: string;
  readonly pid: number;
  /** What it has logged so far, at LogLevel VERBOSE. */
  log(): string;
  /** Resolves once its log matches, with what matched. */
  logged(pattern: RegExp): Promise<string>;
};

const PREFIX = '.daypass-sshd-';
const BIND_ATTEMPTS = 10;
const START_MS = 20_000;
const LOG_MAX = 4_000_000;

export const runningUser = (): string => userInfo().username;

export async function startSshd(options: SshdOptions): Promise<Sshd> {
  const { folder, strictModes } = makeFolder();
  try {
    const address = options.address ?? '127.0.0.1';
    const hostKeyLine = await writeHostKey(folder, options.hostKey);
    const trust = 'setUp' in options ? options.setUp(folder) : trustBlock(folder, options);
    for (const file of trust.files) writeFile(file);
    const lines = [...(await fixedLines(folder, strictModes)), `ListenAddress ${address}`, trust.block];
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort(address);
      const config = join(folder, 'sshd_config');
      writeFileSync(config, [`Port ${port}`, options.extraConfig ?? '', ...lines, ''].join('\n'));
      const running = await start(config, address, port);
      if (running.kind === 'running') return sshd(running, { folder, address, port, hostKeyLine, options });
      if (running.kind === 'failed' || attempt === BIND_ATTEMPTS) throw new Error(`sshd did not start: ${running.log}`);
    }
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/**
 * StrictModes wants no folder above that others may write to, which rules /tmp out. Root's sshd reads principals as the user who logs
 * in, so others have to be able to look inside, as they are in /etc/ssh.
 */
function makeFolder(): { folder: string; strictModes: boolean } {
  const parent = process.getuid?.() === 0 ? '/run' : userInfo().homedir;
  const strictModes = isStrict(parent);
  const within = strictModes ? parent : tmpdir();
  removeAbandoned(within);
  const folder = mkdtempSync(join(within, `${PREFIX}${process.pid}-`));
  chmodSync(folder, 0o755);
  return { folder, strictModes };
}

/** A test runner that was killed leaves its folders to the next one; its sshds went with it. */
function removeAbandoned(within: string): void {
  for (const name of readdirSync(within)) {
    const pid = name.startsWith(PREFIX) ? Number(name.slice(PREFIX.length).split('-')[0]) : Number.NaN;
    if (Number.isInteger(pid) && !existsSync(`/proc/${pid}`))
      rmSync(join(within, name), { recursive: true, force: true });
  }
}

function isStrict(parent: string): boolean {
  try {
    accessSync(parent, constants.W_OK);
    return (statSync(parent).mode & 0o022) === 0;
  } catch {
    return false;
  }
}

async function writeHostKey(folder: string, given: string | undefined): Promise<string> {
  const path = join(folder, 'host_key');
  if (given === undefined) await runOk('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
  else writeFileSync(path, given, { mode: 0o600 });
  const line = await runOk('ssh-keygen', ['-y', '-f', path]);
  return line.trim().split(' ').slice(0, 2).join(' ');
}

function writeFile({ path, content }: TargetFile): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
  writeFileSync(path, content, { mode: 0o644 });
}

function trustBlock(sshDir: string, options: Extract<SshdOptions, { userCa: string }>) {
  const login = options.login ?? runningUser();
  const principals = `${sshDir}/daypass_principals`;
  return {
    files: [
      { path: `${sshDir}/daypass_ca.pub`, content: `${options.userCa}\n` },
      { path: `${principals}/${login}`, content: options.principals.map((each) => `${each}\n`).join('') },
    ],
    block: [
      `Match User ${login}`,
      `  TrustedUserCAKeys ${sshDir}/daypass_ca.pub`,
      `  AuthorizedPrincipalsFile ${principals}/%u`,
      '  AuthorizedKeysFile none',
      '  PermitUserRC no',
      '  AllowAgentForwarding no',
      '  X11Forwarding no',
      'Match all',
    ].join('\n'),
  };
}

async function fixedLines(folder: string, strictModes: boolean): Promise<string[]> {
  return [
    // bash then reads no ~/.bashrc for a command: what the account of this machine has there is none of the tests’ business.
    'SetEnv SHLVL=1',
    `HostKey ${join(folder, 'host_key')}`,
    'PidFile none',
    'LogLevel VERBOSE',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'PrintMotd no',
    'PrintLastLog no',
    'UseDNS no',
    'MaxStartups 200',
    'Subsystem sftp internal-sftp',
    `StrictModes ${strictModes ? 'yes' : 'no'}`,
    // Penalties would refuse good logins for a while after the bad ones that tests make.
    ...((await opensshVersion()) >= 9.8 ? ['PerSourcePenalties no'] : []),
  ];
}

/** 9.2 for OpenSSH_9.2p1. */
export async function opensshVersion(): Promise<number> {
  const { stderr, stdout } = await run(sshdPath(), ['-V']);
  return Number(/OpenSSH_([0-9]+\.[0-9]+)/.exec(stderr + stdout)?.[1] ?? 0);
}

/** sshd runs itself again for each connection and therefore wants its absolute path. */
function sshdPath(): string {
  const folders = ['/usr/sbin', '/usr/local/sbin', '/sbin', ...(process.env['PATH'] ?? '').split(':')];
  const found = folders.map((folder) => join(folder, 'sshd')).find((path) => existsSync(path));
  if (!found) throw new Error('no sshd: install openssh-server');
  return found;
}

async function freePort(address: string): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, 'listening');
  const bound = server.address();
  server.close();
  await once(server, 'close');
  if (bound === null || typeof bound === 'string') throw new Error('no port');
  return bound.port;
}

type Running = { readonly kind: 'running'; readonly child: ChildProcess; readonly pid: number; readonly log: Log };
type Started = Running | { readonly kind: 'port_taken' | 'failed'; readonly log: string };

/** Ready means that its SSH banner was seen. */
async function start(config: string, address: string, port: number): Promise<Started> {
  // Root's sshd separates privileges in this folder, which Debian makes when the service starts.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  // setpriv: a test runner that is killed takes its sshd along.
  const command = ['--pdeathsig', 'TERM', sshdPath(), '-D', '-e', '-f', config];
  const child = spawn('setpriv', command, { stdio: ['ignore', 'ignore', 'pipe'] });
  const log = collectLog(child);
  try {
    await log.matches(/Server listening on /, START_MS);
    await banner(address, port);
  } catch {
    child.kill('SIGKILL');
    return { kind: log.text().includes('Address already in use') ? 'port_taken' : 'failed', log: log.text() };
  }
  if (child.pid === undefined) throw new Error('sshd has no process id');
  return { kind: 'running', child, pid: child.pid, log };
}

async function banner(address: string, port: number): Promise<void> {
  const socket = connect(port, address).setEncoding('utf8');
  try {
    const [text] = (await once(socket, 'data', { signal: AbortSignal.timeout(START_MS) })) as [string];
    if (!text.startsWith('SSH-2.0-')) throw new Error(`no SSH banner but ${JSON.stringify(text.slice(0, 80))}`);
  } finally {
    socket.destroy();
  }
}

type Log = { text(): string; matches(pattern: RegExp, withinMs: number): Promise<string> };

function collectLog(child: ChildProcess): Log {
  let text = '';
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of waiting) look();
  };
  child.stderr?.setEncoding('utf8').on('data', (more: string) => {
    text = (text + more).slice(-LOG_MAX);
    changed();
  });
  let closed = false;
  child.once('close', () => {
    closed = true;
    changed();
  });
  return {
    text: () => text,
    matches: (pattern, withinMs) =>
      new Promise((resolve, reject) => {
        const settle = (act: () => void): void => {
          clearTimeout(late);
          waiting.delete(look);
          act();
        };
        const look = (): void => {
          const [matched] = pattern.exec(text) ?? [];
          if (matched !== undefined) settle(() => resolve(matched));
          else if (closed) settle(() => reject(new Error(`sshd ended without logging ${pattern}: ${text}`)));
        };
        const late = setTimeout(
          () => settle(() => reject(new Error(`sshd did not log ${pattern}: ${text}`))),
          withinMs,
        );
        waiting.add(look);
        look();
      }),
  };
}

type Made = {
  readonly folder: string;
  readonly address: string;
  readonly port: number;
  readonly hostKeyLine: string;
  readonly options: SshdOptions;
};

function sshd({ child, pid, log }: Running, { folder, address, port, hostKeyLine, options }: Made): Sshd {
  const knownHosts = join(folder, 'known_hosts');
  writeFileSync(knownHosts, `[${address}]:${port} ${hostKeyLine}\n`);
  return {
    ...{ address, port, hostKeyLine, knownHosts, pid },
    login: options.login ?? runningUser(),
    log: log.text,
    logged: (pattern) => log.matches(pattern, START_MS),
    async [Symbol.asyncDispose]() {
      // Its log stays open until the last of its processes has ended.
      const ended = child.exitCode === null && child.signalCode === null ? once(child, 'close') : null;
      for (const each of [pid, ...descendants(pid)]) kill(each);
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
