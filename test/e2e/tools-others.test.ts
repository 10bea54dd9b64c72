import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { channelsOf, observing, sha256OfFile } from '../support/gateway-tools.ts';
import { GatewayWorld } from '../support/gateway-world.ts';
import { run } from '../support/processes.ts';

/** Clients that are neither OpenSSH nor PuTTY nor paramiko, a row each: what they need is in docs/clients.md. */

const ASYNCSSH = fileURLToPath(new URL('../support/asyncssh_client.py', import.meta.url));
const MB = 1_000_000;

let world: GatewayWorld;
beforeAll(async () => {
  // The gateway asks for new keys as well, towards the client and the target.
  world = await GatewayWorld.start({ limits: { rekeyBytes: 5 * MB } });
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe('AsyncSSH', () => {
  it('copies both ways over new keys that each side asks for, and runs a command', async () => {
    const file = join(world.folder.path, 'asyncssh');
    writeFileSync(file, randomBytes(12 * MB));
    const { gateway, login, person } = world;
    const args = [ASYNCSSH, gateway.address, String(gateway.port), `${login}+web-01`, person.path, file];
    // Debian's: the module is seen by no other.
    const { outcome, reports } = await observing(world, () => run('/usr/bin/python3', ['-I', '-B', ...args]));
    expect(outcome.stderr).toBe('');
    expect(JSON.parse(outcome.stdout)).toEqual({ got: sha256OfFile(file), out: 'given\n', err: 'err\n', code: 7 });
    expect(channelsOf(reports)).toMatchObject([
      { kind: 'subsystem', command: 'sftp', files: { written: 1, read: 1, refused: 0 } },
      { kind: 'exec', bytesFromClient: 6, exit: { kind: 'status', code: 7 } },
    ]);
  });
});
