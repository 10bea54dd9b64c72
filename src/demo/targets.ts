import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { mustRun } from './command.ts';
import { answerWithSshd, sshdConfig } from './sshd.ts';
import { type TargetShell, targetShell } from './target-shell.ts';

/** What `daypass targets snippet --json` prints. */
export type Snippet = { readonly files: readonly { path: string; content: string }[]; readonly block: string };

/** A host of the demo. It listens from the start, and answers once it is set up. */
export type DemoTarget = AsyncDisposable & {
  readonly id: string;
  readonly port: number;
  /** `<type> <base64>`. */
  readonly hostKey: string;
  readonly folder: string;
  /** Answers with a real sshd from now on, set up by the printed block. */
  useSshd(sshd: string, snippet: Snippet): void;
  /** Answers with a server of the demo's own, which checks the same CA and principals. */
  useOwnServer(snippet: Snippet, login: string): void;
};

export async function openTarget(id: string, folder: string): Promise<DemoTarget> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const hostKeyFile = join(folder, 'host_key');
  await mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', id, '-f', hostKeyFile]);
  const target = new ListeningTarget(id, folder, hostKeyFile);
  await target.listen();
  return target;
}

class ListeningTarget implements DemoTarget {
  readonly id: string;
  readonly folder: string;
  readonly #hostKeyFile: string;
  readonly #server: Server;
  readonly #children = new Set<ChildProcess>();
  readonly #sockets = new Set<Socket>();
  #answer: (socket: Socket) => void = (socket) => socket.destroy();
  #shell: TargetShell | null = null;

  constructor(id: string, folder: string, hostKeyFile: string) {
    this.id = id;
    this.folder = folder;
    this.#hostKeyFile = hostKeyFile;
    this.#server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      this.#answer(socket);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get hostKey(): string {
    return readFileSync(`${this.#hostKeyFile}.pub`, 'utf8').split(' ').slice(0, 2).join(' ');
  }

  useSshd(sshd: string, snippet: Snippet): void {
    const config = join(this.folder, 'sshd_config');
    writeSnippet(snippet);
    writeFileSync(config, sshdConfig(this.#hostKeyFile, snippet.block), { mode: 0o600 });
    this.#answer = (socket) => {
      const child = answerWithSshd(sshd, config, socket);
      this.#children.add(child);
      child.once('close', () => this.#children.delete(child));
    };
  }

  useOwnServer(snippet: Snippet, login: string): void {
    writeSnippet(snippet);
    const ca = snippet.files[0]?.content ?? '';
    const hostKey = readFileSync(this.#hostKeyFile, 'utf8');
    this.#shell = targetShell({ hostKey, ca, login, principal: `${login}@${this.id}` });
    this.#answer = (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      this.#shell?.accept(socket);
      socket.resume();
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shell?.stop();
    for (const socket of this.#sockets) socket.destroy();
    for (const child of this.#children) child.kill('SIGKILL');
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function writeSnippet(snippet: Snippet): void {
  for (const file of snippet.files) {
    mkdirSync(dirname(file.path), { recursive: true, mode: 0o755 });
    writeFileSync(file.path, file.content, { mode: 0o644 });
  }
}
