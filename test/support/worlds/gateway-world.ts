import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Fingerprint, type SessionId, TargetId } from '../../../src/access/ids.ts';
import type { Scope } from '../../../src/access/scopes/scope.ts';
import type { Target } from '../../../src/access/target.ts';
import { certificateAuthority } from '../../../src/ca/authority.ts';
import { createKeys, type Keys, loadKeys } from '../../../src/ca/keys.ts';
import { localHost } from '../../../src/gateway/launch/local-host.ts';
import type { WorkerHost } from '../../../src/gateway/launch/worker-host.ts';
import { type Gateway, type GatewayOptions, startGateway } from '../../../src/gateway/supervisor/gateway.ts';
import { createLog } from '../../../src/log.ts';
import { Manifest } from '../../../src/recording/format/manifest.ts';
import { fingerprint, parsePublicKeyLine } from '../../../src/sshwire/public-key.ts';
import { type TestFolder, testFolder } from '../checks/folder.ts';
import { type KeyFile, makeKeyFile } from '../peers/openssh.ts';
import { runningUser, type Sshd, type SshdOptions, startSshd } from '../peers/sshd.ts';
import { scope } from '../samples/samples.ts';
import { systemRandom } from './authority.ts';
import { builtWorkers } from './build.ts';
import { TestControl } from './gateway-control.ts';
import { reader } from './reader.ts';
import { type Read, readBack } from './recorded.ts';

/** A real supervisor with forked workers, a real sshd behind it, and a person with OpenSSH in front of it. */
export class GatewayWorld implements AsyncDisposable {
  readonly folder: TestFolder;
  readonly keys: Keys;
  readonly control: TestControl;
  readonly gateway: Gateway;
  readonly sshd: Sshd;
  readonly person: KeyFile;
  readonly login = runningUser();

  private constructor(parts: Pick<GatewayWorld, 'folder' | 'keys' | 'control' | 'gateway' | 'sshd' | 'person'>) {
    this.folder = parts.folder;
    this.keys = parts.keys;
    this.control = parts.control;
    this.gateway = parts.gateway;
    this.sshd = parts.sshd;
    this.person = parts.person;
  }

