import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Grant } from '../../src/access/grant.ts';
import type { AccessWorld } from './access-world.ts';

export type Ran = { readonly code: number | null; readonly out: Buffer; readonly err: string };

/** Both ways in: through ProxyJump, as the generated ssh_config does, and `<login>+<target>@gateway`. */
export type Way = 'jump' | 'direct';
export const WAYS: readonly Way[] = ['jump', 'direct'];

/** A contractor's machine: a folder with a key, an ssh_config and the stock OpenSSH clients. */
export class Contractor implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'daypass-contractor-'));
  readonly key = join(this.folder, 'id');
  readonly certificate = join(this.folder, 'id-cert.pub');
  readonly config = join(this.folder, 'config');
  readonly #children = new Set<ChildProcessWithoutNullStreams>();

  constructor(keyArguments: readonly string[] = ['-t', 'ed25519']) {
    execFileSync('ssh-keygen', ['-q', ...keyArguments, '-N', '', '-C', '', '-f', this.key]);
  }

  get publicKey(): string {
    return readFileSync(`${this.key}.pub`, 'utf8').trim();
  }

  /** Writes an ssh_config for this gateway and these targets, in both ways. */
  configure(world: AccessWorld, extra = ''): void {
    const port = world.gateway?.port;
    const common = [
      `  IdentityFile ${this.key}`,
      `  CertificateFile ${this.certificate}`,
      '  IdentitiesOnly yes',
      '  StrictHostKeyChecking yes',
      `  UserKnownHostsFile ${join(this.folder, 'known_hosts')}`,
      '  HostKeyAlias daypass-gateway',
      '  WarnWeakCrypto no-pq-kex',
      extra,
    ];
    writeFileSync(join(this.folder, 'known_hosts'), `daypass-gateway ${world.keys.gatewayHostPublicKey}\n`);
    const gateway = ['  HostName 127.0.0.1', `  Port ${port}`];
    const lines = ['IgnoreUnknown WarnWeakCrypto', 'Host gateway', ...gateway, '  User daypass', ...common];
    for (const { id } of world.targets) {
      lines.push(`Host ${id}.test.daypass`, '  ProxyJump gateway', `  User ${world.login}`, ...common);
      lines.push(`Host direct-${id}`, ...gateway, `  User ${world.login}+${id}`, ...common);
    }
    writeFileSync(this.config, `${lines.join('\n')}\n`);
  }

  host(way: Way, target: string): string {
    return way === 'jump' ? `${target}.test.daypass` : `direct-${target}`;
  }

  spawn(program: string, args: readonly string[], options: { raw?: boolean } = {}): ChildProcessWithoutNullStreams {
    const all = options.raw ? args : ['-F', this.config, ...args];
    const child = spawn(program, all, {
      stdio: 'pipe',
      cwd: this.folder,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
    });
    this.#children.add(child);
    child.once('close', () => this.#children.delete(child));
    child.stdin.on('error', () => {});
    return child;
  }

  ssh(args: readonly string[], input: string | Buffer = ''): Promise<Ran> {
    return this.run('ssh', args, input);
  }

  async run(program: string, args: readonly string[], input: string | Buffer = '', raw = false): Promise<Ran> {
    const child = this.spawn(program, args, { raw });
    const out: Buffer[] = [];
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.stdin.end(input);
    const code = await ended(child);
    return { code, out: Buffer.concat(out), err };
  }

  /** Proves this key to the gateway under a one-time code. */
  async register(world: AccessWorld, code: string): Promise<Ran> {
    const options = ['-o', 'StrictHostKeyChecking=no', '-o', `UserKnownHostsFile=${join(this.folder, 'known_hosts')}`];
    const identity = ['-i', this.key, '-o', 'IdentitiesOnly=yes', '-p', String(world.gateway?.port)];
    return this.run('ssh', ['-F', 'none', ...options, ...identity, `register-${code}@127.0.0.1`], '', true);
  }

  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const ended = (child: ChildProcessWithoutNullStreams): Promise<number | null> =>
  new Promise((resolve) => child.once('close', (code) => resolve(code)));

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Registers this machine's key, asks for access and has it approved; the certificate and an ssh_config are in place after. */
export async function enter(
  world: AccessWorld,
  machine: Contractor,
  ask: { scope?: string; seconds?: number } = {},
): Promise<Grant> {
  const reviewer = await world.person('UREVIEW');
  const person = await world.person(`U${machine.folder}`, 'guest');
  const registered = await machine.register(world, await world.code(person.id));
  if (registered.code !== 0) throw new Error(`the key was not registered: ${registered.err}`);
  const engagement = await world.engagement([person], [reviewer]);
  const made = await world.grant(person, reviewer, engagement, ask);
  await world.certificate(made, machine.certificate);
  machine.configure(world);
  return made;
}
