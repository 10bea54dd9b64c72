import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { Engagement } from '../../../src/access/engagement.ts';
import type { Grant } from '../../../src/access/grant.ts';
import { Fingerprint } from '../../../src/access/ids.ts';
import type { Person } from '../../../src/access/person.ts';
import { Target } from '../../../src/access/target.ts';
import { loadKeys } from '../../../src/ca/keys.ts';
import { recordSeals } from '../../../src/ca/seal.ts';
import { startWorkspace, type Workspace } from '../../../src/demo/workspace/workspace.ts';
import { createLog } from '../../../src/log.ts';
import { migrate } from '../../../src/store/store.ts';
import { openEngagement } from '../../../src/use-cases/engagements/open-engagement.ts';
import { seePerson } from '../../../src/use-cases/people/see-person.ts';
import { type TestFolder, testFolder } from '../checks/folder.ts';
import { renamed, Way } from '../peers/cut.ts';
import { type KeyFile, makeKeyFile } from '../peers/openssh.ts';
import { Persona } from '../peers/persona.ts';
import { type Outcome, run } from '../peers/processes.ts';
import { type Sshd, startSshd } from '../peers/sshd.ts';
import { AccessWorld, granted } from './access-world.ts';
import { openBeside } from './beside.ts';
import { daypassCommand } from './build.ts';
import { fingerprintOf } from './gateway-world.ts';
import { type PostgresServer, rowsOf, startPostgres } from './postgres.ts';
import { reader } from './reader.ts';
import { ENGAGEMENT_CHANNEL, MEMBER, SECURITY_CHANNEL } from './slack-world.ts';

const TARGETS = ['web-01', 'db-01'] as const;
const HOUR_S = 3_600;
const LINES_MAX = 200;

type SessionRow = { readonly id: string; readonly target: string; readonly state: string };

const IN_TRANSACTION =
  "select 1 from pg_stat_activity where backend_type = 'client backend' and state <> 'idle' and pid <> pg_backend_pid()";

/** `daypass serve` on PostgreSQL and Slack, the ways to both of which can be cut; access is given behind its back. */
export class AwayWorld implements AsyncDisposable {
  readonly folder: TestFolder = testFolder();
  readonly access: AccessWorld;
  readonly sshd: Sshd;
  readonly database: Way;
  readonly slack: Way;
  readonly manager: Persona;
  readonly #parts: Parts;
  #child: ChildProcess | null = null;
  #port = 0;
  #person: KeyFile | null = null;
  #people: { contractor: Person; reviewer: Person; engagement: Engagement } | null = null;

  static async start(gateway: Record<string, unknown>): Promise<AwayWorld> {
    const postgres = await startPostgres();
    const workspace = await startWorkspace({ port: 0 });
    const folder = new URL(postgres.url).searchParams.get('host') ?? '';
    const database = await Way.open(() => ({ address: { path: join(folder, '.s.PGSQL.5432') } }));
    const slack = await Way.open(renamed(Number(new URL(workspace.url).port)));
    const log = createLog('silent');
    const keyed = AccessWorld.withKeys();
    const seals = recordSeals(loadKeys(join(keyed, 'keys')).mac);
    // Control's own folder knows the database from its first migration on; else it would suspend what it finds.
    const made = mkdtempSync(join(tmpdir(), 'daypass-away-'));
    const place = { databaseUrl: postgres.url, dataDir: made, log, seals };
    await migrate(place);
    const store = await openBeside(place);
    const access = AccessWorld.over(store, undefined, keyed);
    access.slack = { teamId: 'T0DEMO000', channelId: ENGAGEMENT_CHANNEL, sponsor: MEMBER.manager };
    const principals = TARGETS.map((target) => `${access.login}@${target}`);
    const sshd = await startSshd({ userCa: access.keys.targetCaPublicKey, principals });
    const world = new AwayWorld({ postgres, workspace, database, slack, access, sshd });
    await world.#setUp(gateway, made);
    await world.serve();
    return world;
  }

  private constructor(parts: Parts) {
    this.#parts = parts;
    this.access = parts.access;
    this.sshd = parts.sshd;
    this.database = parts.database;
    this.slack = parts.slack;
    this.manager = new Persona(parts.workspace.url, 'manager');
  }

