import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeKeyFile } from '../../support/peers/openssh.ts';
import { run } from '../../support/peers/processes.ts';
import { fingerprintOf, GatewayWorld } from '../../support/worlds/gateway-world.ts';

describe('registering a key', () => {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start({ isGranted: false });
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const register = async (kind: string, code: string, args: readonly string[]) => {
    const key = await makeKeyFile(world.folder.path, kind, `register-${kind}-${args.length}-${code}`);
    const outcome = await run('ssh', [
      ...['-F', 'none', '-o', 'BatchMode=yes', '-o', 'IdentitiesOnly=yes', '-o', 'IdentityAgent=none'],
      ...['-o', 'HostKeyAlias=daypass-gateway', '-o', `UserKnownHostsFile=${join(world.folder.path, 'known_hosts')}`],
      ...['-p', String(world.gateway.port), '-i', key.path, ...args, `register-${code}@${world.gateway.address}`],
    ]);
    return { key, outcome };
  };

  it.each(['ed25519', 'ecdsa-256', 'ecdsa-521', 'rsa-3072'])('a plain key of %s is proven', async (kind) => {
    const { key, outcome } = await register(kind, await world.control.newCode(), []);
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(`Your key is registered: ${fingerprintOf(key)}`);
    expect(world.control.registered).toContain(key.line);
  });

  it('a weak key is refused with the reason', async () => {
    const { outcome } = await register('rsa-2048', await world.control.newCode(), []);
    expect(outcome.code).toBe(255);
    expect(outcome.stderr).toMatch(/daypass: That key was refused: its RSA key has 2048 bits/);
  });

  it('an unknown code is refused with the way to a new one', async () => {
    const { outcome } = await register('ed25519', 'zzzz-zzzz', []);
    expect(outcome.stderr).toMatch(/daypass: That registration code is unknown\. For a new one, type \/access key/);
  });

  it('who asks for no channel is told all the same', async () => {
    const { outcome } = await register('ed25519', await world.control.newCode(), ['-N']);
    expect(outcome.stderr).toMatch(/daypass: Your key is registered/);
  });
});
