import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import ssh2, { type Connection } from 'ssh2';
import { internalsOf, sendPayload, tapMessages } from '../../src/gateway/ssh2-internals.ts';
import { encode, string, uint8, uint32 } from '../../src/sshwire/bytes.ts';

export type HostileTarget = AsyncDisposable & {
  readonly address: string;
  readonly port: number;
  readonly hostKeyLine: string;
};

/** What it does, with the raw messages that it gets and can send. */
export type Attack = {
  /** Before login; the client has just asked for it. */
  readonly atLogin?: (send: (payload: Uint8Array) => void) => void;
  /** After login, for each message of the connection protocol. */
  readonly onMessage?: (payload: Buffer, send: (payload: Uint8Array) => void) => void;
};

/** An SSH server that lets anybody in and then breaks the rules as told. */
export async function hostileTarget(hostKey: string, hostKeyLine: string, attack: Attack): Promise<HostileTarget> {
  const open = new Set<Connection>();
  const server = new ssh2.Server({ hostKeys: [hostKey] });
  server.on('connection', (connection) => {
    open.add(connection);
    connection.on('error', () => {});
    const { _protocol: protocol } = internalsOf(connection);
    const send = (payload: Uint8Array): void => sendPayload(protocol, payload);
    tapMessages(protocol, (payload) => {
      if ((payload[0] ?? 0) < 80) return false;
      attack.onMessage?.(payload, send);
      return true;
    });
    connection.on('authentication', (context) => {
      attack.atLogin?.(send);
      context.accept();
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

/** Answers a channel open of the gateway, with the window and packet size that an attacker wants. */
export const confirm = (recipient: number, change: { window?: number; packet?: number } = {}): Uint8Array =>
  encode(uint8(91), uint32(recipient), uint32(0), uint32(change.window ?? 2 ** 21), uint32(change.packet ?? 32_768));

export const channelData = (recipient: number, bytes: Uint8Array): Uint8Array =>
  encode(uint8(94), uint32(recipient), string(bytes));
