import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import pino from 'pino';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { type Fingerprint, TargetId } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { localHost } from '../../../src/gateway/launch/local-host.ts';
import { type Gateway, startGateway } from '../../../src/gateway/supervisor/gateway.ts';
import { openBackend, storeOn } from '../../../src/store/store.ts';
import { holdSessionsToGrants } from '../../../src/use-cases/grants/hold-sessions.ts';
import { gatewayControl } from '../../../src/use-cases/sessions/bound-gateway-control.ts';
import { refusalNotes } from '../../../src/use-cases/sessions/note-refusals.ts';
import { type TestFolder, testFolder } from '../checks/folder.ts';
import { type KeyFile, makeKeyFile } from '../peers/openssh.ts';
import { type Outcome, type RunOptions, run } from '../peers/processes.ts';
import { type Sshd, startSshd } from '../peers/sshd.ts';
import { AccessWorld } from './access-world.ts';
import { beside, testSeals } from './beside.ts';
import { builtWorkers } from './build.ts';
import { fingerprintOf } from './gateway-world.ts';

export const SITE = 'test';

/** Real control, store, gateway and sshd; a contractor with stock OpenSSH, whose key is registered. */
export class SelfServiceWorld implements AsyncDisposable {
  readonly access: AccessWorld;
  readonly gateway: Gateway;
  readonly sshd: Sshd;
  readonly contractor: Person;
  readonly other: Person;
  readonly reviewer: Person;
  readonly engagement: Engagement;
  /** In the place of `~/.ssh`: ssh reads `~` from the password database. */
  readonly home: string;
  readonly key: KeyFile;
  readonly otherKey: KeyFile;
  readonly sql: (text: string, parameters?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;
  readonly #unsubscribe: () => void;
  readonly #folder: TestFolder;

  static async open({ workers = 1 } = {}): Promise<SelfServiceWorld> {
    const folder = testFolder();
    const log = pino({ level: process.env['DAYPASS_LOG_LEVEL'] ?? 'silent' });
    const options = { databaseUrl: null, dataDir: folder.path, log, seals: testSeals };
    const backend = await openBackend(options);
    const access = AccessWorld.over(await storeOn(backend, options, beside));
    const sql: SelfServiceWorld['sql'] = async (text, parameters = []) => {
      const connection = await backend.connect();
      try {
        return (await connection.query(text, parameters)).rows as Record<string, unknown>[];
      } finally {
        connection.release(false);
      }
    };
    const principals = ['web-01', 'db-01'].map((target) => `${access.login}@${target}`);
    const sshd = await startSshd({ userCa: access.keys.targetCaPublicKey, principals });
    for (const id of ['web-01', 'db-01']) {
      access.targets.push({
        ...{ id: TargetId.parse(id), name: id, address: sshd.address, port: sshd.port },
        ...{ host_keys: [sshd.hostKeyLine], labels: {}, logins: [access.login] },
      });
    }
    const refusals = refusalNotes(access.deps);
    const control = gatewayControl({ ...access.deps, sourceAddress: '127.0.0.1', connectionsPerGrant: 10, refusals });
    const gatewayOptions = {
      ...{ listen: { host: '127.0.0.1', port: 0 }, workers, site: SITE, minFreeMiB: 1 },
      ...{ hostKey: access.keys.gatewayHostKey, userCa: access.keys.userCaPublicKey },
      ...{ spool: join(access.folder, 'spool'), recordings: join(access.folder, 'recordings') },
      log,
      recipients: [await identityToRecipient(await generateX25519Identity())],
    };
    const host = builtWorkers(await localHost(gatewayOptions), gatewayOptions);
    const gateway = await startGateway({ ...gatewayOptions, host }, control);
    const contractor = await access.person('UCONTRACT', 'guest');
    const other = await access.person('UOTHER', 'guest');
    const reviewer = await access.person('UREVIEW');
    const home = join(access.folder, 'home', '.ssh');
    mkdirSync(join(home, 'daypass'), { recursive: true, mode: 0o700 });
    const world = new SelfServiceWorld({
      ...{ folder, access, gateway, sshd, contractor, other, reviewer, home, sql },
      engagement: await access.engagement([contractor, other], [reviewer]),
      key: await makeKeyFile(home, 'ed25519', 'id_ed25519'),
      otherKey: await makeKeyFile(home, 'ed25519', 'other'),
    });
    await world.register(contractor, world.key);
    await world.register(other, world.otherKey);
    return world;
  }

  private constructor(
    parts: Pick<
      SelfServiceWorld,
      | 'access'
      | 'gateway'
      | 'sshd'
      | 'contractor'
      | 'other'
      | 'reviewer'
      | 'engagement'
      | 'home'
      | 'key'
      | 'otherKey'
      | 'sql'
    > & { readonly folder: TestFolder },
  ) {
    this.access = parts.access;
    this.gateway = parts.gateway;
    this.sshd = parts.sshd;
    this.contractor = parts.contractor;
    this.other = parts.other;
    this.reviewer = parts.reviewer;
    this.engagement = parts.engagement;
    this.home = parts.home;
    this.key = parts.key;
    this.otherKey = parts.otherKey;
    this.sql = parts.sql;
    this.#folder = parts.folder;
    writeFileSync(join(this.home, 'known'), `gw ${this.access.keys.gatewayHostPublicKey}\n`);
    const deps = { ...this.access.deps, gateways: this.gateway };
    this.#unsubscribe = this.access.store.subscribe((change) => {
      if (change.kind !== 'outbox') void holdSessionsToGrants(deps)();
    });
  }

  register(person: Person, { line, ...file }: KeyFile, registeredAt = new Date()): Promise<void> {
    const fingerprint = fingerprintOf({ line, ...file }) as Fingerprint;
    const key = { fingerprint, publicKey: line, personId: person.id, registeredAt };
    return this.access.store.transaction((tx) => tx.keys.insert(key));
  }

  grant(ask: { targets?: readonly string[]; seconds?: number } = {}, person = this.contractor): Promise<Grant> {
    return this.access.grant(person, this.reviewer, this.engagement, ask);
  }

  /** All that anybody was granted ends. */
  async endAll(): Promise<void> {
    const live = await this.access.store.transaction((tx) => tx.grants.list({ activeAt: new Date(), limit: 100 }));
    for (const grant of live) await this.access.revoke(grant);
  }

  /** ssh's options for reaching the gateway without any set-up. */
  reach(): string[] {
    return [
      ...['-F', 'none', '-p', String(this.gateway.port)],
      ...['-o', 'HostKeyAlias=gw', '-o', `UserKnownHostsFile=${join(this.home, 'known')}`],
    ];
  }

  /** The same, with a key. */
  byHand(file: KeyFile = this.key): string[] {
    return [...this.reach(), '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none', '-i', file.path];
  }

  /** `ssh gateway <words>`. */
  ask(words: readonly string[], file: KeyFile = this.key, more: readonly string[] = []): Promise<Outcome> {
    return run('ssh', [...this.byHand(file), ...more, `daypass@${this.gateway.address}`, ...words]);
  }

  /** The machine of somebody who ran the line that registration shows. */
  async setUp(): Promise<SetUp> {
    const { code, stdout, stderr } = await this.ask(['setup']);
    if (code !== 0) throw new Error(`setup: ${code} ${stderr}`);
    return new SetUp(this.home, stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    await this.gateway[Symbol.asyncDispose]();
    await this.sshd[Symbol.asyncDispose]();
    await this.access[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** The machine of a person who has set the snippet up. What ssh runs is noted: by its shell, and as another ssh. */
export class SetUp {
  readonly snippet: string;
  /** `-F`. */
  readonly config: string;
  readonly certificate: string;
  /** An ssh that reads this configuration, for programs that start one. */
  readonly ssh: string;
  readonly env: NodeJS.ProcessEnv;
  readonly #notes: string;

  /** `script` is what the gateway answers to `setup`; its `~/.ssh` becomes `home`. */
  constructor(home: string, script: string) {
    const { status, stderr } = spawnSync('sh', {
      input: script,
      encoding: 'utf8',
      env: { PATH: process.env['PATH'], HOME: dirname(home) },
    });
    if (status !== 0 || stderr !== '') throw new Error(`setup: ${status} ${stderr}`);
    const bin = join(home, '..', 'bin');
    mkdirSync(bin, { recursive: true });
    const [, site = ''] = /^# Daypass, site ([a-z0-9-]+):/.exec(script) ?? [];
    this.config = join(home, 'daypass', `${site}.conf`);
    this.snippet = readFileSync(this.config, 'utf8').replaceAll('~/.ssh', home);
    this.certificate = join(home, 'daypass', `${site}-cert.pub`);
    this.#notes = join(home, '..', 'notes');
    this.ssh = join(bin, 'ssh');
    writeFileSync(this.config, this.snippet);
    const note = (words: string): string => `#!/bin/sh\necho "${words}" >> '${this.#notes}'\n`;
    const shell = join(bin, 'noting-shell');
    writeFileSync(shell, `${note('shell $*')}exec /bin/sh "$@"\n`);
    writeFileSync(this.ssh, `${note('ssh $*')}exec /usr/bin/ssh -F '${this.config}' "$@"\n`);
    for (const file of [shell, this.ssh]) chmodSync(file, 0o755);
    this.env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, SHELL: shell, SSH_AUTH_SOCK: '' };
    this.forget();
  }

  /** What was run since `forget`. */
  get notes(): string {
    return existsSync(this.#notes) ? readFileSync(this.#notes, 'utf8') : '';
  }

  forget(): void {
    rmSync(this.#notes, { force: true });
  }

  to(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run('/usr/bin/ssh', ['-F', this.config, ...args], { ...options, env: this.env });
  }

  /** Another program, which finds the noting ssh. */
  run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return run(program, args, { ...options, env: { ...this.env, ...options.env } });
  }
}
