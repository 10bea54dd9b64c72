import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { delimiter, join } from 'node:path';
import { mustRun, run } from './command.ts';

const SFTP_SERVERS = ['/usr/lib/openssh/sftp-server', '/usr/libexec/openssh/sftp-server', '/usr/lib/ssh/sftp-server'];
const PROBE_MS = 20_000;
/** Debian's sshd needs it when it runs as root. Its service would create it. */
const ROOT_FOLDER = '/run/sshd';

export const sftpServer = (): string | null => SFTP_SERVERS.find((path) => existsSync(path)) ?? null;

/** The sshd of this machine, or null. */
export function findSshd(): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  const paths = folders.filter((folder) => folder !== '').map((folder) => join(folder, 'sshd'));
  return paths.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Makes the folder without which sshd does not start as root; its path where it was not there before. */
export function makeRootFolder(): string | null {
  if (process.getuid?.() !== 0 || existsSync(ROOT_FOLDER)) return null;
  mkdirSync(ROOT_FOLDER, { mode: 0o755 });
  return ROOT_FOLDER;
}

/** The configuration of an sshd next to the machine's own. `block` is the end of it. */
export const sshdConfig = (hostKeyFile: string, block: string): string =>
  [
    `HostKey ${hostKeyFile}`,
    'PidFile none',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    // The files are in a 0700 folder, but below /tmp, which everybody may write to.
    'StrictModes no',
    'PrintMotd no',
    'PrintLastLog no',
    `Subsystem sftp ${sftpServer() ?? 'internal-sftp'}`,
    block,
  ].join('\n');

/** One sshd for one connection, which is its standard input: nothing stays to listen when the demo dies. */
export function answerWithSshd(sshd: string, config: string, socket: Socket): ChildProcess {
  const child = spawn(sshd, ['-i', '-f', config], { stdio: [socket, socket, 'ignore'] });
  child.once('error', () => socket.destroy());
  child.once('spawn', () => socket.destroy());
  return child;
}

/** Whether this account can run an sshd, log in to it by key and get a terminal: containers and old kernels differ. */
export async function givesTerminal(sshd: string, login: string, folder: string): Promise<boolean> {
  mkdirSync(folder, { mode: 0o700 });
  const [hostKey, key] = [join(folder, 'host_key'), join(folder, 'key')];
  for (const file of [hostKey, key]) {
    await mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', file]);
  }
  const config = join(folder, 'sshd_config');
  writeFileSync(config, sshdConfig(hostKey, `AuthorizedKeysFile ${key}.pub\n`), { mode: 0o600 });
  const children: ChildProcess[] = [];
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    children.push(answerWithSshd(sshd, config, socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = ['BatchMode=yes', 'IdentitiesOnly=yes', 'StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null'];
  const flags = options.flatMap((option) => ['-o', option]);
  try {
    const address = ['-p', String(port), `${login}@127.0.0.1`];
    const command = ['ssh', '-F', 'none', '-tt', '-i', key, ...flags, ...address, 'tty'];
    const { code, out } = await run(command, { timeoutMs: PROBE_MS });
    return code === 0 && out.includes('/dev/');
  } catch {
    return false;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    server.close();
  }
}
