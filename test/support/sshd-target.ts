import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { targetFiles } from '../../src/access/sshd-block.ts';
import { Target } from '../../src/access/target.ts';

const SSHD = '/usr/sbin/sshd';

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves when something at `port` greets as an SSH server. */
export async function sshAnswers(port: number, deadline = Date.now() + 10_000): Promise<void> {
  const greeted = await new Promise<boolean>((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', (bytes) => {
      socket.destroy();
      resolve(bytes.toString().startsWith('SSH-'));
    });
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
  if (greeted) return;
  if (Date.now() > deadline) throw new Error(`no SSH server answers at 127.0.0.1:${port}`);
  await new Promise((resolve) => setTimeout(resolve, 20));
  return sshAnswers(port, deadline);
}

/** A real sshd, set up with exactly the block that `daypass targets snippet` prints. */
export class SshdTarget implements AsyncDisposable {
  readonly target: Target;
  readonly folder: string;
  readonly #config: string;
  #sshd: ChildProcess;

  private constructor(target: Target, folder: string, config: string) {
    this.target = target;
    this.folder = folder;
    this.#config = config;
    this.#sshd = this.#spawn();
  }

  static async start(id: string, login: string, targetCa: string): Promise<SshdTarget> {
    // StrictModes refuses files below a folder that everybody may write to, as /tmp is.
    const folder = mkdtempSync(join(homedir(), '.daypass-target-'));
    const port = await freePort();
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, 'host_key')]);
    if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
    const target = Target.parse({
      id,
      name: `Target ${id}`,
      address: '127.0.0.1',
      port,
      host_keys: [readFileSync(join(folder, 'host_key.pub'), 'utf8').trim()],
      logins: [login],
    });
    const { files, block } = targetFiles(target, targetCa, folder);
    for (const file of files) {
      mkdirSync(dirname(file.path), { recursive: true, mode: 0o755 });
      writeFileSync(file.path, file.content, { mode: 0o644 });
    }
    const config = join(folder, 'sshd_config');
    writeFileSync(
      config,
      [
        `Port ${port}`,
        'ListenAddress 127.0.0.1',
        `HostKey ${join(folder, 'host_key')}`,
        'PidFile none',
        'UsePAM no',
        'PasswordAuthentication no',
        'PermitRootLogin prohibit-password',
        'PrintMotd no',
        'PrintLastLog no',
        'LogLevel VERBOSE',
        'MaxStartups 100',
        'MaxSessions 50',
        'Subsystem sftp internal-sftp',
        block,
      ].join('\n'),
    );
    const started = new SshdTarget(target, folder, config);
    await sshAnswers(port);
    return started;
  }

  #spawn(): ChildProcess {
    const log = join(this.folder, 'sshd.log');
    // The kernel ends it with this process, however this process ends.
    return spawn('setpriv', ['--pdeathsig', 'KILL', SSHD, '-D', '-f', this.#config, '-E', log], { stdio: 'ignore' });
  }

  /** How many TCP connections to it stand, as the kernel lists them. */
  connections(): number {
    const port = this.target.port.toString(16).toUpperCase().padStart(4, '0');
    const established = new RegExp(`^\\s*\\d+: [0-9A-F]{8}:${port} [0-9A-F:]+ 01 `);
    return readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .filter((line) => established.test(line)).length;
  }

  get log(): string {
    return readFileSync(join(this.folder, 'sshd.log'), 'utf8');
  }

  /** The same address with another host key, as after a rebuild or with somebody in between. */
  async changeHostKey(): Promise<void> {
    await this.#stop();
    rmSync(join(this.folder, 'host_key'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(this.folder, 'host_key')], {
      input: 'y\n',
    });
    this.#sshd = this.#spawn();
    await sshAnswers(this.target.port);
  }

  async #stop(): Promise<void> {
    if (this.#sshd.exitCode !== null || this.#sshd.signalCode !== null) return;
    const exit = once(this.#sshd, 'exit');
    this.#sshd.kill('SIGTERM');
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
