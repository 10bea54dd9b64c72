import { afterEach, beforeEach, expect, it } from 'vitest';
import { isProved } from '../../../src/access/offboarding.ts';
import { offboardingsOn } from '../../../src/control/offboardings.ts';
import { createLog } from '../../../src/log.ts';
import { granted } from '../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../support/worlds/granted-world.ts';
import { AskedGateways, offboarding } from '../../support/worlds/offboard-world.ts';

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

it('control proves what was offboarded before it started, and closes what ended meanwhile', async () => {
  const gateways = new AskedGateways();
  const task = offboarding(world, gateways);
  const begun = granted(await task.offboard());
  world.now = new Date('2999-12-31T23:59:59Z');
  await using _running = offboardingsOn({ ...world.deps, gateways, log: createLog('silent') });
  await expect.poll(async () => isProved(await task.stored(begun.id))).toBe(true);
  const engagement = () => world.store.transaction((tx) => tx.engagements.byId(world.engagement.id));
  expect(await engagement()).toMatchObject({ closedAt: null });
  world.now = new Date('3000-01-01T00:00:00Z');
  await expect.poll(engagement, { timeout: 60_000 }).toMatchObject({ closedAt: world.now, closedBy: null });
});
