import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WAYS } from '../../support/peers/gateway-client.ts';
import {
  channelsOf,
  FILES_ONLY,
  LONG,
  observing,
  refusalsOf,
  rsync,
  sha256OfFile,
  sshCommand,
} from '../../support/peers/gateway-tools.ts';
import { run, runOk } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

/** Programs that speak a protocol of their own over a command: rsync and git. */

const FILES = LONG ? 2_000 : 200;

let world: GatewayWorld;
let files: GatewayWorld;
beforeAll(async () => {
  world = await GatewayWorld.start();
  files = await GatewayWorld.start({ scopeName: 'files-rw' });
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await files?.[Symbol.asyncDispose]();
});

const place = (...names: string[]): string => join(world.folder.path, ...names);
const folder = (...names: string[]): string => {
  mkdirSync(place(...names), { recursive: true });
  return place(...names);
};

describe.each(WAYS)('rsync by way of %s', (way) => {
  it(`-a carries ${FILES} small files there and back, and what passed is recorded`, async () => {
    const here = folder(`rsync-${way}`, 'here');
    for (let n = 0; n < FILES; n += 1) {
      const into = join(here, String(n % 20));
      mkdirSync(into, { recursive: true });
      writeFileSync(join(into, `${n}`), randomBytes(1 + ((n * 37) % 3_000)));
    }
    const there = place(`rsync-${way}`, 'there');
    const back = place(`rsync-${way}`, 'back');
    const { reports } = await observing(world, async () => {
      expect(await rsync(world, ['-a', `${here}/`, `${way}:${there}/`])).toMatchObject({ code: 0 });
      expect(await rsync(world, ['-a', `${way}:${there}/`, `${back}/`])).toMatchObject({ code: 0 });
    });
    expect(await run('diff', ['-r', here, there])).toMatchObject({ code: 0, stdout: '' });
    expect(await run('diff', ['-r', here, back])).toMatchObject({ code: 0, stdout: '' });
    expect(channelsOf(reports)).toMatchObject([
      { kind: 'exec', command: expect.stringMatching(/^rsync --server -/), label: 'command', coverage: 'full' },
      {
        kind: 'exec',
        command: expect.stringMatching(/^rsync --server --sender -/),
        label: 'command',
        coverage: 'full',
      },
    ]);
    expect(channelsOf(reports).map(({ exit }) => exit)).toEqual([
      { kind: 'status', code: 0 },
      { kind: 'status', code: 0 },
    ]);
  });

  it('--checksum --delete finds a change that size and time hide, and what is gone', async () => {
    const here = folder(`delete-${way}`, 'here');
    const there = place(`delete-${way}`, 'there');
    for (const name of ['kept', 'changed', 'removed']) writeFileSync(join(here, name), `${name} once`);
    expect(await rsync(world, ['-a', `${here}/`, `${way}:${there}/`])).toMatchObject({ code: 0 });
    const { atime, mtime } = statSync(join(here, 'changed'));
    writeFileSync(join(here, 'changed'), 'CHANGED once');
    utimesSync(join(here, 'changed'), atime, mtime);
    rmSync(join(here, 'removed'));
    const { stdout, code } = await rsync(world, ['-ai', '--checksum', '--delete', `${here}/`, `${way}:${there}/`]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/\*deleting +removed/);
    expect(stdout).toMatch(/^<f\S+ changed$/m);
    expect(stdout).not.toMatch(/kept/);
    expect(readdirSync(there).toSorted()).toEqual(['changed', 'kept']);
    expect(sha256OfFile(join(there, 'changed'))).toBe(sha256OfFile(join(here, 'changed')));
  });

  it('is told of a source that is not there with its own exit code', async () => {
    const { outcome, reports } = await observing(world, () => rsync(world, [`${way}:${place('none')}`, place('x')]));
    expect(outcome.code).toBe(23);
    expect(outcome.stderr).toMatch(/No such file or directory/);
    expect(channelsOf(reports)).toMatchObject([{ label: 'command', exit: { kind: 'status', code: 23 } }]);
  });

  it('is refused under files-rw with a sentence and an exit code, and nothing is written', async () => {
    const there = place(`never-${way}`);
    const { outcome, reports } = await observing(files, () =>
      rsync(files, ['-a', `${place()}/person.pub`, `${way}:${there}`]),
    );
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(FILES_ONLY);
    expect(existsSync(there)).toBe(false);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports)).toHaveLength(1);
  });
});

