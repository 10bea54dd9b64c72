import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAYS, type Way } from '../../support/peers/gateway-client.ts';
import {
  channelsOf,
  FILES_ONLY,
  MIB,
  observing,
  refusalsOf,
  sha256,
  sha256OfFile,
  TUNNEL_ONLY,
} from '../../support/peers/gateway-tools.ts';
import { type RunOptions, run, runOk } from '../../support/peers/processes.ts';
import { fingerprintOf, GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** PuTTY's plink, psftp and pscp, with a private key in PuTTY's format that holds the certificate. */

let world: GatewayWorld;
let files: GatewayWorld;
let none: GatewayWorld;
beforeAll(async () => {
  world = await puttyWorld({});
  files = await puttyWorld({ scopeName: 'files-rw' });
  none = await puttyWorld({ scope: TUNNEL_ONLY });
});
afterAll(async () => {
  for (const each of [world, files, none]) await each?.[Symbol.asyncDispose]();
});

const ppk = (of: GatewayWorld): string => join(of.folder.path, 'person.ppk');

async function puttyWorld(options: Parameters<typeof GatewayWorld.start>[0]): Promise<GatewayWorld> {
  const made = await GatewayWorld.start(options);
  const { path } = made.person;
  await runOk('puttygen', [path, '--certificate', `${path}-cert.pub`, '-O', 'private', '-o', ppk(made)]);
  return made;
}

/** PuTTY names the host key by its fingerprint, and a jump by a command of its own. */
function putty(of: GatewayWorld, program: 'plink' | 'psftp' | 'pscp', way: Way) {
  const { gateway, login } = of;
  const [type = '', base64 = ''] = of.keys.gatewayHostPublicKey.split(' ');
  const hostKey = fingerprintOf({ path: '', line: `${type} ${base64}` });
  const key = ['-batch', '-noagent', '-i', ppk(of), '-hostkey', hostKey, '-P', String(gateway.port)];
  const jump = ['plink', ...key, '-nc', '%host:%port', `daypass@${gateway.address}`].join(' ');
  const args = way === 'direct' ? [...key, '-l', `${login}+web-01`] : [...key, '-proxycmd', jump, '-l', login];
  const host = way === 'direct' ? gateway.address : 'web-01';
  const env = { HOME: of.folder.path };
  return {
    host,
    run: (more: readonly string[], options?: RunOptions) => run(program, [...args, ...more], { env, ...options }),
  };
}

const place = (...names: string[]): string => join(world.folder.path, ...names);

describe.each(WAYS)('by way of %s', (way) => {
  it('plink runs a command with stdin, stderr and an exit code', async () => {
    const plink = putty(world, 'plink', way);
    const stdin = randomBytes(2 * MIB);
    const { outcome, reports } = await observing(world, () =>
      plink.run([plink.host, 'sha256sum; echo err >&2; exit 9'], { stdin }),
    );
    expect(outcome.code).toBe(9);
    expect(outcome.stdout).toBe(`${sha256(stdin)}  -\n`);
    expect(outcome.stderr).toMatch(/^err$/m);
    expect(channelsOf(reports)).toMatchObject([
      {
        kind: 'exec',
        command: 'sha256sum; echo err >&2; exit 9',
        bytesFromClient: stdin.length,
        stdinSha256: sha256(stdin),
      },
    ]);
  });

  it('plink -T is a shell that reads its commands', async () => {
    const plink = putty(world, 'plink', way);
    const { outcome, reports } = await observing(world, () =>
      plink.run(['-T', plink.host], { stdin: 'echo shell $((40 + 2)); exit 3\n' }),
    );
    expect(outcome).toMatchObject({ code: 3, stdout: expect.stringMatching(/shell 42/) });
    // With a command it shows no banner.
    expect(outcome.stderr).toMatch(/daypass: .* on web-01 \(Target web-01\)/);
    expect(channelsOf(reports)).toMatchObject([{ kind: 'shell', pty: false }]);
  });

  it('plink -t has a terminal', async () => {
    const plink = putty(world, 'plink', way);
    const { outcome, reports } = await observing(world, () => plink.run(['-t', plink.host, 'tty; exit 4']));
    expect(outcome).toMatchObject({ code: 4, stdout: expect.stringMatching(/\/dev\/pts\/\d+/) });
    expect(channelsOf(reports)).toMatchObject([{ kind: 'exec', pty: true, label: 'terminal', coverage: 'full' }]);
  });

  it('psftp runs a batch, and the log counts it', async () => {
    const there = place(`psftp-${way}`);
    mkdirSync(there);
    writeFileSync(join(there, 'given'), randomBytes(2 * MIB));
    const batch = place(`batch-${way}`);
    const lines = [`cd ${there}`, `lcd ${there}`, 'put given put', 'get put got', 'mkdir sub', 'mv put sub/put'];
    writeFileSync(batch, `${[...lines, 'chmod 600 sub/put', 'ls sub', 'rm given', 'quit'].join('\n')}\n`);
    const psftp = putty(files, 'psftp', way);
    const { outcome, reports } = await observing(files, () => psftp.run(['-b', batch, psftp.host]));
    expect(outcome).toMatchObject({ code: 0, stdout: expect.stringMatching(/-rw-------.*put/) });
    expect(sha256OfFile(join(there, 'got'))).toBe(sha256OfFile(join(there, 'sub', 'put')));
    expect(existsSync(join(there, 'given'))).toBe(false);
    expect(channelsOf(reports)).toMatchObject([
      ...[
        {
          kind: 'subsystem',
          label: 'sftp',
          coverage: 'metadata',
          files: { written: 1, read: 1, refused: 0, hashed: 2 },
        },
      ],
    ]);
  });

  it.each(['-sftp', '-scp'])('pscp %s gives and takes a file', async (protocol) => {
    const there = place(`pscp${protocol}-${way}`);
    mkdirSync(there);
    writeFileSync(join(there, 'given'), randomBytes(MIB));
    const pscp = putty(files, 'pscp', way);
    const { reports } = await observing(files, async () => {
      const given = await pscp.run(['-q', protocol, join(there, 'given'), `${pscp.host}:${there}/put`]);
      expect(given).toMatchObject({ code: 0 });
      expect(await pscp.run(['-q', protocol, `${pscp.host}:${there}/put`, join(there, 'got')])).toMatchObject({
        code: 0,
      });
    });
    expect(sha256OfFile(join(there, 'got'))).toBe(sha256OfFile(join(there, 'given')));
    const label = protocol.slice(1);
    expect(channelsOf(reports)).toMatchObject([
      { label, coverage: 'metadata', files: { written: 1, hashed: 1 } },
      { label, coverage: 'metadata', files: { read: 1, hashed: 1 } },
    ]);
  });

  it('plink is refused a command and a shell under files-rw', async () => {
    const plink = putty(files, 'plink', way);
    const exec = await observing(files, () => plink.run([plink.host, 'id']));
    expect(exec.outcome).toMatchObject({ code: 254, stdout: '' });
    expect(exec.outcome.stderr).toMatch(FILES_ONLY);
    expect(refusalsOf(exec.reports)).toHaveLength(1);
    const shell = await observing(files, () => plink.run(['-T', plink.host]));
    expect(shell.outcome.code).toBe(254);
    expect(shell.outcome.stderr).toMatch(/daypass: scope files-rw does not allow a shell/);
  });

  it.each(['psftp', 'pscp'] as const)('%s is refused where the scope has no files', async (program) => {
    const client = putty(none, program, way);
    const batch = place('nothing');
    writeFileSync(batch, 'quit\n');
    const args = program === 'psftp' ? ['-b', batch, client.host] : [`${client.host}:/etc/hostname`, place('never')];
    const { outcome, reports } = await observing(none, () => client.run(args));
    expect(outcome.code).not.toBe(0);
    expect(outcome.stdout + outcome.stderr).toMatch(/daypass: scope tunnel:db does not allow the subsystem sftp/);
    expect(existsSync(place('never'))).toBe(false);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports)[0]).toMatch(/^scope tunnel:db does not allow/);
  });
});
