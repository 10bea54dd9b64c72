import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Scope } from '../../../src/access/scopes/scope.ts';
import { scp, sftp } from '../../support/peers/gateway-client.ts';
import { refusalsOf } from '../../support/peers/gateway-tools.ts';
import { run, runOk } from '../../support/peers/processes.ts';
import { fingerprintOf, GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Paths as people write them, in a scope that holds them to some: below the login's home, where relative ones start. */

const { homedir: home, username } = userInfo();
const folder = mkdtempSync(join(home, 'daypass-paths-'));
const name = basename(folder);
const inside = join(folder, 'in');

let world: GatewayWorld;
beforeAll(async () => {
  mkdirSync(inside);
  writeFileSync(join(folder, 'outside'), 'out of scope');
  const files = { rights: 'read-write', paths: [`${inside}/**`] };
  world = await GatewayWorld.start({ scope: Scope.parse({ name: 'files:in', words: 'Some files', files }) });
  const { path } = world.person;
  const ppk = join(world.folder.path, 'person.ppk');
  await runOk('puttygen', [path, '--certificate', `${path}-cert.pub`, '-O', 'private', '-o', ppk]);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

/** Something that moves one file: answers whether it says that it did. */
type Client = { readonly read: Move; readonly write: Move };
type Move = (remote: string, local: string) => Promise<boolean>;

const isDone = ({ code }: { code: number | null }): boolean => code === 0;
const scpClient = (...flags: string[]): Client => ({
  read: async (remote, local) => isDone(await scp(world, [...flags, `direct:${remote}`, local])),
  write: async (remote, local) => isDone(await scp(world, [...flags, local, `direct:${remote}`])),
});
const sftpClient: Client = {
  read: async (remote, local) => isDone(await sftp(world, 'direct', `get ${remote} ${local}\n`)),
  write: async (remote, local) => isDone(await sftp(world, 'direct', `put ${local} ${remote}\n`)),
};

function putty(program: 'psftp' | 'pscp', ...args: string[]) {
  const { gateway, login } = world;
  const [type = '', base64 = ''] = world.keys.gatewayHostPublicKey.split(' ');
  const hostKey = fingerprintOf({ path: '', line: `${type} ${base64}` });
  const key = ['-batch', '-noagent', '-i', join(world.folder.path, 'person.ppk'), '-hostkey', hostKey];
  const where = ['-P', String(gateway.port), '-l', `${login}+web-01`];
  return run(program, [...key, ...where, ...args], { env: { HOME: world.folder.path } });
}
const pscpClient = (protocol: string): Client => ({
  read: async (remote, local) =>
    isDone(await putty('pscp', '-q', protocol, `${world.gateway.address}:${remote}`, local)),
  write: async (remote, local) =>
    isDone(await putty('pscp', '-q', protocol, local, `${world.gateway.address}:${remote}`)),
});
async function psftp(line: string): Promise<boolean> {
  const batch = join(world.folder.path, 'batch');
  writeFileSync(batch, `${line}\nquit\n`);
  return isDone(await putty('psftp', '-b', batch, world.gateway.address));
}
const psftpClient: Client = {
  read: (remote, local) => psftp(`get ${remote} ${local}`),
  write: (remote, local) => psftp(`put ${local} ${remote}`),
};

const SCRIPT = fileURLToPath(new URL('../../support/peers/paramiko_client.py', import.meta.url));
async function paramiko(step: 'read' | 'write', remote: string): Promise<string | null> {
  const { gateway, login, person, keys } = world;
  const [, hostKey = ''] = keys.gatewayHostPublicKey.split(' ');
  const who = ['direct', gateway.address, String(gateway.port), login, person.path, hostKey];
  const { code, stdout } = await run('/usr/bin/python3', ['-I', '-B', SCRIPT, step, ...who, remote]);
  return code === 0 ? (JSON.parse(stdout) as string) : null;
}
const paramikoClient: Client = {
  read: async (remote, local) => {
    const content = await paramiko('read', remote);
    if (content !== null) writeFileSync(local, content);
    return content !== null;
  },
  write: async (remote) => (await paramiko('write', remote)) !== null,
};

const KINDS = {
  absolute: (file: string) => `${inside}/${file}`,
  relative: (file: string) => `${name}/in/${file}`,
  'with ~/': (file: string) => `~/${name}/in/${file}`,
  'with ~user/': (file: string) => `~${username}/${name}/in/${file}`,
} as const;
type Kind = keyof typeof KINDS;
const ALL = Object.keys(KINDS) as Kind[];

/** Which of them move the file. What a client does not know it asks for as it stands, and that is outside of the scope, or refused. */
const CLIENTS: readonly (readonly [string, () => Client, readonly Kind[]])[] = [
  ['scp', () => scpClient('-s'), ALL],
  ['sftp', () => sftpClient, ['absolute', 'relative']],
  ['scp -O', () => scpClient('-O'), ['absolute']],
  ['pscp', () => pscpClient('-sftp'), ['absolute', 'relative']],
  ['pscp -scp', () => pscpClient('-scp'), ['absolute']],
  ['psftp', () => psftpClient, ['absolute', 'relative']],
  ['paramiko', () => paramikoClient, ['absolute', 'relative']],
];

describe.each(CLIENTS)('%s, within some paths', (_client, make, works) => {
  const local = (): string => join(world.folder.path, 'local');
  beforeEach(() => {
    writeFileSync(join(inside, 'file'), 'content');
    rmSync(local(), { force: true });
    rmSync(join(inside, 'new'), { force: true });
  });

  it.each(ALL)('reads a path that is %s, or is told no', async (kind) => {
    const isIn = works.includes(kind);
    const done = await make().read(KINDS[kind]('file'), local());
    expect({ done, there: existsSync(local()) }).toEqual({ done: isIn, there: isIn });
    if (isIn) expect(readFileSync(local(), 'utf8')).toBe('content');
  });

  it.each(ALL)('writes a path that is %s, or is told no', async (kind) => {
    const isIn = works.includes(kind);
    writeFileSync(local(), 'content');
    const done = await make().write(KINDS[kind]('new'), local());
    expect({ done, there: existsSync(join(inside, 'new')) }).toEqual({ done: isIn, there: isIn });
    if (isIn) expect(readFileSync(join(inside, 'new'), 'utf8')).toBe('content');
  });
});

describe('scp, within some paths', () => {
  it('takes wildcards in what it reads, and goes nowhere else', async () => {
    writeFileSync(join(inside, 'file'), 'content');
    const local = join(world.folder.path, 'local');
    for (const path of [`${name}/in/fi*`, `~/${name}/in/fil?`, `${inside}/*`]) {
      rmSync(local, { force: true });
      expect(await scp(world, ['-s', `direct:${path}`, local]), path).toMatchObject({ code: 0 });
      expect(readFileSync(local, 'utf8')).toBe('content');
    }
    for (const path of [`${name}/outside`, `~/${name}/outside`, `${name}/in/../outside`, `${name}/*`, '.', '~']) {
      rmSync(local, { force: true });
      expect((await scp(world, ['-s', `direct:${path}`, local])).code, path).not.toBe(0);
      expect(existsSync(local), path).toBe(false);
    }
    const id = await world.control.session(world.control.sessions.length - 1);
    expect(refusalsOf([(await world.control.closing(id)).report]).join()).toMatch(
      /^sftp: .* was refused: a path outside the scope/,
    );
  });
});
