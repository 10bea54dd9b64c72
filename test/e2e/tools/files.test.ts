import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FRAME } from '../../../src/recording/format/format.ts';
import { scp, sftp, WAYS } from '../../support/peers/gateway-client.ts';
import {
  channelsOf,
  MIB,
  observing,
  refusalsOf,
  sha256OfFile,
  TUNNEL_ONLY,
} from '../../support/peers/gateway-tools.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';
import { linesOf } from '../../support/worlds/recorded.ts';

/** scp in both of its protocols, and sftp. */

const PROTOCOLS = ['-O', '-s'] as const;
const OLD = /^scp .*-[tf]/;
const LONG_AGO = new Date('2001-02-03T04:05:06Z');

let world: GatewayWorld;
let content: string;
beforeAll(async () => {
  world = await GatewayWorld.start({ scopeName: 'files-rw' });
  content = place('content');
  writeFileSync(content, randomBytes(2 * MIB));
});
afterAll(() => world?.[Symbol.asyncDispose]());

const place = (...names: string[]): string => join(world.folder.path, ...names);
const folder = (...names: string[]): string => {
  mkdirSync(place(...names), { recursive: true });
  return place(...names);
};

function makeTree(path: string): void {
  mkdirSync(join(path, 'inner', 'empty'), { recursive: true });
  writeFileSync(join(path, 'a file'), 'with a space in its name');
  writeFileSync(join(path, 'inner', 'ünïcode'), randomBytes(70_000));
  writeFileSync(join(path, 'inner', 'nothing'), '');
  writeFileSync(join(path, 'run'), '#!/bin/sh\n');
  chmodSync(join(path, 'run'), 0o750);
  utimesSync(join(path, 'run'), LONG_AGO, LONG_AGO);
}

const TREE = ['a file', 'inner/ünïcode', 'inner/nothing', 'run'];

function expectSameTree(one: string, other: string): void {
  for (const name of TREE) expect(sha256OfFile(join(one, name))).toBe(sha256OfFile(join(other, name)));
  expect(statSync(join(one, 'inner', 'empty')).isDirectory()).toBe(true);
}

describe.each(WAYS)('by way of %s', (way) => {
  describe.each(PROTOCOLS)('scp %s', (protocol) => {
    const started =
      protocol === '-O' ? { kind: 'exec', label: 'scp' } : { kind: 'subsystem', command: 'sftp', label: 'sftp' };

    it('gives and takes a file, and each transfer is a channel whose content is accounted for', async () => {
      const there = folder(`scp${way}${protocol}`);
      const { reports } = await observing(world, async () => {
        expect(await scp(world, [protocol, content, `${way}:${there}/given`])).toMatchObject({ code: 0, stderr: '' });
        expect(await scp(world, [protocol, `${way}:${there}/given`, `${there}/taken`])).toMatchObject({ code: 0 });
      });
      expect(sha256OfFile(join(there, 'taken'))).toBe(sha256OfFile(content));
      expect(reports).toMatchObject([{ ending: { how: 'closed' }, refusals: [] }, { refusals: [] }]);
      const [give, take] = channelsOf(reports);
      expect(give).toMatchObject({
        ...started,
        pty: false,
        coverage: 'metadata',
        files: { written: 1, hashed: 1, refused: 0 },
      });
      expect(take).toMatchObject({ ...started, coverage: 'metadata', files: { read: 1, written: 0, hashed: 1 } });
      const id = world.control.sessions.at(-2);
      if (!id) throw new Error('no session');
      const sum = sha256OfFile(content);
      expect(linesOf(await world.read(id), FRAME.file)).toContainEqual(
        expect.objectContaining({
          operation: 'file',
          result: 'ok',
          ...(protocol === '-O' ? { path: 'content', into: `${there}/given` } : { path: `${there}/given` }),
          writtenSha256: sum,
        }),
      );
      expect(give?.bytesFromClient).toBeGreaterThan(2 * MIB);
      expect(take?.bytesToClient).toBeGreaterThan(2 * MIB);
      if (protocol === '-O')
        for (const { command } of [give, take].flatMap((each) => each ?? [])) expect(command).toMatch(OLD);
    });

    it('-r -p gives and takes a tree with modes and times', async () => {
      const there = folder(`tree${way}${protocol}`);
      makeTree(join(there, 'here'));
      const { reports } = await observing(world, async () => {
        expect(await scp(world, [protocol, '-rp', join(there, 'here'), `${way}:${there}/given`])).toMatchObject({
          code: 0,
          stderr: '',
        });
        expect(await scp(world, [protocol, '-rp', `${way}:${there}/given`, join(there, 'taken')])).toMatchObject({
          code: 0,
          stderr: '',
        });
      });
      expectSameTree(join(there, 'here'), join(there, 'given'));
      expectSameTree(join(there, 'here'), join(there, 'taken'));
      const { mode, mtime } = statSync(join(there, 'taken', 'run'));
      expect({ mode: mode & 0o777, mtime }).toEqual({ mode: 0o750, mtime: LONG_AGO });
      expect(channelsOf(reports)).toMatchObject([{ files: { written: 4 } }, { files: { read: 4 } }]);
    });

    it('a file that is not there is an exit code and the target’s words', async () => {
      const { outcome, reports } = await observing(world, () =>
        scp(world, [protocol, `${way}:${place('none')}`, place('x')]),
      );
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toMatch(/none: No such file or directory/);
      expect(channelsOf(reports)).toMatchObject([{ label: started.label, files: { read: 0, written: 0 } }]);
    });
  });

  it('sftp runs a long batch, and the log counts what it did', async () => {
    const there = folder(`batch-${way}`);
    writeFileSync(join(there, 'half'), readFileSync(content).subarray(0, MIB));
    const batch = [
      ...[`lcd ${there}`, `cd ${there}`, 'mkdir sub', `put ${content} sub/put`, 'get sub/put got'],
      ...['rename sub/put sub/renamed', 'symlink renamed sub/link', 'ln sub/renamed sub/hard', 'chmod 600 sub/renamed'],
      ...['ls -l sub', 'df', 'pwd', 'reget sub/renamed half', `put ${content} sub/again`],
      ...['rm sub/hard', 'mkdir gone', 'rmdir gone', '-rm nothing'],
    ];
    const { outcome, reports } = await observing(world, () => sftp(world, way, `${batch.join('\n')}\n`));
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toMatch(/-rw-------.* sub\/renamed/);
    expect(outcome.stdout).toMatch(/Capacity|%/);
    for (const name of ['got', 'half', 'sub/renamed', 'sub/again']) {
      expect(sha256OfFile(join(there, name))).toBe(sha256OfFile(content));
    }
    expect(readlinkSync(join(there, 'sub', 'link'))).toBe('renamed');
    expect(['sub/hard', 'gone', 'sub/put'].map((name) => existsSync(join(there, name)))).toEqual([false, false, false]);
    expect(statSync(join(there, 'sub', 'renamed')).mode & 0o777).toBe(0o600);
    expect(channelsOf(reports)).toMatchObject([
      { kind: 'subsystem', command: 'sftp', label: 'sftp', coverage: 'metadata', exit: { kind: 'status', code: 0 } },
    ]);
    const [channel] = channelsOf(reports);
    expect(channel?.files).toMatchObject({ read: 2, written: 2, refused: 0 });
    // mkdir, rename, symlink, ln, chmod, rm, mkdir, rmdir at least; clients set attributes of their own accord.
    expect(channel?.files?.changed).toBeGreaterThanOrEqual(8);
    // Of the file that was taken up half-way, content did not pass whole.
    expect(channel?.files?.hashed).toBe(3);
  });
});

