import { type ChildProcess, fork } from 'node:child_process';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ssh2, { type Client } from 'ssh2';
import { makeSessionKey } from '../../src/gateway/upstream/connect.ts';
import { presentCertificate } from '../../src/gateway/upstream/present-certificate.ts';
import { fingerprint, publicKeyLine } from '../../src/sshwire/public-key.ts';
import { publicKeyOf } from '../support/peers/ssh-keys.ts';
import { runningUser, type Sshd, startSshd } from '../support/peers/sshd.ts';
import { scope } from '../support/samples/samples.ts';
import { GatewayWorld } from '../support/worlds/gateway-world.ts';
import type { Failed } from './crowd-messages.ts';

/** Milliseconds of the clock that all processes of one machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** What has to go whatever happens, also when a signal ends the bench. */
class LeftBehind implements AsyncDisposable {
  readonly #resources = new Set<AsyncDisposable>();

  use<Resource extends AsyncDisposable>(resource: Resource): Resource {
    this.#resources.add(resource);
    return resource;
  }

  async dispose(resource: AsyncDisposable): Promise<void> {
    if (this.#resources.delete(resource)) await resource[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#resources].reverse().map((resource) => this.dispose(resource)));
  }
}

export const leftBehind = new LeftBehind();

/** An sshd that lets the person in by the key itself: OpenSSH's own way, without any of ours. */
const plainSshd = (publicKey: string): Promise<Sshd> =>
  startSshd({
    setUp: (dir) => ({
      files: [{ path: join(dir, 'authorized_keys'), content: `${publicKey}\n` }],
      block: `AuthorizedKeysFile ${join(dir, 'authorized_keys')}`,
    }),
  });

/** The gateway with one worker before one sshd, and OpenSSH's jump and target beside it. */
export class Lab implements AsyncDisposable {
  readonly world: GatewayWorld;
  readonly target: Sshd;
  readonly #jump: Sshd;
  readonly #reference: string;

  private constructor(world: GatewayWorld, jump: Sshd, target: Sshd) {
    this.world = world;
    this.#jump = jump;
    this.target = target;
    this.#reference = referenceConfig(world, jump, target);
  }

  static async start(options: Parameters<typeof GatewayWorld.start>[0] = {}): Promise<Lab> {
    const world = leftBehind.use(await GatewayWorld.start(options));
    const jump = leftBehind.use(await plainSshd(world.person.line));
    const target = leftBehind.use(await plainSshd(world.person.line));
    return new Lab(world, jump, target);
  }

  /** ssh_config files of both, where every hop has this cipher; ssh's own choice when it is left out. */
  ways(cipher?: string): Record<'direct' | 'jump' | 'proxyjump' | 'straight', Way> {
    const [ours, reference] = [this.world.sshConfig, this.#reference].map((file) => {
      if (cipher === undefined) return file;
      const path = `${file}-${cipher}`;
      writeFileSync(path, `Ciphers ${cipher}\n${readFileSync(file, 'utf8')}`);
      return path;
    }) as [string, string];
    return {
      direct: { config: ours, host: 'direct' },
      jump: { config: ours, host: 'web-01' },
      proxyjump: { config: reference, host: 'proxyjump' },
      straight: { config: reference, host: 'straight' },
    };
  }

  /** CPU seconds that the worker has used so far, all its threads together. */
  get workerCpu(): number {
    return cpuSeconds(workerOf(this.world));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const each of [this.world, this.#jump, this.target]) await leftBehind.dispose(each);
  }
}

export type Way = { readonly config: string; readonly host: string };

function referenceConfig(world: GatewayWorld, jump: Sshd, target: Sshd): string {
  const file = join(world.folder.path, 'reference_config');
  const host = (name: string, sshd: Sshd, more: readonly string[]): string[] => [
    `Host ${name}`,
    `  HostName ${sshd.address}`,
    `  Port ${sshd.port}`,
    `  User ${runningUser()}`,
    `  IdentityFile ${world.person.path}`,
    '  CertificateFile none',
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${sshd.knownHosts}`,
    '  BatchMode yes',
    ...more,
  ];
  const lines = [
    ...host('jump', jump, []),
    ...host('straight', target, []),
    ...host('proxyjump', target, ['  ProxyJump jump']),
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

/** Recordings that are closed go, so that the disk does not fill; a bench keeps none. */
export async function dropRecordings({ control, folder }: GatewayWorld): Promise<void> {
  for (const id of control.sessions) await control.closing(id);
  const recordings = join(folder.path, 'recordings');
  for (const id of readdirSync(recordings)) {
    if ((control.sessions as string[]).includes(id)) rmSync(join(recordings, id), { recursive: true, force: true });
  }
}

export function workerOf({ gateway }: GatewayWorld): number {
  const [pid] = gateway.workers;
  if (pid === undefined) throw new Error('the gateway has no worker');
  return pid;
}

const TICKS_PER_SECOND = 100;

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export type Certified = { readonly certificate: string; readonly privateKey: KeyObject };

/** A key of its own for programs, with a grant for every target that the world has by now. */
export function certify({ control, login }: GatewayWorld): Certified {
  const { privateKey, publicBlob } = makeSessionKey();
  const key = publicKeyOf(publicBlob);
  const { certificate } = control.grant({
    ...{ publicKey: publicKeyLine(key), fingerprint: fingerprint(key) as never, login, scope: scope('shell') },
  });
  return { certificate, privateKey };
}

export type Place = { readonly host: string; readonly port: number; readonly username: string };

/** Logs a program in through the gateway. */
export async function enter(place: Place, certified: Certified): Promise<Client> {
  const client = new ssh2.Client();
  client.connect({ ...place, authHandler: ['none'], algorithms: { cipher: ['aes128-gcm@openssh.com'] } });
  presentCertificate(client, certified);
  await once(client, 'ready', { signal: AbortSignal.timeout(60_000) });
  client.on('error', () => {});
  return client;
}

/** A program of this folder in a process of its own, which ends when this one does. */
export class Helper<To extends object, From extends { readonly type: string }> implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #heard: From[] = [];
  #failure: string | null = null;
  #look: () => void = () => {};

  constructor(name: string) {
    const file = fileURLToPath(new URL(name, import.meta.url));
    const loader = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
    this.#child = fork(file, [], { execArgv: ['--import', loader], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (message) => {
      this.#heard.push(message as From);
      if ((message as Failed).type === 'failed') this.#failure = (message as Failed).why;
      this.#look();
    });
    this.#child.once('exit', () => this.#look());
  }

  send(message: To): void {
    this.#child.send(message);
  }

  /** The next message of this type; those before it are dropped. */
  async next<Type extends From['type']>(type: Type): Promise<Extract<From, { type: Type }>> {
    for (;;) {
      const found = this.#heard.findIndex((message) => message.type === type);
      if (found >= 0) return this.#heard.splice(0, found + 1).at(-1) as Extract<From, { type: Type }>;
      if (this.#failure !== null) throw new Error(this.#failure);
      if (this.#child.exitCode !== null) throw new Error('a program of the bench ended');
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
