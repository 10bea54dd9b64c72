import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAYS, type Way } from '../../support/peers/gateway-client.ts';
import {
  channelsOf,
  observing,
  refusalsOf,
  routeOf,
  sha256OfFile,
  TUNNEL_ONLY,
} from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** paramiko, as scripts in Python use it. */

const SCRIPT = fileURLToPath(new URL('../../support/peers/paramiko_client.py', import.meta.url));

let world: GatewayWorld;
let none: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
  none = await GatewayWorld.start({ scope: TUNNEL_ONLY });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await none?.[Symbol.asyncDispose]();
});

async function paramiko(of: GatewayWorld, way: Way, step: 'exec' | 'sftp' | 'shell', folder = of.folder.path) {
  const [, hostKey = ''] = of.keys.gatewayHostPublicKey.split(' ');
  const { gateway, login, person } = of;
  // Debian's: the module is seen by no other.
  const { code, stdout, stderr } = await run('/usr/bin/python3', [
    ...[
      '-I',
      '-B',
      SCRIPT,
      step,
      routeOf(way),
      gateway.address,
      String(gateway.port),
      login,
      person.path,
      hostKey,
      folder,
    ],
  ]);
  if (stdout === '') throw new Error(stderr);
  return { code, said: JSON.parse(stdout) as unknown };
}

describe.each(WAYS)('by way of %s', (way) => {
  it('exec_command has three streams and an exit status', async () => {
    const { outcome, reports } = await observing(world, () => paramiko(world, way, 'exec'));
    expect(outcome).toEqual({ code: 0, said: { out: 'given\n', err: 'err\n', code: 7 } });
    expect(channelsOf(reports)).toMatchObject([
      { kind: 'exec', command: 'cat; echo err >&2; exit 7', bytesFromClient: 6, exit: { kind: 'status', code: 7 } },
    ]);
  });

  it('SFTP gives and takes files, and the log counts them', async () => {
    const folder = join(world.folder.path, `paramiko-${way}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'given'), randomBytes(2_000_000));
    const { outcome, reports } = await observing(world, () => paramiko(world, way, 'sftp', folder));
    const got = sha256OfFile(join(folder, 'given'));
    expect(outcome).toEqual({ code: 0, said: { sent: 2_000_000, got, listed: ['put'] } });
    expect(sha256OfFile(join(folder, 'sub', 'put'))).toBe(got);
    expect(existsSync(join(folder, 'written'))).toBe(false);
    expect(channelsOf(reports)).toMatchObject([
      {
        kind: 'subsystem',
        command: 'sftp',
        label: 'sftp',
        coverage: 'metadata',
        files: { written: 2, read: 1, refused: 0 },
      },
    ]);
  });

  it('invoke_shell is a shell on a terminal', async () => {
    const { outcome, reports } = await observing(world, () => paramiko(world, way, 'shell'));
    expect(outcome).toMatchObject({ code: 0, said: { shown: expect.stringMatching(/31 91[\s\S]*shell 42/), code: 3 } });
    expect(channelsOf(reports)).toMatchObject([{ kind: 'shell', pty: true, label: 'terminal', coverage: 'full' }]);
  });

  it.each([
    // What is refused has been accepted at first: its sentence comes on stderr, with the exit status.
    [
      'exec',
      {
        code: 0,
        said: {
          out: '',
          code: 254,
          err: expect.stringMatching(/daypass: scope tunnel:db does not allow this command/),
        },
      },
    ],
    ['sftp', { code: 1, said: { failed: expect.stringMatching(/EOF|closed/) } }],
    ['shell', { code: 1, said: { failed: expect.stringMatching(/SSHException|EOF|Channel closed/) } }],
  ] as const)('%s is refused where the scope has none', async (step, expected) => {
    const { outcome, reports } = await observing(none, () => paramiko(none, way, step));
    expect(outcome).toEqual(expected);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports)[0]).toMatch(/^scope tunnel:db does not allow/);
  });
});
