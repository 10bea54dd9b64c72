import { expect } from 'vitest';
import { ssh } from '../peers/gateway-client.ts';
import { rssMiB } from '../peers/raw-client.ts';
import type { GatewayWorld } from '../worlds/gateway-world.ts';
import { isAlive } from './alive.ts';

/** What an attack may cost: memory of the worker at any moment, and the time of somebody else's session meanwhile and afterwards. */
const MOST = { mib: 64, ms: 5_000 };
const LOOK_MS = 20;

/** A session of somebody who does nothing wrong. */
async function served(world: GatewayWorld): Promise<number> {
  const start = performance.now();
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  return performance.now() - start;
}

/** Runs an attack and asserts that the one worker lives through it, stays small and serves others. Returns what it cost. */
export async function unhurt(world: GatewayWorld, attack: () => Promise<void>, most = MOST): Promise<typeof MOST> {
  const [worker = -1] = world.gateway.workers;
  // What a first session makes it load counts for no attack.
  await served(world);
  const before = rssMiB(worker);
  let peak = before;
  const timer = setInterval(() => {
    if (isAlive(worker)) peak = Math.max(peak, rssMiB(worker));
  }, LOOK_MS);
  const cost = { mib: 0, ms: 0 };
  try {
    const [, during] = await Promise.all([attack(), served(world)]);
    cost.ms = Math.max(during, await served(world));
  } finally {
    clearInterval(timer);
  }
  cost.mib = peak - before;
  if (process.env['DAYPASS_LONG'] === '1') {
    process.stdout.write(
      `${expect.getState().currentTestName}: ${cost.mib.toFixed(1)} MiB, ${cost.ms.toFixed(0)} ms\n`,
    );
  }
  expect(world.gateway.workers).toEqual([worker]);
  expect(isAlive(worker)).toBe(true);
  expect(cost.mib).toBeLessThan(most.mib);
  expect(cost.ms).toBeLessThan(most.ms);
  return cost;
}
