import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type Balancer = AsyncDisposable & { readonly port: number };

/** A load balancer at 127.0.0.2 of this machine: sends this before each connection, in pieces as given. */
export async function balancer(to: number, pieces: readonly (string | Buffer)[]): Promise<Balancer> {
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect({ port: to, host: '127.0.0.1', localAddress: '127.0.0.2', noDelay: true });
    for (const [from, into] of [[near, far] as const, [far, near] as const]) {
      open.add(from.on('error', () => from.destroy()));
      from.once('close', () => {
        open.delete(from);
        into.destroySoon();
      });
    }
    far.once('connect', async () => {
      for (const piece of pieces) {
        far.write(piece);
        await new Promise(setImmediate);
      }
      near.pipe(far).pipe(near);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
