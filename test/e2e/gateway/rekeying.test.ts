import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { internalsOf, tapMessages } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { sha256Of, ssh, sshClient } from '../../support/peers/gateway-client.ts';
import { figure, LONG } from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { RawClient, rssMiB } from '../../support/peers/raw-client.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

let world: GatewayWorld;
let worker: number;
const start = async (options: Parameters<typeof GatewayWorld.start>[0] = {}): Promise<void> => {
  world = await GatewayWorld.start(options);
  worker = world.gateway.workers[0] ?? -1;
};
const stillWorks = async (): Promise<void> => {
  expect(await ssh(world, ['direct', 'echo on'])).toMatchObject({ code: 0, stdout: 'on\n' });
  expect(world.gateway.workers).toEqual([worker]);
};

describe('new keys', () => {
  const MIB = 2 ** 20;
  afterEach(() => world?.[Symbol.asyncDispose]());

  it('are asked for by the gateway on both sides, and nothing is lost by it', async () => {
    await start({ limits: { rekeyBytes: 16 * MIB } });
    const size = LONG ? 5 * 1024 * MIB : 200 * MIB;
    const make = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0`;
    await using client = sshClient(world, ['-v', 'direct', make]);
    const received = await sha256Of(client.stdout);
    const made = await run('sh', ['-c', `${make} | sha256sum`], { timeoutMs: 300_000 });
    expect(received).toEqual({ bytes: size, sha256: made.stdout.split(' ')[0] });
    expect(await client.exited).toBe(0);
    const exchanges = client.stderr().match(/SSH2_MSG_KEXINIT received/g)?.length ?? 0;
    figure('key exchanges', exchanges);
    expect(exchanges).toBeGreaterThan(size / (16 * MIB) / 2);
  });

  it('that the client asks for each 16 MiB lose nothing', async () => {
    await start();
    const size = LONG ? 5 * 1024 * MIB : 200 * MIB;
    const make = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 0`;
    await using client = sshClient(world, ['-o', 'RekeyLimit=16M', 'direct', make]);
    const received = await sha256Of(client.stdout);
    const made = await run('sh', ['-c', `${make} | sha256sum`], { timeoutMs: 300_000 });
    expect(received).toEqual({ bytes: size, sha256: made.stdout.split(' ')[0] });
  });

  it('are asked for after a while as well, and a peer that makes none is cut off', async () => {
    await start({ limits: { rekeyMs: 1_500 } });
    const { stderr, code } = await ssh(world, ['-v', 'direct', 'sleep 4; echo done']);
    expect(code).toBe(0);
    expect(stderr.match(/SSH2_MSG_KEXINIT received/g)?.length).toBeGreaterThan(2);
    using raw = await RawClient.login(world);
    // It hears no KEXINIT, and goes on to ask for answers.
    tapMessages(internalsOf(raw.client)._protocol, (payload) => payload[0] === 20 || (payload[0] ?? 0) >= 80);
    await pause(2_000);
    const before = rssMiB(worker);
    const ask = Buffer.concat([Buffer.of(80, 0, 0, 0, 2), Buffer.from('hi'), Buffer.of(1)]);
    for (let n = 0; n < 1_200_000 && !raw.socket.destroyed; n += 1) {
      raw.send(ask);
      if (n % 10_000 === 0) await pause(5);
    }
    expect(await raw.cut()).toBeLessThan(5_000);
    expect(rssMiB(worker) - before).toBeLessThan(64);
    await stillWorks();
  });
});
