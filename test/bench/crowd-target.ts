import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import type { FromTarget, ToTarget } from './crowd-messages.ts';
import { now } from './lab.ts';

/** A light SSH server in the place of a thousand sshds: a shell echoes, `stream` writes 1 MB/s of text. */

const PIECES_PER_SECOND = 10;
const LINE = 'text such as a program prints that has something to say, over and over again, and never ends at all\n';
const PIECE = Buffer.from(LINE.repeat(1_000_000 / PIECES_PER_SECOND / LINE.length));

const tell = (message: FromTarget): void => void process.send?.(message);

process.on('disconnect', () => process.exit());
process.once('message', (message: ToTarget) => void listen(message.hostKey));

async function listen(hostKey: string): Promise<void> {
  const server = new ssh2.Server({ hostKeys: [hostKey] });
  server.on('connection', serve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  tell({ type: 'listening', port: (server.address() as AddressInfo).port });
}

function serve(connection: Connection): void {
  let running = '';
  connection.on('error', () => {});
  connection.on('close', () => tell({ type: 'gone', command: running, atMs: now() }));
  connection.on('authentication', (context) => context.accept());
  connection.on('session', (accept) => {
    const session = accept();
    session.on('pty', (yes) => yes?.());
    session.on('shell', (yes) => {
      const channel = yes();
      channel.on('data', (bytes: Buffer) => channel.write(bytes));
    });
    session.on('exec', (yes, _no, { command }) => {
      running = command;
      const channel = yes();
      if (command.startsWith('stream')) return stream(channel);
      channel.exit(0);
      channel.end();
    });
  });
}

function stream(channel: ServerChannel): void {
  let hasRoom = true;
  channel.on('drain', () => {
    hasRoom = true;
  });
  const beat = setInterval(() => {
    if (hasRoom) hasRoom = channel.write(PIECE);
  }, 1000 / PIECES_PER_SECOND);
  channel.on('close', () => clearInterval(beat));
  channel.on('error', () => clearInterval(beat));
}
