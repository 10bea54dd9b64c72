import type { Duplex } from 'node:stream';
import type { Connection } from 'ssh2';
import { destroy } from './guard.ts';

export type Inner = { readonly socket: Duplex; readonly targetName: string; release(): void };

/**
 * Serves the outer connection of a jump: each direct-tcpip (RFC 4254 §7.2) is not connected anywhere but handed to `enter`, as the
 * TCP stream of a second SSH connection. The outer connection goes when its last inner one is ended from this side.
 */
export function serveJump(connection: Connection, enter: (inner: Inner) => void): void {
  let live = 0;
  connection.on('tcpip', (accept, _reject, { destIP }) => {
    const socket: Duplex | undefined = accept();
    if (!socket) return;
    live += 1;
    socket.on('error', () => socket.destroy());
    let released = false;
    const release = (): void => {
      if (released) return;
      released = true;
      live -= 1;
      if (live === 0) destroy(connection);
    };
    // The inner connection ends with the outer one: nothing would tell it otherwise.
    connection.once('close', () => socket.emit('close'));
    enter({ socket, targetName: destIP, release });
  });
}