describe.each(PROTOCOLS)('from one way to the other', (protocol) => {
  it(`scp ${protocol} -3 copies through the client: two sessions, each with its half`, async () => {
    const there = folder(`three${protocol}`);
    const { outcome, reports } = await observing(world, () =>
      scp(world, [protocol, '-3', `direct:${content}`, `web-01:${there}/copy`]),
    );
    expect(outcome).toMatchObject({ code: 0 });
    expect(sha256OfFile(join(there, 'copy'))).toBe(sha256OfFile(content));
    expect(reports).toHaveLength(2);
    const files = channelsOf(reports).map((each) => each.files);
    expect(files).toContainEqual(expect.objectContaining({ read: 1, written: 0, hashed: 1 }));
    expect(files).toContainEqual(expect.objectContaining({ read: 0, written: 1, hashed: 1 }));
  });
});

describe.each(WAYS)('without files in the scope, by way of %s', (way) => {
  let none: GatewayWorld;
  beforeAll(async () => {
    none = await GatewayWorld.start({ scope: TUNNEL_ONLY });
  });
  afterAll(() => none?.[Symbol.asyncDispose]());

  it.each([
    ['scp -O', () => scp(none, ['-O', content, `${way}:${place('never')}`]), 'this command'],
    ['scp -O back', () => scp(none, ['-O', `${way}:${content}`, place('never')]), 'this command'],
    ['scp -s', () => scp(none, ['-s', content, `${way}:${place('never')}`]), 'the subsystem sftp'],
    ['sftp', () => sftp(none, way, `put ${content} ${place('never')}\n`), 'the subsystem sftp'],
  ] as const)('%s is refused with a sentence, an exit code, and a line in the list', async (_what, act, what) => {
    const { outcome, reports } = await observing(none, act);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toMatch(`daypass: scope tunnel:db does not allow ${what}; it allows: One tunnel`);
    expect(existsSync(place('never'))).toBe(false);
    expect(channelsOf(reports)).toEqual([]);
    expect(refusalsOf(reports)).toEqual([`scope tunnel:db does not allow ${what}; it allows: One tunnel`]);
  });
});
