import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_KEX, DEFAULT_MACS } from '../../../src/gateway/ssh/algorithms.ts';
import { channelsOf, observing, sha256OfFile } from '../../support/peers/gateway-tools.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Clients that are neither OpenSSH nor PuTTY nor paramiko, a row each: what they need is in docs/clients.md. */

const ASYNCSSH = fileURLToPath(new URL('../../support/peers/asyncssh_client.py', import.meta.url));
const MB = 1_000_000;

let world: GatewayWorld;
/** With what libssh2 1.10 and Dropbear need, and a key that libssh2 has a certificate for. */
let wider: GatewayWorld;
beforeAll(async () => {
  // The gateway asks for new keys as well, towards the client and the target. net-ssh needs the group.
  const kex = [...DEFAULT_KEX, 'diffie-hellman-group14-sha256'] as const;
  world = await GatewayWorld.start({ limits: { rekeyBytes: 5 * MB }, kex });
  wider = await GatewayWorld.start({ keyKind: 'ecdsa-256', macs: [...DEFAULT_MACS, 'hmac-sha2-256'] });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await wider?.[Symbol.asyncDispose]();
});

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

describe('curl, by libssh2', () => {
  it('copies a file', async () => {
    const { gateway, login, person, folder } = wider;
    const file = join(folder.path, 'for-curl');
    writeFileSync(file, 'content of a file\n');
    const keys = ['--key', person.path, '--pubkey', `${person.path}-cert.pub`];
    const url = `sftp://${gateway.address}:${gateway.port}${file}`;
    const { code, stdout } = await run('curl', ['-q', '-sS', '-k', '-u', `${login}+web-01:`, ...keys, url]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'content of a file\n' });
  });
});

describe('net-ssh', () => {
  it('runs a command', async () => {
    const { gateway, login, person } = world;
    const script = `require "net/ssh"
      host, port, user, key = ARGV
      how = { port: port.to_i, keys: [key], keycerts: [key + "-cert.pub"], keys_only: true, config: false }
      Net::SSH.start(host, user, **how, verify_host_key: :never, non_interactive: true) { |ssh| print ssh.exec!("echo in") }`;
    const to = [gateway.address, String(gateway.port), `${login}+web-01`, person.path];
    expect(await run('/usr/bin/ruby', ['-e', script, ...to])).toMatchObject({ code: 0, stdout: 'in\n' });
  });
});

describe('dbclient', () => {
  it('asks the gateway itself: it knows no certificates', async () => {
    const { gateway, folder, person } = wider;
    const key = join(folder.path, 'dropbear');
    expect((await run('dropbearconvert', ['openssh', 'dropbear', person.path, key])).code).toBe(0);
    const to = ['-i', key, '-p', String(gateway.port), `daypass@${gateway.address}`, 'list'];
    const { code, stdout } = await run('dbclient', ['-y', '-y', ...to]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^GRANT +TARGETS[\s\S]* web-01 /) });
  });
});
