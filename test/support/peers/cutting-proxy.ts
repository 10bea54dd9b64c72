import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** How a conversation ends in its middle: with a FIN, a reset, or a reset in the middle of a packet. */
export type Cut = 'end' | 'reset' | 'torn';
export const CUTS: readonly Cut[] = ['reset', 'end', 'torn'];

export type CuttingProxy = AsyncDisposable & {
  readonly port: number;
  /** Pieces that went through the last connection, both ways together. */
  readonly pieces: () => number;
  /** From the next connection on; what goes through is cut at its n-th piece. */
  cut(at: number, how: Cut): void;
};

/** Carries bytes to a port of this machine and back, and ends one side's connection in the middle; `victim` is who notices. */
export async function cuttingProxy(to: number, victim: 'dialled' | 'dialling'): Promise<CuttingProxy> {
  let plan: { at: number; how: Cut } = { at: Number.POSITIVE_INFINITY, how: 'end' };
  let pieces = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(to, '127.0.0.1');
    const { at, how } = plan;
    let seen = 0;
    pieces = 0;
    const [hurt, other] = victim === 'dialled' ? [far, near] : [near, far];
    const end = (): void => {
      if (how === 'end') hurt.end(() => hurt.destroySoon());
      else hurt.resetAndDestroy();
      other.destroy();
    };
    for (const [from, into] of [[near, far] as const, [far, near] as const]) {
      open.add(from);
      from.setNoDelay(true);
      from.on('error', () => from.destroy());
      from.once('close', () => {
        open.delete(from);
        into.destroySoon();
      });
      from.on('data', (bytes: Buffer) => {
        if (seen >= at) return;
        seen += 1;
        pieces = seen;
        if (seen < at) into.write(bytes);
        else into.write(how === 'torn' ? bytes.subarray(0, Math.ceil(bytes.length / 2)) : bytes, end);
      });
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    pieces: () => pieces,
    cut(at, how) {
      plan = { at, how };
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
