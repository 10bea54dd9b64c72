import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Scope } from '../../../src/access/scopes/scope.ts';
import type { SessionReport } from '../../../src/access/session-report.ts';
import type { GatewayWorld } from '../worlds/gateway-world.ts';
import type { Way } from './gateway-client.ts';
import type { Outcome, RunOptions } from './processes.ts';
import { run } from './processes.ts';

/** What the tests of the tools that people use have in common. */

export const LONG = process.env['DAYPASS_LONG'] === '1';
export const MIB = 1024 * 1024;

/** Prints what was measured, in long runs. */
export const figure = (name: string, value: number): void => {
  if (LONG) process.stdout.write(`${name}: ${value.toFixed(1)}\n`);
};

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
export const sha256OfFile = (path: string): string => sha256(readFileSync(path));

/** Runs it to its end, and waits for what control is told of each session that it began. */
export async function observing<T>(
  world: GatewayWorld,
  act: () => Promise<T>,
): Promise<{ readonly outcome: T; readonly reports: readonly SessionReport[] }> {
  const before = world.control.sessions.length;
  const outcome = await act();
  const ids = world.control.sessions.slice(before);
  return { outcome, reports: await Promise.all(ids.map(async (id) => (await world.control.closing(id)).report)) };
}

/** The channels of all of them. */
export const channelsOf = (reports: readonly SessionReport[]) => reports.flatMap(({ channels }) => channels);
export const refusalsOf = (reports: readonly SessionReport[]) => reports.flatMap(({ refusals }) => refusals);

/** For programs that start ssh themselves. */
export const sshCommand = (world: GatewayWorld): string => `ssh -F ${world.sshConfig}`;

export const rsync = (world: GatewayWorld, args: readonly string[], options?: RunOptions): Promise<Outcome> =>
  run('rsync', ['-e', sshCommand(world), ...args], options);

export const routeOf = (way: Way): 'direct' | 'jump' => (way === 'direct' ? 'direct' : 'jump');

/** Neither shell nor command nor file: what every tool but a tunnel is refused under. */
export const TUNNEL_ONLY = Scope.parse({
  name: 'tunnel:db',
  words: 'One tunnel',
  tunnels: [{ host: '127.0.0.1', ports: [1] }],
});

export const FILES_ONLY = /daypass: scope files-rw does not allow this command; it allows: Read and write files/;

/** A server on the target's loopback that speaks first. */
export async function greeter(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => socket.on('error', () => socket.destroy()).end('220 loopback\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  await using server = await greeter();
  return server.port;
}