  /** `web-01` is the target; the person's key is granted `scopeName` on it unless `isGranted` is false. */
  static async start(
    options: Partial<GatewayOptions> & {
      readonly keyKind?: string;
      readonly scopeName?: string;
      /** In the place of a scope that has a name already. */
      readonly scope?: Scope;
      readonly isGranted?: boolean;
      /** In the place of the host that would run the workers. */
      readonly wrap?: (host: WorkerHost) => WorkerHost;
      readonly seconds?: number;
      /** The gateway's as its targets see it. */
      readonly sourceAddress?: string;
      readonly sshd?: Partial<Pick<SshdOptions, 'extraConfig'>>;
    } = {},
  ): Promise<GatewayWorld> {
    const folder = testFolder();
    createKeys(join(folder.path, 'keys'));
    const keys = loadKeys(join(folder.path, 'keys'));
    const { keyKind, scopeName, scope: own, isGranted, seconds, sshd: ofSshd, wrap, ...others } = options;
    const { sourceAddress = '127.0.0.1', ...rest } = others;
    const control = new TestControl(certificateAuthority(keys, systemRandom), sourceAddress);
    const login = runningUser();
    const sshd = await startSshd({ userCa: keys.targetCaPublicKey, principals: [`${login}@web-01`], ...ofSshd });
    const gatewayOptions: GatewayOptions = {
      listen: { host: '127.0.0.1', port: 0 },
      workers: 1,
      site: 'test',
      hostKey: keys.gatewayHostKey,
      userCa: keys.userCaPublicKey,
      spool: join(folder.path, 'spool'),
      recordings: join(folder.path, 'recordings'),
      minFreeMiB: 1,
      recipients: [reader.recipient],
      log: createLog(process.env['DAYPASS_LOG_LEVEL'] ?? 'silent'),
      ...rest,
    };
    const plain = await localHost(gatewayOptions);
    const isOurs = gatewayOptions.workerUid === undefined;
    const host = wrap ? wrap(plain) : isOurs ? builtWorkers(plain, gatewayOptions) : plain;
    const gateway = await startGateway({ ...gatewayOptions, host }, control).catch(async (error: unknown) => {
      await sshd[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
      throw error;
    });
    const person = await makeKeyFile(folder.path, keyKind ?? 'ed25519', 'person');
    const world = new GatewayWorld({ folder, keys, control, gateway, sshd, person });
    world.addTarget('web-01', sshd);
    if (isGranted ?? true) world.grant(own ?? scopeName ?? 'shell', seconds);
    world.#writeClientFiles();
    return world;
  }

  addTarget(id: string, sshd: Pick<Sshd, 'address' | 'port' | 'hostKeyLine'>): Target {
    const target: Target = {
      id: TargetId.parse(id),
      name: `Target ${id}`,
      address: sshd.address,
      port: sshd.port,
      host_keys: [sshd.hostKeyLine],
      labels: {},
      logins: [this.login] as never,
    };
    this.control.targets.push(target);
    return target;
  }

  /** Grants a scope and puts the certificate where ssh finds it. */
  grant(what: string | Scope, seconds?: number, key: KeyFile = this.person): void {
    const { certificate } = this.control.grant({
      ...{
        publicKey: key.line,
        fingerprint: fingerprintOf(key),
        login: this.login,
        scope: typeof what === 'string' ? scope(what) : what,
      },
      ...(seconds === undefined ? {} : { seconds }),
    });
    writeFileSync(`${key.path}-cert.pub`, `${certificate}\n`);
  }

  get sshConfig(): string {
    return join(this.folder.path, 'ssh_config');
  }

  /** `direct` and `web-01` (through the jump) are the hosts of this file. */
  #writeClientFiles(): void {
    const { folder, gateway, keys, person } = this;
    writeFileSync(join(folder.path, 'known_hosts'), `daypass-gateway ${keys.gatewayHostPublicKey}\n`);
    mkdirSync(join(folder.path, 'control'), { mode: 0o700 });
    const common = [
      `  IdentityFile ${person.path}`,
      `  CertificateFile ${person.path}-cert.pub`,
      '  IdentitiesOnly yes',
      '  IdentityAgent none',
      '  HostKeyAlias daypass-gateway',
      `  UserKnownHostsFile ${join(folder.path, 'known_hosts')}`,
      '  GlobalKnownHostsFile /dev/null',
      '  StrictHostKeyChecking yes',
      '  BatchMode yes',
    ];
    const outer = [`  HostName ${gateway.address}`, `  Port ${gateway.port}`];
    writeFileSync(
      this.sshConfig,
      [
        ...['Host gateway', ...outer, '  User daypass', ...common],
        ...['Host direct', ...outer, `  User ${this.login}+web-01`, ...common],
        ...['Host web-01 unknown-*', '  ProxyJump gateway', `  User ${this.login}`, ...common],
        '',
      ].join('\n'),
    );
  }

  manifest(id: SessionId): Manifest {
    return Manifest.parse(JSON.parse(this.recorded(id, 'manifest.json')));
  }

  /** What the holder of the identity can read of a session's recording. */
  read(id: SessionId): Promise<Read> {
    return readBack(this.recordingOf(id));
  }

  recordingOf(id: SessionId): string {
    return join(this.folder.path, 'recordings', id);
  }

  recorded(id: SessionId, file: string): string {
    return readFileSync(join(this.folder.path, 'recordings', id, file), 'utf8');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway[Symbol.asyncDispose]();
    await this.sshd[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

export function fingerprintOf(key: KeyFile): Fingerprint {
  const parsed = parsePublicKeyLine(key.line);
  if (!parsed.ok) throw new Error(parsed.refusal.why);
  return fingerprint(parsed.value) as Fingerprint;
}
