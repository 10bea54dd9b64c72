import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Scope } from '../../../src/access/scopes/scope.ts';
import { scp, sftp, ssh, WAYS } from '../../support/peers/gateway-client.ts';
import { channelsOf, observing, refusalsOf, sha256OfFile } from '../../support/peers/gateway-tools.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Scopes as a person meets them, with stock OpenSSH. */

const own = (more: object): Scope => Scope.parse({ words: 'What it is for', ...more });

function started(of: Parameters<typeof GatewayWorld.start>[0]): { world: () => GatewayWorld } {
  let world: GatewayWorld;
  beforeAll(async () => {
    world = await GatewayWorld.start(of);
  });
  afterAll(() => world?.[Symbol.asyncDispose]());
  return { world: () => world };
}

async function refusals(world: GatewayWorld): Promise<readonly string[]> {
  const id = await world.control.session(world.control.sessions.length - 1);
  return (await world.control.closing(id)).report.refusals;
}

describe('exec:<name>', () => {
  const { world } = started({
    scope: own({
      name: 'exec:say',
      exec: [
        ['printf', '<%s>', '*', 'x y'],
        ['printenv', '*'],
      ],
    }),
    sshd: { extraConfig: 'AcceptEnv *' },
  });

  it.each(WAYS)('runs what is listed, as it was sent, by way of %s', async (way) => {
    expect(await ssh(world(), [way, `printf '<%s>' "it's" 'x y'`])).toMatchObject({ code: 0, stdout: "<it's><x y>" });
  });

  it.each(WAYS)('refuses every other command before it reaches the target, by way of %s', async (way) => {
    const marker = join(world().folder.path, `marker-${way}`);
    for (const command of [
      `touch ${marker}`,
      `printf '<%s>' a 'x y'; touch ${marker}`,
      `printf '<%s>' $(touch ${marker}) 'x y'`,
    ]) {
      const { code, stdout, stderr } = await ssh(world(), [way, command]);
      expect({ code, stdout }).toEqual({ code: 254, stdout: '' });
      expect(stderr).toMatch(
        /^daypass: scope exec:say does not allow .*; it allows: What it is for\. If you need more, request another scope/,
      );
    }
    expect(existsSync(marker)).toBe(false);
    // The refusal comes before the target has answered: they are over like any other session, and no login was given up.
    const { control } = world();
    const ids = await Promise.all([1, 2, 3].map((n) => control.session(control.sessions.length - n)));
    for (const id of ids) expect(await control.endingOf(id)).toEqual({ how: 'closed' });
    expect(await refusals(world())).toEqual([
      'scope exec:say does not allow this command: a shell would treat $ as special; it allows: What it is for',
    ]);
  });

  it('has no shell, no terminal and no files', async () => {
    expect((await ssh(world(), ['direct'])).stderr).toMatch('scope exec:say does not allow a shell');
    expect((await ssh(world(), ['-tt', 'direct', 'printenv HOME'])).stderr).toMatch('PTY allocation request failed');
    expect((await sftp(world(), 'direct', 'pwd\n')).stderr).toMatch('does not allow the subsystem sftp');
  });

  it('lets no variable through that would change what a command does, even where the target takes all', async () => {
    const set = ['-o', 'SetEnv=LD_PRELOAD=/tmp/x BASH_ENV=/tmp/x LC_ALL=C.UTF-8'];
    for (const name of ['LD_PRELOAD', 'BASH_ENV']) {
      expect((await ssh(world(), [...set, 'direct', `printenv ${name}`])).stdout, name).toBe('');
    }
    expect((await ssh(world(), [...set, 'direct', 'printenv LC_ALL'])).stdout).toBe('C.UTF-8\n');
  });
});

describe('exec:<name> of one command', () => {
  const { world } = started({ scope: own({ name: 'exec:one', exec: [['echo', 'restarted']] }) });

  it.each(WAYS)('runs it and nothing else, by way of %s', async (way) => {
    expect(await ssh(world(), [way, "echo 'restarted'"])).toMatchObject({ code: 0, stdout: 'restarted\n' });
    expect(await ssh(world(), [way, 'echo other'])).toMatchObject({ code: 254, stdout: '' });
    expect(await ssh(world(), [way, 'echo'])).toMatchObject({ code: 254, stdout: '' });
  });
});

