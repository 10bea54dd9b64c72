import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** Node.js has no datagram sockets of Unix. */
const LISTEN = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('listening', flush=True)
while True: print(s.recv(4096).decode().strip().replace('\\n', ' '), flush=True)
`;

/** The socket on which systemd hears how far a service is (sd_notify(3)), and what it heard. */
export class ServiceManager implements AsyncDisposable {
  readonly path: string;
  readonly heard: string[] = [];
  readonly #child: ChildProcess;

  private constructor(path: string, child: ChildProcess) {
    this.path = path;
    this.#child = child;
  }

  static async listen(path: string): Promise<ServiceManager> {
    const child = spawn('/usr/bin/python3', ['-c', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    const manager = new ServiceManager(path, child);
    const lines = createInterface(child.stdout);
    await once(lines, 'line');
    lines.on('line', (line) => manager.heard.push(line));
    return manager;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, 'exit');
    this.#child.kill();
    await ended;
  }
}
