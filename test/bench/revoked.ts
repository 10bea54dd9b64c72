import { revokeAll, worstMoments } from '../support/peers/worst-moments.ts';
import { GatewayWorld } from '../support/worlds/gateway-world.ts';
import { type Figure, limited, median, type Options, percentile } from './figures.ts';
import { dropRecordings, leftBehind } from './lab.ts';

const DEAD_MS = 1_000;

/** Revocations of sessions that are in the worst state for it. */
export async function revoked({ isQuick, progress }: Options): Promise<Figure[]> {
  const world = leftBehind.use(await GatewayWorld.start());
  const cases = leftBehind.use(await worstMoments(world));
  const count = isQuick ? 45 : 504;
  const times: number[] = [];
  const slowest = new Map<string, number>();
  while (times.length < count) {
    for (const [name, ms] of await revokeAll(world, cases)) {
      times.push(ms);
      slowest.set(name, Math.max(ms, slowest.get(name) ?? 0));
    }
    await dropRecordings(world);
  }
  for (const [name, ms] of slowest) progress(`  ${name}: slowest ${ms.toFixed(0)} ms`);
  progress(`  median ${median(times).toFixed(0)} ms`);
  for (const each of [cases, world]) await leftBehind.dispose(each);
  const what = `revoke → both TCP connections dead in the worst of moments, ${times.length} times`;
  return [
    limited(`${what}, p99`, percentile(times, 0.99), DEAD_MS, 'ms', '<'),
    limited(`${what}, slowest`, Math.max(...times), DEAD_MS, 'ms', '<'),
  ];
}
