import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { homedir, userInfo } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import * as pty from '@lydell/node-pty';
import ssh2, { type Connection, type PseudoTtyInfo, type PublicKeyAuthContext, type ServerChannel } from 'ssh2';
import { checkCertificate } from '../sshwire/certificate-check.ts';
import { encodePublicKey, parsePublicKeyLine } from '../sshwire/public-key.ts';
import { verifyUserauth } from '../sshwire/userauth.ts';
import { sftpServer } from './sshd.ts';

/** An SSH server with a shell, for machines without a usable sshd. It checks what the target's block checks: CA, principal and login. */
export type TargetShell = { accept(socket: Socket): void; stop(): void };

type Options = { readonly hostKey: string; readonly ca: string; readonly login: string; readonly principal: string };
type Running = Set<{ kill(): void }>;
/** One logged-in connection. */
type Login = {
  readonly connection: Connection;
  readonly running: Running;
  readonly environment: Readonly<Record<string, string>>;
  /** The certificate's own command, which runs whatever is asked for. */
  readonly forced: string | null;
};

const INTERNAL_SFTP = /^internal-sftp\b/;

export function targetShell(options: Options): TargetShell {
  const running: Running = new Set();
  const ca = parsePublicKeyLine(options.ca.trim().split(' ').slice(0, 2).join(' '));
  if (!ca.ok) throw new Error(`the target CA cannot be read: ${ca.refusal.why}`);
  const trust = { caKeys: [encodePublicKey(ca.value)], principal: options.principal };
  const serve = (connection: Connection, socket: Socket): void => {
    const environment = environmentFor(socket);
    let forced: string | null = null;
    connection.on('error', () => connection.end());
    connection.on('authentication', (attempt) => {
      if (attempt.method !== 'publickey' || attempt.username !== options.login) return attempt.reject(['publickey']);
      // An offer; nothing follows from it.
      if (!attempt.signature) return attempt.accept();
      const proven = prove(attempt, trust);
      if (proven === null) return attempt.reject(['publickey']);
      ({ forced } = proven);
      attempt.accept();
    });
    connection.on('session', (accept) => serveSession(accept(), { connection, running, environment, forced }));
  };
  return {
    accept: (socket) => {
      const config = { hostKeys: [options.hostKey], ident: 'DaypassDemoTarget' };
      new ssh2.Server(config, (connection) => serve(connection, socket)).injectSocket(socket);
    },
    stop: () => {
      for (const each of running) each.kill();
    },
  };
}

/** ssh2 itself verifies nothing. Null where the target does not trust the certificate, its bearer or the signature. */
function prove(
  attempt: PublicKeyAuthContext,
  { caKeys, principal }: { caKeys: readonly Uint8Array[]; principal: string },
): { forced: string | null } | null {
  if (!attempt.blob || !attempt.signature) return null;
  const proof = verifyUserauth(attempt.blob, attempt.signature);
  const certificate = proof.ok ? proof.value.certificate : null;
  if (!proof.ok || !certificate || proof.value.userName !== attempt.username) return null;
  const honours = ['force-command'] as const;
  const checked = checkCertificate(certificate, {
    caKeys,
    principal,
    now: new Date(),
    sourceAddress: '127.0.0.1',
    honours,
  });
  return checked.ok ? { forced: checked.value.forceCommand } : null;
}

/** As sshd would set it; SSH_CONNECTION also tells the sweeper what belongs to the demo. */
function environmentFor(socket: Socket): Record<string, string> {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return {
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    HOME: homedir(),
    USER: userInfo().username,
    SHELL: shellOf(),
    SSH_CONNECTION: [remoteAddress, remotePort, localAddress, localPort].join(' '),
  };
}

const shellOf = (): string => userInfo().shell ?? '/bin/sh';

function serveSession(session: ssh2.Session, login: Login): void {
  let terminal: PseudoTtyInfo | null = null;
  let resize: (columns: number, rows: number) => void = () => {};
  session.on('pty', (accept, _reject, info) => {
    terminal = info;
    accept?.();
  });
  session.on('window-change', (accept, _reject, { cols, rows }) => {
    terminal = terminal && { ...terminal, cols, rows };
    resize(cols, rows);
    accept?.();
  });
  session.on('env', (accept) => accept?.());
  const start = (channel: ServerChannel, command: string | null): void => {
    const asked = login.forced ?? command;
    if (asked !== null && INTERNAL_SFTP.test(asked)) {
      startSftp(channel, login);
      return;
    }
    const args = asked === null ? ['-l'] : ['-c', asked];
    if (terminal) resize = inTerminal(channel, terminal, args, login);
    else piped(channel, [shellOf(), ...args], login);
  };
  session.on('shell', (accept) => start(accept(), null));
  session.on('exec', (accept, _reject, { command }) => start(accept(), command));
  session.on('subsystem', (accept, reject, { name }) => {
    if (name === 'sftp' && sftpServer() !== null) startSftp(accept(), login);
    else reject();
  });
}

function startSftp(channel: ServerChannel, login: Login): void {
  const server = sftpServer();
  if (server !== null) {
    piped(channel, [server], login);
    return;
  }
  channel.stderr.write('This demo target has no sftp-server.\n');
  channel.exit(1);
  channel.end();
}

function inTerminal(
  channel: ServerChannel,
  info: PseudoTtyInfo,
  args: readonly string[],
  { connection, running, environment }: Login,
): (columns: number, rows: number) => void {
  const shell = pty.spawn(shellOf(), [...args], {
    ...{ cols: info.cols || 80, rows: info.rows || 24, cwd: homedir() },
    env: { ...environment, TERM: 'xterm-256color' },
    encoding: null,
  });
  running.add(shell);
  // With encoding null these are bytes, whatever the types say.
  shell.onData((bytes) => channel.write(bytes));
  const typed = new StringDecoder('utf8');
  channel.on('data', (bytes: Buffer) => shell.write(typed.write(bytes)));
  let gone = false;
  connection.once('close', () => gone || shell.kill());
  shell.onExit(({ exitCode, signal }) => {
    gone = true;
    running.delete(shell);
    channel.exit(signal ? 128 + signal : exitCode);
    channel.end();
  });
  return (columns, rows) => gone || shell.resize(columns || 80, rows || 24);
}

function piped(channel: ServerChannel, [program = '', ...args]: readonly string[], login: Login): void {
  const { connection, running, environment } = login;
  const child = spawn(program, args, { cwd: homedir(), env: { ...environment }, stdio: 'pipe' });
  const ours = { kill: () => void child.kill('SIGKILL') };
  running.add(ours);
  child.stdin.on('error', () => {});
  channel.pipe(child.stdin);
  child.stdout.pipe(channel, { end: false });
  child.stderr.pipe(channel.stderr, { end: false });
  connection.once('close', ours.kill);
  child.once('error', () => channel.close());
  child.once('close', (code, signal) => {
    running.delete(ours);
    if (signal !== null) channel.exit(signal.replace(/^SIG/, ''));
    else channel.exit(code ?? 255);
    channel.end();
  });
}
