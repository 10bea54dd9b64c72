import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { Fingerprint } from '../../../src/access/ids.ts';
import { Target } from '../../../src/access/target.ts';
import { loadKeys } from '../../../src/ca/keys.ts';
import { recordSeals } from '../../../src/ca/seal.ts';
import { CHANNELS, USERS } from '../../../src/demo/workspace/seed.ts';
import { startWorkspace, type Workspace } from '../../../src/demo/workspace/workspace.ts';
import { createLog } from '../../../src/log.ts';
import { openStore } from '../../../src/store/store.ts';
import { type TestFolder, testFolder } from '../checks/folder.ts';
import { type KeyFile, makeKeyFile } from '../peers/openssh.ts';
import { Persona } from '../peers/persona.ts';
import { descendants, type Outcome, run, runOk } from '../peers/processes.ts';
import { type Sshd, startSshd } from '../peers/sshd.ts';
import { AccessWorld } from './access-world.ts';
import { installBuild } from './build.ts';
import { copyTemplate } from './embedded-template.ts';
import { fingerprintOf } from './gateway-world.ts';
import { reader } from './reader.ts';

/** Numbers that no account has. */
export const CONTROL_ID = 64_001;
export const WORKER_ID = 64_002;

export type LaunchOptions = {
  /** Events on stdout, the log on stderr. */
  readonly events?: boolean;
  /** JavaScript that runs in each worker before it becomes one. */
  readonly workerPrelude?: string;
  /** Sees to the data folder, which is there and empty, before anything is put into it. */
  readonly prepareData?: (path: string) => Promise<void>;
  readonly minFreeMiB?: number;
  /** Where a service manager listens. */
  readonly notifySocket?: string;
};

type Line = { readonly msg?: string } & Readonly<Record<string, unknown>>;

/** `daypass serve` as root, with control and workers under accounts of their own, one person and one target. */
export class LaunchedWorld implements AsyncDisposable {
  readonly folder: TestFolder;
  readonly sshd: Sshd;
  readonly login: string;
  readonly #workspace: Workspace;
  readonly #person: KeyFile;
  #child: ChildProcess | null = null;
  readonly #options: LaunchOptions;
  /** Of the log. */
  readonly lines: Line[] = [];
  /** Of stdout, where events go there. */
  readonly events: Line[] = [];
  #heard: () => void = () => {};

  private constructor(
    folder: TestFolder,
    sshd: Sshd,
    workspace: Workspace,
    person: KeyFile,
    login: string,
    options: LaunchOptions,
  ) {
    this.folder = folder;
    this.sshd = sshd;
    this.#workspace = workspace;
    this.#person = person;
    this.login = login;
    this.#options = options;
  }

  static async start(options: LaunchOptions = {}): Promise<LaunchedWorld> {
    const folder = testFolder('/tmp');
    chmodSync(folder.path, 0o711);
    mkdirSync(join(folder.path, 'data'), { mode: 0o700 });
    await options.prepareData?.(join(folder.path, 'data'));
    await install(folder.path, options);
    const keyed = AccessWorld.withKeys();
    const seals = recordSeals(loadKeys(join(keyed, 'keys')).mac);
    const place = { databaseUrl: null, dataDir: join(folder.path, 'data'), log: createLog('silent'), seals };
    await copyTemplate(place.dataDir, 'empty');
    const store = await openStore(place, { leaseMs: 60_000, lost: () => {} });
    await using world = AccessWorld.over(store, undefined, keyed);
    const sshd = await startSshd({ userCa: world.keys.targetCaPublicKey, principals: [`${world.login}@web-01`] });
    const host_keys = [sshd.hostKeyLine];
    const where = { id: 'web-01', name: 'Web', address: sshd.address, port: sshd.port, host_keys };
    world.targets.push(Target.parse({ ...where, logins: [world.login] }));
    const workspace = await startWorkspace({ port: 0 });
    const person = await makeKeyFile(folder.path, 'ed25519', 'person');
    const launched = new LaunchedWorld(folder, sshd, workspace, person, world.login, options);
    await launched.#setUp(world, options.minFreeMiB ?? 1);
    await world[Symbol.asyncDispose]();
    await runOk('chown', ['-R', `${CONTROL_ID}:${CONTROL_ID}`, join(folder.path, 'data')]);
    await launched.serve();
    return launched;
  }

