import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { SftpGuard } from '../../../src/gateway/sftp/guard.ts';
import type { FileRights } from '../../../src/gateway/sftp/paths.ts';
import type { FileOperation } from '../../../src/recording/file-log/operation.ts';
import { FRAME } from '../../../src/recording/format/format.ts';
import { PipeContent } from '../../../src/recording/thread/pipe-content.ts';

const SFTP_SERVER = '/usr/lib/openssh/sftp-server';
const HELPER = new URL('stdio-to-socket.mjs', import.meta.url).pathname;

export type Watched = {
  readonly operations: FileOperation[];
  readonly end: ReturnType<PipeContent['end']>;
  readonly refused: string[];
  readonly code: number;
  readonly output: string;
};

type Wire = { readonly operations: FileOperation[]; readonly refused: string[]; end: Watched['end'] | null };

/** Runs `sftp` or `scp` against Debian's server in a folder, with the observer, and a guard where rights are given, in between. */
export async function transfer(
  folder: string,
  program: 'sftp' | 'scp',
  args: readonly string[],
  options: { readonly batch?: string; readonly rights?: FileRights } = {},
): Promise<Watched> {
  const wire: Wire = { operations: [], refused: [], end: null };
  const path = join(folder, '..', `${randomUUID()}.sock`);
  const children: ChildProcess[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => {
    children.push(relay(socket, folder, wire, options.rights ?? null));
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    const through = program === 'sftp' ? ['-D', `${process.execPath} ${HELPER} sftp-server`] : ['-S', HELPER_SCRIPT];
    const child = spawn(program, [...through, ...args], {
      cwd: folder,
      env: { ...process.env, DAYPASS_TEST_SOCKET: path, DAYPASS_TEST_NODE: process.execPath },
    });
    let output = '';
    child.stdout.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr.on('data', (data: Buffer) => (output += data.toString()));
    child.stdin.end(options.batch ?? '');
    const code = await new Promise<number>((resolve) => child.on('close', (status) => resolve(status ?? -1)));
    await Promise.all(
      children.map((each) => (each.exitCode === null ? new Promise((done) => each.on('close', done)) : null)),
    );
    if (!wire.end) throw new Error(`nothing was transferred: ${output}`);
    return { ...wire, end: wire.end, code, output };
  } finally {
    for (const each of children) if (each.exitCode === null) each.kill('SIGKILL');
    server.close();
  }
}

const HELPER_SCRIPT = new URL('stdio-to-socket.sh', import.meta.url).pathname;

function relay(socket: Socket, folder: string, wire: Wire, rights: FileRights | null): ChildProcess {
  let words = '';
  const started: { child: ChildProcess | null } = { child: null };
  const guard = rights && new SftpGuard(rights, (sentence) => wire.refused.push(sentence));
  const shell = spawn('/bin/sh', ['-c', 'read line; eval "exec $line"'], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  started.child = shell;
  let content: PipeContent | null = null;
  const waiting: Buffer[] = [];
  const fromClient = (bytes: Buffer): void => {
    if (guard?.isFull) return void waiting.push(bytes);
    content?.input(bytes, 1);
    const guarded = guard?.client(bytes) ?? { forward: [bytes], answer: [], ended: null };
    for (const piece of guarded.forward) shell.stdin?.write(piece);
    for (const piece of guarded.answer) toClient(piece);
    if (guarded.ended !== null) cut(guarded.ended);
  };
  const toClient = (bytes: Buffer): void => {
    content?.output('stdout', bytes, 2);
    socket.write(bytes);
  };
  const cut = (sentence: string): void => {
    wire.refused.push(sentence);
    socket.destroy();
    shell.kill('SIGKILL');
  };
  socket.on('data', (bytes) => {
    if (content) return fromClient(bytes);
    words += bytes.toString('latin1');
    const end = words.indexOf('\n');
    if (end === -1) return;
    const command = commandOf(JSON.parse(words.slice(0, end)) as string[]);
    const keep = (type: number, _micros: number, payload: Uint8Array): void => {
      if (type === FRAME.file) wire.operations.push(JSON.parse(Buffer.from(payload).toString()) as FileOperation);
    };
    content = new PipeContent({ kind: command === 'sftp' ? 'subsystem' : 'exec', command }, keep, null);
    shell.stdin?.write(`${command === 'sftp' ? SFTP_SERVER : command}\n`);
    const rest = Buffer.from(words.slice(end + 1), 'latin1');
    if (rest.length > 0) fromClient(rest);
  });
  socket.on('end', () => shell.stdin?.end());
  socket.on('error', () => {});
  shell.stdin?.on('error', () => {});
  shell.stdout?.on('data', (bytes: Buffer) => {
    const guarded = guard?.target(bytes) ?? { forward: [bytes], answer: [], ended: null };
    for (const piece of guarded.forward) toClient(piece);
    if (guarded.ended !== null) cut(guarded.ended);
    for (const piece of waiting.splice(0)) fromClient(piece);
  });
  shell.on('close', () => {
    wire.end = content?.end(3) ?? null;
    socket.end();
  });
  return shell;
}

/** scp calls `ssh <options> [--] host command`, or `-s host sftp`. */
function commandOf(args: readonly string[]): string {
  if (args[0] === 'sftp-server' || args.at(-1) === 'sftp') return 'sftp';
  return args.at(-1) ?? '';
}