  async #setUp(gateway: Record<string, unknown>, made: string): Promise<void> {
    const { access, sshd, folder } = this;
    const place = { address: sshd.address, port: sshd.port, host_keys: [sshd.hostKeyLine], logins: [access.login] };
    access.targets.push(...TARGETS.map((id) => Target.parse({ id, name: id, ...place })));
    const see = (userId: string, name: string) =>
      seePerson(access.deps)({
        account: { teamId: 'T0DEMO000', userId, enterpriseId: null },
        profile: { name, standing: 'member', active: true },
      });
    const contractor = await see(MEMBER.contractor, 'Casey Lind');
    const reviewer = await see(MEMBER.manager, 'Morgan Reyes');
    const opened = await openEngagement(access.deps)({
      ...{ by: reviewer.id, name: 'Migration', vendor: 'Acme', channelId: ENGAGEMENT_CHANNEL },
      ...{ memberIds: [contractor.id], targetIds: [...TARGETS], scopes: ['shell'], reviewerIds: [reviewer.id] },
      ...{ lastDay: '2999-12-31', timeZone: 'UTC' },
    });
    this.#people = { contractor, reviewer, engagement: granted(opened) };
    const key = await makeKeyFile(folder.path, 'ed25519', 'person');
    this.#person = key;
    const registered = { fingerprint: Fingerprint.parse(fingerprintOf(key)), publicKey: key.line };
    await access.store.transaction((tx) =>
      tx.keys.insert({ ...registered, personId: contractor.id, registeredAt: new Date() }),
    );
    renameSync(made, join(folder.path, 'data'));
    cpSync(join(access.folder, 'keys'), join(folder.path, 'data', 'keys'), { recursive: true });
    writeFileSync(join(folder.path, 'known_hosts'), `daypass-gateway ${access.keys.gatewayHostPublicKey}\n`);
    const slack = { security_channel: SECURITY_CHANNEL, api_url: `http://127.0.0.1:${this.slack.port}/api/` };
    const reach = { listen: '127.0.0.1:0', public_host: '127.0.0.1', min_free_mib: 1, workers: 1, drain_seconds: 0 };
    const files = {
      'daypass.yml': {
        ...{ site: 'test', data_dir: './data', slack, gateway: { ...reach, ...gateway } },
        recordings: { recipients: [reader.recipient] },
      },
      'targets.yml': { targets: access.targets },
      'policy.yml': { rules: [{ name: 'one', max_duration: 'PT8H' }] },
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder.path, name), stringify(content));
  }

  get port(): number {
    return this.#port;
  }

  get control(): number {
    return this.#child?.pid ?? -1;
  }

  get sshConfig(): string {
    return join(this.folder.path, 'ssh_config');
  }

  async serve(): Promise<void> {
    const child = spawn(process.execPath, [...this.#verb('serve'), '--insecure-single-user'], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      env: this.#env(),
    });
    this.#child = child;
    const said: string[] = [];
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`serve ended with ${code}: ${said.join('\n')}`)));
      // Read to the end, or it would stand still once its pipe is full.
      createInterface(child.stdout ?? process.stdin).on('line', (line) => {
        if (said.length < LINES_MAX) said.push(line);
        const { msg, gateway } = JSON.parse(line) as { msg?: string; gateway?: { port: number } };
        if (msg !== 'ready' || !gateway) return;
        this.#port = gateway.port;
        resolve();
      });
    });
    this.#writeSshConfig();
  }

  #verb(...args: string[]): string[] {
    return [...daypassCommand(), '--config', join(this.folder.path, 'daypass.yml'), ...args];
  }

  #env(): NodeJS.ProcessEnv {
    const { botToken: SLACK_BOT_TOKEN, appToken: SLACK_APP_TOKEN } = this.#parts.workspace;
    const DAYPASS_DATABASE_URL = `postgresql://postgres@127.0.0.1:${this.database.port}/postgres`;
    return { PATH: process.env['PATH'], SLACK_BOT_TOKEN, SLACK_APP_TOKEN, DAYPASS_DATABASE_URL };
  }

  #writeSshConfig(): void {
    const { path } = this.folder;
    const common = [
      ...['  HostName 127.0.0.1', `  Port ${this.#port}`, '  IdentitiesOnly yes', '  IdentityAgent none'],
      ...[`  IdentityFile ${path}/person`, `  CertificateFile ${path}/person-cert.pub`, '  BatchMode yes'],
      ...['  HostKeyAlias daypass-gateway', `  UserKnownHostsFile ${path}/known_hosts`],
      ...['  GlobalKnownHostsFile /dev/null', '  StrictHostKeyChecking yes'],
    ];
    const hosts = TARGETS.flatMap((id) => [`Host ${id}`, `  User ${this.access.login}+${id}`, ...common]);
    writeFileSync(this.sshConfig, [...hosts, ''].join('\n'));
  }

  /** A grant on one target that ends in so many seconds; its certificate lies where ssh finds it. */
  async grant(target: (typeof TARGETS)[number], seconds = HOUR_S): Promise<Grant> {
    if (!this.#people) throw new Error('the world is not set up');
    const { contractor, reviewer, engagement } = this.#people;
    const grant = await this.access.grant(contractor, reviewer, engagement, { targets: [target], seconds });
    const [issued] = await this.access.store.transaction((tx) => tx.grants.certificates(grant.id));
    writeFileSync(`${this.#person?.path}-cert.pub`, `${issued?.certificate}\n`);
    return grant;
  }

  cli(...args: string[]): Promise<Outcome> {
    return run(process.execPath, this.#verb(...args), { env: this.#env() });
  }

  /** As the store has them, newest first. */
  async sessions(): Promise<SessionRow[]> {
    const rows = await this.access.store.transaction((tx) => tx.sessions.list({ limit: 20 }));
    return rows.map(({ id, targetId, ended }) => ({
      ...{ id, target: targetId },
      state: ended ? Object.values(ended.ending).join(' ') : 'live',
    }));
  }

  /** Of a finished recording. */
  manifest(session: string): unknown {
    return JSON.parse(readFileSync(join(this.folder.path, 'data', 'recordings', session, 'manifest.json'), 'utf8'));
  }

  /** Resolves once Slack has been told all that there was to tell. */
  async told(): Promise<void> {
    const waiting = () => this.access.store.transaction((tx) => tx.outbox.due(new Date('2999-12-31'), 1));
    while ((await waiting()).length > 0) await pause(100);
  }

  async endAll(): Promise<void> {
    const live = await this.access.store.transaction((tx) => tx.grants.list({ activeAt: new Date(), limit: 100 }));
    for (const grant of live) await this.access.revoke(grant);
  }

  /** How often the thread says this. */
  async threadSays(pattern: RegExp): Promise<number> {
    return this.manager.thread(await this.manager.state()).filter(({ plain }) => pattern.test(plain)).length;
  }

  /** `serve` once more on the same database, as another host would: with a data folder of its own. Resolves when it has ended. */
  async serveElsewhere(): Promise<Outcome> {
    const other = join(this.folder.path, 'other.yml');
    const own = readFileSync(join(this.folder.path, 'daypass.yml'), 'utf8');
    writeFileSync(other, own.replace('./data', './other'));
    mkdirSync(join(this.folder.path, 'other'), { recursive: true, mode: 0o700 });
    cpSync(join(this.access.folder, 'keys'), join(this.folder.path, 'other', 'keys'), { recursive: true });
    const verb = [...daypassCommand(), '--config', other, 'serve', '--insecure-single-user'];
    return run(process.execPath, verb, { env: this.#env() });
  }

  /** Stops control between two transactions: in the middle of one it would keep locked what others wait for. */
  async stopControl(): Promise<void> {
    for (;;) {
      process.kill(this.control, 'SIGSTOP');
      if ((await rowsOf(this.#parts.postgres.url, IN_TRANSACTION)).length === 0) return;
      process.kill(this.control, 'SIGCONT');
      await pause(10);
    }
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    const { postgres, workspace, database, slack, access, sshd } = this.#parts;
    for (const part of [slack, database, workspace, sshd, access, postgres]) await part[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

type Parts = {
  readonly postgres: PostgresServer;
  readonly workspace: Workspace;
  readonly database: Way;
  readonly slack: Way;
  readonly access: AccessWorld;
  readonly sshd: Sshd;
};
