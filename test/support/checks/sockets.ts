import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const ESTABLISHED = '01';

const portOf = (address = ''): number => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);

/** The two ports of each live TCP connection of this machine, once for each end: its own and the other's. */
export function connections(): readonly (readonly [own: number, other: number])[] {
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state]) => state === ESTABLISHED)
    .map(([, local, remote]) => [portOf(local), portOf(remote)]);
}

/** Live TCP connections from and to a port of this machine, counted once for each end. */
const established = (port: number): number => connections().filter((ends) => ends.includes(port)).length;

/** The ports from which somebody is connected to this one. */
export const clientsOf = (port: number): readonly number[] =>
  connections().flatMap(([own, other]) => (other === port ? [own] : []));

/** Resolves with the milliseconds that it took until no connection of these ports lived. */
export async function allDead(ports: readonly number[], withinMs = 10_000): Promise<number> {
  const start = performance.now();
  for (;;) {
    const live = ports.map(established);
    if (live.every((count) => count === 0)) return performance.now() - start;
    if (performance.now() - start > withinMs) throw new Error(`still connected: ${live} on ${ports}`);
    await pause(5);
  }
}

/** Resolves once a port has so many connections. */
export async function connected(port: number, atLeast = 1, withinMs = 20_000): Promise<void> {
  const start = performance.now();
  while (established(port) < atLeast) {
    if (performance.now() - start > withinMs) throw new Error(`nothing connected to ${port}`);
    await pause(5);
  }
}
