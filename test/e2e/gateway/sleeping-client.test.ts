import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, sshClient, WAYS } from '../../support/peers/gateway-client.ts';
import { descendants } from '../../support/peers/processes.ts';
import { REVOKED } from '../../support/samples/samples.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** A laptop that is closed and opened again: its TCP connection holds, and nothing answers meanwhile. */

const KEEPALIVE_MS = 250;
const UNANSWERED_MS = 4_000;

let world: GatewayWorld;
beforeAll(async () => {
  const rekeying = { rekeyMs: 1_500, rekeyAnswerMs: 500 };
  world = await GatewayWorld.start({
    limits: { keepaliveMs: KEEPALIVE_MS, unansweredMs: UNANSWERED_MS, ...rekeying },
  });
});
afterAll(() => world?.[Symbol.asyncDispose]());

const signal = (client: Client, name: 'SIGSTOP' | 'SIGCONT'): void => {
  for (const pid of [client.pid, ...descendants(client.pid)]) process.kill(pid, name);
};

async function echoing(way: string): Promise<Client> {
  const client = sshClient(world, [way, 'echo on; exec cat']);
  await once(client.stdout, 'data');
  return client;
}

describe.each(WAYS)('by way of %s', (way) => {
  it('goes on where it was, though keepalives went unanswered and new keys were due', async () => {
    await using client = await echoing(way);
    signal(client, 'SIGSTOP');
    await pause(10 * KEEPALIVE_MS);
    signal(client, 'SIGCONT');
    const heard = once(client.stdout, 'data', { signal: AbortSignal.timeout(5_000) });
    client.child.stdin?.write('still here\n');
    expect(String((await heard)[0])).toBe('still here\n');
  });

  it('is gone where it stays away for longer than it may', async () => {
    const next = world.control.sessions.length;
    await using client = await echoing(way);
    const id = await world.control.openedSession(next);
    signal(client, 'SIGSTOP');
    const begun = performance.now();
    expect(await world.control.endingOf(id)).toEqual({ how: 'closed' });
    expect(performance.now() - begun).toBeGreaterThan(UNANSWERED_MS - 2 * KEEPALIVE_MS);
    signal(client, 'SIGCONT');
  });

  it('is gone at once where its access ends meanwhile', async () => {
    const next = world.control.sessions.length;
    await using client = await echoing(way);
    const id = await world.control.openedSession(next);
    signal(client, 'SIGSTOP');
    const begun = performance.now();
    world.gateway.terminate([id], REVOKED);
    expect(await world.control.endingOf(id)).toEqual({ how: 'terminated', why: 'revoked' });
    expect(performance.now() - begun).toBeLessThan(2_000);
    signal(client, 'SIGCONT');
    expect(await client.exited).toBe(255);
  });
});
