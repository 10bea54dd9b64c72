import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { upstreamCertificate } from '../../../src/access/certificate.ts';
import { Login, SessionId } from '../../../src/access/ids.ts';
import { Scope } from '../../../src/access/scopes/scope.ts';
import { targetFiles } from '../../../src/access/sshd-block.ts';
import { splitKeyLine } from '../../../src/sshwire/public-key.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { type KeyFile, makeKeyFile, ssh } from '../../support/peers/openssh.ts';
import { type Outcome, run } from '../../support/peers/processes.ts';
import { runningUser, type Sshd, startSshd } from '../../support/peers/sshd.ts';
import { grant, scope, targetId } from '../../support/samples/samples.ts';
import { testAuthority, testKeys } from '../../support/worlds/authority.ts';

/** What the target itself holds: somebody who got hold of a session's key and certificate uses them with stock ssh. */

const me = Login.parse(runningUser());
const keys = testKeys();
const authority = testAuthority(keys);
const folder = testFolder();

let target: Sshd;
let stolen: KeyFile;
let listener: Server;
let place: string;
beforeAll(async () => {
  const web = { id: targetId('web-01'), name: 'Web', address: '127.0.0.1', port: 22, host_keys: [], labels: {} };
  [target, stolen] = await Promise.all([
    startSshd({ setUp: (dir) => targetFiles({ ...web, logins: [me] }, keys.targetCaPublicKey, dir) }),
    makeKeyFile(folder.path, 'ed25519'),
  ]);
  listener = createServer((socket) => socket.end('reached\n'));
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
});
afterAll(async () => {
  await target?.[Symbol.asyncDispose]();
  listener?.close();
  folder[Symbol.dispose]();
});
let n = 0;
beforeEach(() => {
  n += 1;
  place = join(folder.path, `place-${n}`);
  mkdirSync(place);
  writeFileSync(join(place, 'readable'), 'content');
});

function certificate(of: Scope): string {
  const key = splitKeyLine(stolen.line);
  if (!key.ok) throw new Error(key.refusal.why);
  const session = {
    id: SessionId.parse('ee000000-0000-4000-8000-000000000001'),
    ...{ targetId: targetId('web-01'), sourceAddress: '127.0.0.1' },
  };
  const spec = upstreamCertificate(grant(1, { login: me, scope: of }), session, new Date());
  return authority.issueUpstream(key.value.blob, spec).certificate;
}

const asThief = (of: Scope, flags: readonly string[], ...command: readonly string[]): Promise<Outcome> =>
  ssh(target, { key: stolen.path, certificate: certificate(of), flags, command });

function sftpAsThief(of: Scope, batch: string): Promise<Outcome> {
  writeFileSync(`${stolen.path}-cert.pub`, `${certificate(of)}\n`);
  const options = [
    `UserKnownHostsFile=${target.knownHosts}`,
    'IdentitiesOnly=yes',
    'IdentityAgent=none',
    'BatchMode=yes',
  ];
  const args = ['-q', '-F', 'none', '-b', '-', '-i', stolen.path, ...options.flatMap((option) => ['-o', option])];
  return run('sftp', [...args, '-P', String(target.port), `${me}@${target.address}`], { stdin: batch });
}

const to = (): string => `127.0.0.1:${(listener.address() as AddressInfo).port}`;
const own = (more: object): Scope => Scope.parse({ name: 'exec:own', words: 'What it is for', ...more });

describe('a stolen certificate of files-ro', () => {
  const files = scope('files-ro');

  it('reads files', async () => {
    const { code } = await sftpAsThief(files, `get ${place}/readable ${place}/copy\n`);
    expect(code).toBe(0);
    expect(readFileSync(join(place, 'copy'), 'utf8')).toBe('content');
  });

  it('writes, removes and renames none', async () => {
    writeFileSync(join(place, 'own'), 'x');
    for (const line of [
      `put ${place}/own ${place}/new`,
      `rm ${place}/readable`,
      `rename ${place}/readable ${place}/new`,
    ]) {
      expect((await sftpAsThief(files, `${line}\n`)).code, line).not.toBe(0);
    }
    expect(existsSync(join(place, 'new'))).toBe(false);
    expect(readFileSync(join(place, 'readable'), 'utf8')).toBe('content');
  });

  it('runs no command and no shell, and gets no terminal', async () => {
    for (const command of [`touch ${place}/ran`, `scp -t ${place}`, 'internal-sftp', `sh -c "touch ${place}/ran"`]) {
      expect((await asThief(files, [], command)).stdout).not.toContain('ran');
    }
    expect((await asThief(files, ['-tt'], `touch ${place}/ran`)).stderr).toContain('PTY allocation request failed');
    expect(existsSync(join(place, 'ran'))).toBe(false);
  });

  it('forwards nothing', async () => {
    const { stdout, stderr } = await asThief(files, ['-W', to()], '');
    expect(stdout).toBe('');
    expect(stderr).toMatch(/administratively prohibited|forwarding/);
  });
});

describe('a stolen certificate of one command', () => {
  const one = (): Scope => own({ exec: [['echo', 'restarted', "it's \\ $HOME;id"]] });

  it('runs that command, whatever is asked', async () => {
    for (const asked of [`touch ${place}/ran`, 'sh', 'echo other']) {
      expect(await asThief(one(), [], asked)).toMatchObject({ code: 0, stdout: "restarted it's \\ $HOME;id\n" });
    }
    const { stdout } = await sftpAsThief(one(), `put ${place}/readable ${place}/ran\n`);
    expect(stdout).not.toContain('Uploading');
    expect(existsSync(join(place, 'ran'))).toBe(false);
  });

  it('forwards nothing, and gets no terminal', async () => {
    expect((await asThief(one(), ['-W', to()], '')).stdout).toBe('');
    expect((await asThief(one(), ['-tt'], 'id')).stderr).toContain('PTY allocation request failed');
  });
});

describe('a stolen certificate of tunnels', () => {
  const tunnels = own({ name: 'tunnel:x', tunnels: [{ host: '127.0.0.1', ports: [80] }] });

  it('forwards, and runs nothing', async () => {
    expect((await asThief(tunnels, ['-W', to()], '')).stdout).toBe('reached\n');
    expect(await asThief(tunnels, [], `touch ${place}/ran`)).toMatchObject({ code: 1, stdout: '' });
    expect((await sftpAsThief(tunnels, `put ${place}/readable ${place}/ran\n`)).code).not.toBe(0);
    expect(existsSync(join(place, 'ran'))).toBe(false);
  });
});

it('only scopes with tunnels come with forwarding', async () => {
  for (const name of ['shell', 'files-ro', 'files-rw']) {
    expect((await asThief(scope(name), ['-W', to()], '')).stdout, name).toBe('');
  }
  expect((await asThief(scope('ide'), ['-W', to()], '')).stdout).toBe('reached\n');
});
