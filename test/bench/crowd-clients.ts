import { createPrivateKey } from 'node:crypto';
import type { ClientChannel } from 'ssh2';
import type { FromClients, ToClients } from './crowd-messages.ts';
import { enter, now } from './lab.ts';

/** Many contractors in one process; each takes what it gets and never leaves by itself. */

/** Fewer than the gateway lets wait for their login from one address. */
const AT_ONCE = 6;

type Opening = Extract<ToClients, { type: 'open' }>;
type Session = { bytes: number; lastMs: number; stallMs: number; isAlive: boolean };

const sessions: Session[] = [];
const tell = (message: FromClients): void => void process.send?.(message);

process.on('disconnect', () => process.exit());
process.on('message', (message: ToClients) => {
  if (message.type === 'report') report();
  else openAll(message).catch((error: Error) => tell({ type: 'failed', why: error.message }));
});

async function openAll(opening: Opening): Promise<void> {
  let left = opening.sessions;
  const lane = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      await open(opening);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  tell({ type: 'opened' });
}

async function open({ place, certificate, privateKey, command }: Opening): Promise<void> {
  const client = await enter(place, { certificate, privateKey: createPrivateKey(privateKey) });
  const session: Session = { bytes: 0, lastMs: now(), stallMs: 0, isAlive: true };
  sessions.push(session);
  client.on('close', () => {
    session.isAlive = false;
    tell({ type: 'gone', atMs: now() });
  });
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    const opened = (error: Error | undefined, got: ClientChannel): void => (error ? reject(error) : resolve(got));
    if (command === null) client.shell({}, opened);
    else client.exec(command, { pty: true }, opened);
  });
  channel.stderr.resume();
  channel.on('data', (bytes: Buffer) => {
    const at = now();
    session.stallMs = Math.max(session.stallMs, at - session.lastMs);
    session.lastMs = at;
    session.bytes += bytes.length;
  });
  if (command === null) return;
  await new Promise((resolve) => channel.once('data', resolve));
}

function report(): void {
  const at = now();
  const stallMs = Math.max(...sessions.map((each) => Math.max(each.stallMs, at - each.lastMs)));
  const bytes = sessions.reduce((sum, each) => sum + each.bytes, 0);
  const alive = sessions.filter((each) => each.isAlive).length;
  for (const session of sessions) {
    session.stallMs = 0;
    session.bytes = 0;
  }
  tell({ type: 'report', bytes, stallMs, alive });
}
