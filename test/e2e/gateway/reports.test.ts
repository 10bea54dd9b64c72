import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { ssh, sshClient } from '../../support/peers/gateway-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Longer than a worker waits for a decision. */
const AWAY_MS = 17_000;

/** What control learns of sessions while it, or what it writes to, is slow or away. */

it.concurrent('a session whose end control cannot take for long is told once it can', async () => {
  await using world = await GatewayWorld.start();
  const { control } = world;
  const closed = control.closed.bind(control);
  let tries = 0;
  const away = performance.now();
  control.closed = async (...told) => {
    tries += 1;
    if (performance.now() - away < AWAY_MS) throw new Error('the database is away');
    await closed(...told);
  };
  await using client = sshClient(world, ['direct', 'echo in; cat']);
  await once(client.stdout, 'data');
  const id = await control.openedSession(0);
  client.child.stdin?.end();
  expect(await control.endingOf(id)).toEqual({ how: 'closed' });
  expect(tries).toBeGreaterThan(3);
});

it.concurrent('a session that was decided on when nobody waited for it any more does not count as live', async () => {
  await using world = await GatewayWorld.start();
  const { control } = world;
  const authorize = control.authorize.bind(control);
  control.authorize = async (ask) => {
    await pause(AWAY_MS);
    return authorize(ask);
  };
  const { code, stderr } = await ssh(world, ['direct', 'true']);
  expect(code).toBe(255);
  expect(stderr).toMatch(/daypass: Daypass did not decide in time\. Connect again in a minute\./);
  const id = await control.session(0);
  expect(await control.endingOf(id)).toEqual({ how: 'failed', why: 'login_abandoned' });
  expect(control.opened_).toEqual([]);
});
