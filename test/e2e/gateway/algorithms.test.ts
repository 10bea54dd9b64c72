import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CIPHERS, KEX, MACS } from '../../../src/gateway/ssh/algorithms.ts';
import { internalsOf } from '../../../src/gateway/ssh/ssh2-internals.ts';
import { ssh } from '../../support/peers/gateway-client.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

describe('algorithms that are configured', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start({ kex: KEX, ciphers: CIPHERS, macs: MACS });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it.each([
    ...KEX.map((kex) => ['KexAlgorithms', kex] as const),
    ...CIPHERS.map((cipher) => ['Ciphers', cipher] as const),
    ...MACS.map((mac) => ['MACs', mac] as const),
  ])('let a client in that has only %s %s', async (option, name) => {
    const more = option === 'MACs' ? ['-o', 'Ciphers=aes128-ctr'] : [];
    const { code, stdout } = await ssh(world, ['-o', `${option}=${name}`, ...more, 'direct', 'cat'], { stdin: 'abc' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'abc' });
  });
});

describe('a client without any of them', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  it('is told what is missing and which setting lets it in, and so is control', async () => {
    const client = new ssh2.Client();
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()));
    const errors: string[] = [];
    client.on('error', (error) => errors.push(error.message));
    const { address: host, port } = world.gateway;
    const algorithms = { cipher: ['aes128-ctr'], hmac: ['hmac-sha2-256'] };
    client.connect({ host, port, username: 'x', algorithms: algorithms as never });
    // It judges by more than it has said: so it waits for the gateway's verdict, as clients do that read what it says first.
    const { cs, sc } = internalsOf(client)._protocol._offer.lists;
    for (const { mac } of [cs, sc]) (mac.array as string[]).push(...MACS);
    await closed;
    expect(errors.join(' ')).toMatch(
      /daypass: no MAC in common: the client offers hmac-sha2-256; the gateway accepts \S+, \S+\. Its operators can allow yours: gateway\.macs can add hmac-sha2-256\./,
    );
    await expect
      .poll(() => world.control.refusals)
      .toContainEqual({ address: '127.0.0.1', reason: 'no_common_algorithm', fingerprint: null });
  });

  it('gets nothing by default that ssh-audit finds fault with', async () => {
    const { address, port } = world.gateway;
    const { stdout } = await run('ssh-audit', ['-n', '-p', String(port), address]);
    expect(stdout).toMatch(/^\(kex\) curve25519-sha256 /m);
    const faults = stdout.split('\n').filter((line) => /\[(fail|warn)\]/.test(line));
    // Debian's version is older than strict key exchange.
    expect(faults.filter((line) => !/kex-strict-s-v00@openssh\.com +-- \[warn\] unknown algorithm/.test(line))).toEqual(
      [],
    );
  });
});