describe('files-ro', () => {
  const { world } = started({ scopeName: 'files-ro' });

  it.each(WAYS)('reads by sftp and scp, and writes nothing, by way of %s', async (way) => {
    const there = join(world().folder.path, `files-${way}`);
    mkdirSync(there);
    writeFileSync(join(there, 'a'), 'content');
    expect(await sftp(world(), way, `get ${there}/a ${there}/by-sftp\n`)).toMatchObject({ code: 0 });
    expect(await scp(world(), ['-s', `${way}:${there}/a`, `${there}/by-scp`])).toMatchObject({ code: 0 });
    for (const name of ['by-sftp', 'by-scp']) expect(readFileSync(join(there, name), 'utf8')).toBe('content');
    expect((await sftp(world(), way, `put ${there}/a ${there}/b\n`)).code).not.toBe(0);
    expect((await sftp(world(), way, `rm ${there}/a\n`)).code).not.toBe(0);
    expect(existsSync(join(there, 'a'))).toBe(true);
    expect(existsSync(join(there, 'b'))).toBe(false);
  });

  it.each(WAYS)('refuses scp’s old protocol with the way that works, by way of %s', async (way) => {
    const { code, stderr } = await scp(world(), ['-O', `${way}:/etc/hostname`, join(world().folder.path, 'c')]);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/files-ro does not allow scp's old protocol \(leave out -O, or use scp -s or sftp\)/);
    expect((await ssh(world(), [way, 'id'])).code).toBe(254);
    expect((await ssh(world(), [way])).stderr).toMatch('does not allow a shell');
  });
});

describe('files:<name> below some folders', () => {
  const folder = mkdtempSync(join(tmpdir(), 'daypass-files-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const { world } = started({
    scope: own({ name: 'files:own', files: { rights: 'read-write', paths: [`${folder}/in/**`] } }),
  });

  it('holds scp’s old protocol to them', async () => {
    mkdirSync(join(folder, 'in'), { recursive: true });
    const from = join(folder, 'a');
    writeFileSync(from, 'content');
    expect(await scp(world(), ['-O', from, `direct:${folder}/in/a`])).toMatchObject({ code: 0 });
    expect(await scp(world(), ['-O', `direct:${folder}/in/a`, `${folder}/b`])).toMatchObject({ code: 0 });
    expect(readFileSync(`${folder}/b`, 'utf8')).toBe('content');
    const outside = await scp(world(), ['-O', from, `direct:${folder}/c`]);
    expect(outside.stderr).toMatch(
      /scope files:own does not allow scp with the path \/.*\/c; it allows: What it is for/,
    );
    expect((await scp(world(), ['-O', `direct:${folder}/a`, `${folder}/d`])).code).not.toBe(0);
    for (const name of ['c', 'd']) expect(existsSync(join(folder, name))).toBe(false);
  });

  it.each(WAYS)('holds SFTP to them, request by request, by way of %s', async (way) => {
    const inside = join(folder, 'in', way);
    mkdirSync(inside, { recursive: true });
    const content = join(folder, `content-${way}`);
    writeFileSync(content, randomBytes(9_000_001));
    writeFileSync(join(folder, 'secret'), 'secret');
    const batch = [
      ...[`put ${content} ${inside}/put`, `get ${inside}/put ${inside}/got`, `rename ${inside}/got ${inside}/renamed`],
      ...[`-put ${content} ${folder}/outside`, `-get ${folder}/secret ${inside}/taken`, `-rm ${folder}/secret`],
      ...[`-rename ${inside}/put ${folder}/out`, `-ln -s ../../secret ${inside}/link`, `-chmod 777 ${folder}/secret`],
      ...[`-get ${inside}/../../secret ${inside}/taken`, `ls ${inside}`],
    ];
    const { outcome, reports } = await observing(world(), () => sftp(world(), way, `${batch.join('\n')}\n`));
    expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
    expect(readdirSync(inside).sort()).toEqual(['put', 'renamed']);
    for (const name of ['put', 'renamed']) expect(sha256OfFile(join(inside, name))).toBe(sha256OfFile(content));
    for (const name of ['outside', 'out']) expect(existsSync(join(folder, name))).toBe(false);
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe('secret');
    const refusals = refusalsOf(reports).join('\n');
    expect(refusals).toContain(`sftp: open ${folder}/outside was refused: a path outside the scope`);
    expect(refusals).toContain('was refused: a symlink to a relative path');
    expect(channelsOf(reports)).toMatchObject([{ label: 'sftp', files: { written: 1, read: 1, hashed: 2 } }]);
    expect(channelsOf(reports)[0]?.files?.refused).toBeGreaterThanOrEqual(5);
  });

  it('ends a channel whose bytes are no SFTP, and says why', async () => {
    const { stdout, stderr, code } = await ssh(world(), ['-s', 'direct', 'sftp'], { stdin: 'GET / HTTP/1.1\r\n\r\n' });
    expect({ stdout, code }).toEqual({ stdout: '', code: 255 });
    expect(stderr).toMatch(/^daypass: The client .*SFTP.*\.$/m);
  });
});
