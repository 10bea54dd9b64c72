import { connect, type Socket, type TcpNetConnectOpts } from 'node:net';
import ssh2 from 'ssh2';
import type { Crowding, FromPeers, ToPeers } from './flood-messages.ts';

/** Peers that do not log in, in a process of their own. */

const tell = (message: FromPeers): void => void process.send?.(message);

process.on('disconnect', () => process.exit());
process.on('message', (message: ToPeers) => {
  if (message.type === 'shake') shake(message);
  else if (message.type === 'flood') flood(message);
  else if (message.type === 'crowd') crowd(message);
});

/** Key exchanges, so many a second, each from another address: none of them is turned away for its number. */
function shake({ host, port, perSecond }: Extract<ToPeers, { type: 'shake' }>): void {
  let begun = 0;
  let done = 0;
  const timer = setInterval(() => {
    begun += 1;
    const client = new ssh2.Client();
    client.on('error', () => {});
    client.on('handshake', () => {
      done += 1;
      client.destroy();
    });
    client.connect({ host, port, username: 'x', localAddress: address(begun) });
  }, 1_000 / perSecond);
  process.on('message', (message: ToPeers) => {
    if (message.type !== 'stop') return;
    clearInterval(timer);
    tell({ type: 'shaken', done });
  });
}

/** Every address of 127.0.0.0/8 is this machine. */
const address = (n: number): string => `127.0.2.${1 + (n % 200)}`;

/** Each comes, and stays until it is ended. */
const COMING: Readonly<Record<Crowding, (to: TcpNetConnectOpts) => void>> = {
  silence: (to) =>
    void connect(to)
      .on('error', () => {})
      .resume(),
  exchange: (to) => stranger(to, () => {}),
  offers: (to) => {
    const keys = [...offered()];
    stranger(to, (go, client) => {
      const key = keys.shift();
      if (key === undefined) client.destroy();
      else go({ type: 'publickey', username: 'daypass', key });
    });
  },
};

type Ask = (go: (method: object) => void, client: ssh2.Client) => void;

function stranger(to: object, ask: Ask): void {
  const client = new ssh2.Client();
  client.on('error', () => {});
  const authHandler = (_left: unknown, _partial: unknown, go: (method: object) => void): void => ask(go, client);
  client.connect({ ...to, username: 'daypass', authHandler } as never);
}

let made: readonly string[] | null = null;
/** One less than an agent may have tried. */
function offered(): readonly string[] {
  made ??= Array.from({ length: 19 }, () => ssh2.utils.generateKeyPairSync('ed25519').private);
  return made;
}

/** So many a second, until they are told to stop. */
function crowd({ host, port, does, perSecond, addresses }: Extract<ToPeers, { type: 'crowd' }>): void {
  let begun = 0;
  const from = performance.now();
  // By the clock: a late timer makes up for what it missed.
  const timer = setInterval(() => {
    for (; begun < ((performance.now() - from) / 1_000) * perSecond; begun += 1) {
      COMING[does]({ host, port, localAddress: `127.0.3.${1 + (begun % addresses)}` });
    }
  }, 10);
  process.on('message', (message: ToPeers) => {
    if (message.type !== 'stop') return;
    clearInterval(timer);
    tell({ type: 'crowded', begun });
  });
}

function flood({ host, port, sockets }: Extract<ToPeers, { type: 'flood' }>): void {
  const open: Socket[] = [];
  let connected = 0;
  for (let n = 0; n < sockets; n += 1) {
    const socket = connect({ host, port, localAddress: address(n) });
    socket.on('error', () => {}).resume();
    socket.once('connect', () => {
      connected += 1;
      socket.write(['', 'SSH-2.0-slow\r\n', '\0'.repeat(512), `SSH-2.0-x\r\n${'\0'.repeat(20)}`][n % 4] ?? '');
      if (connected === sockets) tell({ type: 'flooded' });
    });
    open.push(socket);
  }
}