  /** The grant is made before control starts; Slack has no part in this. */
  async #setUp(world: AccessWorld, min_free_mib: number): Promise<void> {
    const { path } = this.folder;
    world.slack = { teamId: 'T0DEMO000', channelId: CHANNELS.engagement, sponsor: USERS.security };
    const contractor = await world.person(USERS.contractor, 'guest');
    const reviewer = await world.person(USERS.manager);
    const key = { fingerprint: Fingerprint.parse(fingerprintOf(this.#person)), publicKey: this.#person.line };
    const registeredAt = new Date();
    await world.store.transaction((tx) => tx.keys.insert({ ...key, personId: contractor.id, registeredAt }));
    const grant = await world.grant(contractor, reviewer, await world.engagement([contractor], [reviewer]));
    const [issued] = await world.store.transaction((tx) => tx.grants.certificates(grant.id));
    writeFileSync(`${this.#person.path}-cert.pub`, `${issued?.certificate}\n`);
    writeFileSync(join(path, 'known_hosts'), `daypass-gateway ${world.keys.gatewayHostPublicKey}\n`);
    cpSync(join(world.folder, 'keys'), join(path, 'data', 'keys'), { recursive: true });
    const ids = { control_uid: CONTROL_ID, control_gid: CONTROL_ID, worker_uid: WORKER_ID, worker_gid: WORKER_ID };
    const gateway = { listen: '127.0.0.1:0', public_host: '127.0.0.1', min_free_mib, workers: 2, ...ids };
    const slack = { security_channel: 'C0SECURITY', api_url: this.#workspace.apiUrl };
    const recordings = { recipients: [reader.recipient] };
    const files = {
      'daypass.yml': {
        ...{ site: 'test', data_dir: './data', gateway: { ...gateway, drain_seconds: 1 }, slack, recordings },
        // What a test says about a reload is not to depend on who is first.
        reload: 'manual',
      },
      'targets.yml': { targets: world.targets },
      'policy.yml': { rules: [{ name: 'one', max_duration: 'PT8H' }] },
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(path, name), stringify(content));
  }

  async serve(): Promise<void> {
    this.lines.splice(0);
    const { events, notifySocket } = this.#options;
    const verb = events ? ['serve', '--events'] : ['serve'];
    const child = spawn(process.execPath, [this.#cli, '--config', this.#config, ...verb], {
      stdio: ['ignore', 'pipe', events ? 'pipe' : 'inherit', 'ipc'],
      env: {
        PATH: process.env['PATH'],
        SLACK_BOT_TOKEN: this.#workspace.botToken,
        SLACK_APP_TOKEN: this.#workspace.appToken,
        ...(notifySocket === undefined ? {} : { NOTIFY_SOCKET: notifySocket }),
      },
    });
    this.#child = child;
    const [log, other] = events ? [child.stderr, child.stdout] : [child.stdout, null];
    createInterface(log ?? process.stdin).on('line', (line) => {
      this.lines.push(JSON.parse(line) as Line);
      this.#heard();
    });
    if (other) createInterface(other).on('line', (line) => this.events.push(JSON.parse(line) as Line));
    const ready = await this.said((line) => line.msg === 'ready');
    this.#writeSshConfig(ready['gateway'] as { address: string; port: number });
  }

  /** The n-th line of the log that is so, once it is there. */
  async said(is: (line: Line) => boolean, n = 1): Promise<Line> {
    const late = performance.now() + 60_000;
    for (;;) {
      const found = this.lines.filter(is)[n - 1];
      if (found) return found;
      if (performance.now() > late) throw new Error(JSON.stringify(this.lines, null, 1).slice(-100_000));
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
        setTimeout(resolve, 1_000).unref();
      });
    }
  }

  get launcher(): number {
    return this.#child?.pid ?? -1;
  }

  /** Living processes of this launcher under an account. */
  async pids(uid: number): Promise<number[]> {
    const of = await Promise.all(descendants(this.launcher).map((pid) => run('stat', ['-c', '%u', `/proc/${pid}`])));
    return descendants(this.launcher).filter((_pid, index) => of[index]?.stdout.trim() === String(uid));
  }

  get #cli(): string {
    return join(this.folder.path, 'dist', 'daypass.cjs');
  }

  get #config(): string {
    return join(this.folder.path, 'daypass.yml');
  }

  get sshConfig(): string {
    return join(this.folder.path, 'ssh_config');
  }

  #writeSshConfig({ address, port }: { address: string; port: number }): void {
    const common = [
      ...[`  HostName ${address}`, `  Port ${port}`, '  IdentitiesOnly yes', '  IdentityAgent none', '  BatchMode yes'],
      ...[`  IdentityFile ${this.#person.path}`, `  CertificateFile ${this.#person.path}-cert.pub`],
      `  UserKnownHostsFile ${join(this.folder.path, 'known_hosts')}`,
      ...['  HostKeyAlias daypass-gateway', '  GlobalKnownHostsFile /dev/null', '  StrictHostKeyChecking yes'],
    ];
    const inner = common.filter((line) => !/HostName|Port/.test(line));
    writeFileSync(
      this.sshConfig,
      [
        ...['Host gateway', '  User daypass', ...common, 'Host direct', `  User ${this.login}+web-01`, ...common],
        ...['Host web-01', '  ProxyJump gateway', `  User ${this.login}`, ...inner, ''],
      ].join('\n'),
    );
  }

  /** A person at the Slack workspace that it is connected to. */
  persona(name: 'contractor' | 'manager' | 'security'): Persona {
    return new Persona(this.#workspace.url, name);
  }

  /** A verb of the command line, as root. */
  cli(...args: string[]): Promise<Outcome> {
    return run(process.execPath, [this.#cli, '--config', this.#config, ...args]);
  }

  /** `serve` where it is expected to end by itself. */
  serveInVain(): Promise<Outcome> {
    const env = { SLACK_BOT_TOKEN: this.#workspace.botToken, SLACK_APP_TOKEN: this.#workspace.appToken };
    return run(process.execPath, [this.#cli, '--config', this.#config, 'serve'], { env });
  }

  async stop(): Promise<number | null> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    return (await exited)[0] as number | null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#workspace[Symbol.asyncDispose]();
    await this.sshd[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** Where workers under other accounts can read it. */
async function install(folder: string, { workerPrelude }: LaunchOptions): Promise<void> {
  await installBuild(folder);
  if (workerPrelude === undefined) return;
  const worker = join(folder, 'dist', 'gateway', 'worker', 'worker.js');
  renameSync(worker, join(folder, 'dist', 'gateway', 'worker', 'worker-itself.js'));
  writeFileSync(worker, `${workerPrelude}\nawait import('./worker-itself.js');\n`);
}
