import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, { type Connection } from 'ssh2';
import { internalsOf, sendPayload, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { encode, string, uint8, uint32 } from '../../../src/sshwire/bytes.ts';

export type HostileTarget = AsyncDisposable & {
  readonly address: string;
  readonly port: number;
  readonly hostKeyLine: string;
};

/** What it does, with the raw messages that it gets and can send. */
export type Attack = {
  /** Before login; the client has just asked for it. */
  readonly atLogin?: (send: Send, socket: Duplex) => void;
  /** After login, for each message of the connection protocol. */
  readonly onMessage?: (payload: Buffer, send: Send, socket: Duplex) => void;
  /** For any other message: true where it is not to be answered as the rules want. */
  readonly isDeafTo?: (payload: Buffer) => boolean;
  /** Leaves the login unanswered. */
  readonly letsNobodyIn?: true;
  /** Offers nothing else. */
  readonly compress?: 'zlib';
};

type Send = (payload: Uint8Array) => void;

/** An SSH server that lets anybody in and then breaks the rules as told. */
export async function hostileTarget(hostKey: string, hostKeyLine: string, attack: Attack): Promise<HostileTarget> {
  const open = new Set<Connection>();
  const algorithms = attack.compress ? { compress: [attack.compress] as never } : {};
  const server = new ssh2.Server({ hostKeys: [hostKey], algorithms });
  server.on('connection', (connection) => {
    open.add(connection);
    connection.on('error', () => {});
    const { _protocol: protocol, _sock: socket } = internalsOf(connection);
    const send: Send = (payload) => {
      if (!socket.destroyed) sendPayload(protocol, payload);
    };
    tapMessages(protocol, (payload) => {
      if ((payload[0] ?? 0) < 80) return attack.isDeafTo?.(payload) ?? false;
      attack.onMessage?.(payload, send, socket);
      return true;
    });
    connection.on('authentication', (context) => {
      attack.atLogin?.(send, socket);
      if (!attack.letsNobodyIn) context.accept();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...{ address: '127.0.0.1', port: (server.address() as AddressInfo).port, hostKeyLine },
    async [Symbol.asyncDispose]() {
      for (const connection of open) internalsOf(connection)._sock.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A host that is there and is no SSH server: `greet` is what it does with each connection. */
export async function strangeHost(hostKeyLine: string, greet: (socket: Socket) => void): Promise<HostileTarget> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => {}).resume();
    greet(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    ...{ address: '127.0.0.1', port: (server.address() as AddressInfo).port, hostKeyLine },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Answers a channel open of the gateway, with the window and packet size that an attacker wants. */
export const confirm = (recipient: number, change: { window?: number; packet?: number } = {}): Uint8Array =>
  encode(uint8(91), uint32(recipient), uint32(0), uint32(change.window ?? 2 ** 21), uint32(change.packet ?? 32_768));

export const channelData = (recipient: number, bytes: Uint8Array): Uint8Array =>
  encode(uint8(94), uint32(recipient), string(bytes));