/** Whoever runs the tests has settings of their own. */
const gitOptions = (of: GatewayWorld, cwd?: string) => ({
  ...(cwd === undefined ? {} : { cwd }),
  env: {
    GIT_SSH_COMMAND: sshCommand(of),
    ...{ GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_SYSTEM: '/dev/null', GIT_TERMINAL_PROMPT: '0' },
    ...{
      GIT_AUTHOR_NAME: 'x',
      GIT_AUTHOR_EMAIL: 'x@example',
      GIT_COMMITTER_NAME: 'x',
      GIT_COMMITTER_EMAIL: 'x@example',
    },
  },
});
const git = (args: readonly string[], cwd?: string) => runOk('git', args, gitOptions(world, cwd));

describe.each(WAYS)('git by way of %s', (way) => {
  const commit = async (where: string, name: string): Promise<string> => {
    writeFileSync(join(where, name), randomBytes(200_000));
    await git(['add', '.'], where);
    await git(['commit', '-q', '-m', name], where);
    return (await git(['rev-parse', 'HEAD'], where)).trim();
  };

  it('clones, pushes and fetches a repository on the target', async () => {
    const bare = await repository(way);
    const one = place(`one-${way}`);
    const other = place(`other-${way}`);
    const { reports } = await observing(world, async () => {
      await git(['clone', '-q', `${way}:${bare}`, one]);
      const first = await commit(one, 'first');
      await git(['push', '-q', 'origin', 'HEAD:main'], one);
      expect((await git(['rev-parse', 'main'], bare)).trim()).toBe(first);
      await git(['clone', '-q', '-b', 'main', `ssh://${way}${bare}`, other]);
      expect((await git(['rev-parse', 'HEAD'], other)).trim()).toBe(first);
      const second = await commit(one, 'second');
      await git(['push', '-q', 'origin', 'HEAD:main'], one);
      await git(['fetch', '-q'], other);
      expect((await git(['rev-parse', 'origin/main'], other)).trim()).toBe(second);
      await git(['fsck', '--strict'], other);
    });
    const programs = channelsOf(reports).map(({ command }) => command?.split(' ')[0]);
    expect(programs).toEqual(
      ['upload-pack', 'receive-pack', 'upload-pack', 'receive-pack', 'upload-pack'].map((each) => `git-${each}`),
    );
    for (const channel of channelsOf(reports)) {
      expect(channel).toMatchObject({ label: 'command', coverage: 'full', exit: { kind: 'status', code: 0 } });
    }
    const [, push, clone] = channelsOf(reports);
    expect(push?.bytesFromClient).toBeGreaterThan(200_000);
    expect(clone?.bytesToClient).toBeGreaterThan(200_000);
  });

  it('is refused under files-rw with a sentence and git’s exit code', async () => {
    const bare = await repository(`${way}-refused`);
    const { outcome, reports } = await observing(files, () =>
      run('git', ['clone', '-q', `${way}:${bare}`, place('no')], gitOptions(files)),
    );
    expect(outcome.code).toBe(128);
    expect(outcome.stderr).toMatch(FILES_ONLY);
    expect(existsSync(place('no'))).toBe(false);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports)).toHaveLength(1);
  });

  async function repository(name: string): Promise<string> {
    const bare = place(`bare-${name}.git`);
    await git(['init', '-q', '--bare', '-b', 'main', bare]);
    return bare;
  }
});
