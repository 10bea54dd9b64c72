import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestFolder, testFolder } from '../../support/checks/folder.ts';
import { sha256 } from '../../support/peers/gateway-tools.ts';
import { run, runOk } from '../../support/peers/processes.ts';
import { fingerprintOf } from '../../support/worlds/gateway-world.ts';
import { SelfServiceWorld, type SetUp } from '../../support/worlds/self-service-world.ts';

let world: SelfServiceWorld;
let setUp: SetUp;
let folder: TestFolder;
const HOST = 'web-01.test.daypass';
const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 256));

beforeAll(async () => {
  world = await SelfServiceWorld.open();
  folder = testFolder();
  // Set up while there is another grant only: what these tools use comes later.
  await world.grant({ targets: ['db-01'] });
  setUp = await world.setUp();
  await world.grant({ targets: ['web-01'] });
  mkdirSync(at('there'));
  writeFileSync(at('file'), content);
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  folder?.[Symbol.dispose]();
});

const at = (...names: string[]): string => join(folder.path, ...names);
const isWhole = (path: string): void => expect(sha256(readFileSync(path))).toBe(sha256(content));

/** Each of them has to fetch the certificate by itself. */
async function bringsItsCertificate(act: () => Promise<unknown>): Promise<void> {
  rmSync(setUp.certificate, { force: true });
  setUp.forget();
  await act();
  expect(setUp.notes).toMatch(/test\.daypass cert$/m);
}

const ok = async (program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> => {
  const { code, stdout, stderr } = await setUp.run(program, args, { env });
  expect({ program, code, stderr: code === 0 ? '' : stderr }).toEqual({ program, code: 0, stderr: '' });
  return stdout;
};

describe('with the snippet, for a grant that came after it,', () => {
  it('scp copies there and back, in both protocols', () =>
    bringsItsCertificate(async () => {
      for (const protocol of ['-s', '-O']) {
        await ok('scp', ['-q', protocol, '-S', setUp.ssh, at('file'), `${HOST}:${at('there', 'scp')}`]);
        isWhole(at('there', 'scp'));
        await ok('scp', ['-q', protocol, '-S', setUp.ssh, `${HOST}:${at('there', 'scp')}`, at('back')]);
        isWhole(at('back'));
      }
    }));

  it('sftp runs a batch', () =>
    bringsItsCertificate(async () => {
      writeFileSync(at('batch'), `put ${at('file')} ${at('there', 'sftp')}\nls -l ${at('there')}\n`);
      expect(await ok('sftp', ['-q', '-S', setUp.ssh, '-b', at('batch'), HOST])).toMatch(/300000 .*sftp/);
      isWhole(at('there', 'sftp'));
    }));

  it('rsync brings a tree', () =>
    bringsItsCertificate(async () => {
      mkdirSync(at('tree', 'deep'), { recursive: true });
      for (const name of ['a', 'deep/b']) writeFileSync(at('tree', name), content);
      await ok('rsync', ['-a', '-e', setUp.ssh, `${at('tree')}/`, `${HOST}:${at('there', 'tree')}`]);
      isWhole(at('there', 'tree', 'deep', 'b'));
    }));

  it('git clones and pushes', () =>
    bringsItsCertificate(async () => {
      const git = (...args: string[]) =>
        ok('git', ['-c', 'user.name=x', '-c', 'user.email=x@example.com', ...args], { GIT_SSH_COMMAND: setUp.ssh });
      await runOk('git', ['init', '-q', '--bare', '-b', 'main', at('there', 'repo.git')]);
      await git('clone', '-q', `${HOST}:${at('there', 'repo.git')}`, at('clone'));
      writeFileSync(at('clone', 'file'), content);
      await git('-C', at('clone'), 'add', '.');
      await git('-C', at('clone'), 'commit', '-qm', 'one');
      await git('-C', at('clone'), 'push', '-q', 'origin', 'HEAD:main');
      await git('clone', '-q', `${HOST}:${at('there', 'repo.git')}`, at('again'));
      isWhole(at('again', 'file'));
    }));

  it('many connections at once fetch without getting into each other’s way', async () => {
    rmSync(setUp.certificate, { force: true });
    const all = await Promise.all(Array.from({ length: 5 }, (_, index) => setUp.to([HOST, `echo ${index}`])));
    expect(all.map(({ code, stdout }) => [code, stdout])).toEqual(all.map((_, index) => [0, `${index}\n`]));
  });
});

describe('without the snippet', () => {
  it('plink downloads a certificate, puttygen puts it into the key, and psftp goes in', async () => {
    const plain = at('key.ppk');
    const certified = at('certified.ppk');
    await runOk('puttygen', [world.key.path, '-O', 'private', '-o', plain]);
    const [type = '', base64 = ''] = world.access.keys.gatewayHostPublicKey.split(' ');
    const hostKey = fingerprintOf({ path: '', line: `${type} ${base64}` });
    const options = ['-batch', '-noagent', '-hostkey', hostKey, '-P', String(world.gateway.port)];
    const env = { HOME: folder.path };
    const { address } = world.gateway;
    const asked = await run('plink', [...options, '-i', plain, `daypass@${address}`, 'cert'], { env });
    expect(asked).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^ssh-ed25519-cert-v01@openssh\.com \S+\n$/),
    });
    writeFileSync(at('plink-cert.pub'), asked.stdout);
    await runOk('puttygen', [plain, '--certificate', at('plink-cert.pub'), '-O', 'private', '-o', certified]);
    const target = `${world.access.login}+web-01@${address}`;
    const plink = await run('plink', [...options, '-i', certified, target, 'echo in'], { env });
    expect(plink).toMatchObject({ code: 0, stdout: 'in\n' });
    writeFileSync(at('psftp'), `put ${at('file')} ${at('there', 'psftp')}\nquit\n`);
    const psftp = await run('psftp', [...options, '-i', certified, '-b', at('psftp'), target], { env });
    expect(psftp.code).toBe(0);
    isWhole(at('there', 'psftp'));
  });
});
