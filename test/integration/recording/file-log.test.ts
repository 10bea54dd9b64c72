import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileOperation } from '../../../src/recording/file-log/operation.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { transfer } from '../../support/peers/transfer-bench.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function world(): Disposable & { readonly at: string; readonly big: Buffer } {
  const folder = testFolder();
  const at = join(folder.path, 'target');
  mkdirSync(at);
  const big = randomBytes(3_333_333);
  writeFileSync(join(at, 'big'), big);
  writeFileSync(join(at, 'empty'), '');
  writeFileSync(join(at, 'block'), big.subarray(0, 65_536));
  return { at, big, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

describe('the file log of OpenSSH itself', () => {
  it('agrees with the disk after sftp', async () => {
    using here = world();
    const batch = [
      'get big got',
      'get empty got-empty',
      'get block got-block',
      'put big put-big',
      'put empty put-empty',
      'mkdir new',
      'rename put-big new/renamed',
      'symlink big link',
      'ln big hard',
      'chmod 600 hard',
      'ls new',
      'rm link',
      '-get missing',
      'rm hard',
      'mkdir gone',
      'rmdir gone',
      'df',
      'bye',
    ].join('\n');
    const seen = await transfer(here.at, 'sftp', ['-b', '-'], { batch });
    expect(seen.code, seen.output).toBe(0);
    for (const each of seen.operations) expect(() => FileOperation.parse(each)).not.toThrow();
    const of = (operation: string) => seen.operations.filter((each) => each.operation === operation);
    const files = of('file').map((each) => [
      each.path.split('/').at(-1),
      each.result,
      each.readSha256 ?? each.writtenSha256,
      each.bytesRead,
      each.bytesWritten,
    ]);
    expect(files).toEqual([
      ['big', 'ok', sha256(here.big), here.big.length, 0],
      ['empty', 'ok', sha256(Buffer.alloc(0)), 0, 0],
      ['block', 'ok', sha256(here.big.subarray(0, 65_536)), 65_536, 0],
      ['put-big', 'ok', sha256(readFileSync(join(here.at, 'new/renamed'))), 0, here.big.length],
      ['put-empty', 'ok', sha256(Buffer.alloc(0)), 0, 0],
    ]);
    expect(of('rename').map((each) => [each.path, each.target])).toEqual([
      [join(here.at, 'put-big'), join(here.at, 'new/renamed')],
    ]);
    expect(of('symlink').map((each) => [each.path, each.target, each.result])).toEqual([
      [join(here.at, 'link'), 'big', 'ok'],
    ]);
    expect(of('hardlink')).toHaveLength(1);
    expect(of('remove')).toHaveLength(2);
    expect(of('list')).toHaveLength(1);
    expect(seen.end).toMatchObject({ coverage: 'metadata', label: 'sftp', files: { read: 3, written: 2, hashed: 5 } });
  });

  for (const old of [true, false]) {
    it(`agrees with the disk after scp, ${old ? 'old' : 'new'} protocol`, async () => {
      using here = world();
      mkdirSync(join(here.at, 'tree/sub'), { recursive: true });
      writeFileSync(join(here.at, 'tree/sub/a'), 'one');
      writeFileSync(join(here.at, 'tree/b'), here.big);
      const flags = [...(old ? ['-O'] : []), '-r', '-p'];
      const up = await transfer(here.at, 'scp', [...flags, 'tree', `host:${here.at}/up`]);
      expect(up.code, up.output).toBe(0);
      const written = (list: readonly FileOperation[], key: 'writtenSha256' | 'readSha256') =>
        list
          .filter((each) => each.operation === 'file')
          .map((each) => [each.path, each.result, each[key], ...(each.into === undefined ? [] : [each.into])])
          .sort();
      // What scp's old protocol says does not tell whether its destination is a folder, or becomes one.
      const [base, into] = old ? ['tree', [`${here.at}/up`]] : [`${here.at}/up`, []];
      expect(written(up.operations, 'writtenSha256')).toEqual([
        [`${base}/b`, 'ok', sha256(here.big), ...into],
        [`${base}/sub/a`, 'ok', sha256(Buffer.from('one')), ...into],
      ]);
      mkdirSync(join(here.at, 'folder'));
      const several = await transfer(here.at, 'scp', [...flags, 'tree/b', 'tree/sub/a', `host:${here.at}/folder`]);
      expect(several.operations.filter((each) => each.operation === 'file').map((each) => each.path)).toEqual(
        old ? [`${here.at}/folder/b`, `${here.at}/folder/a`] : expect.anything(),
      );
      const down = await transfer(here.at, 'scp', [...flags, `host:${here.at}/tree`, 'down']);
      expect(down.code, down.output).toBe(0);
      expect(written(down.operations, 'readSha256')).toEqual([
        [`${here.at}/tree/b`, 'ok', sha256(here.big)],
        [`${here.at}/tree/sub/a`, 'ok', sha256(Buffer.from('one'))],
      ]);
      expect(down.end).toMatchObject({ coverage: 'metadata', files: { read: 2, hashed: 2 } });
    });
  }
});

describe('the guard, with OpenSSH itself', () => {
  it('lets files-ro read and nothing else', async () => {
    using here = world();
    const batch = [
      'get big got',
      '-put big nope',
      '-rm big',
      '-mkdir nope',
      '-rename big nope',
      '-chmod 777 big',
      '-symlink big nope',
      '-ln big nope',
      'ls',
      'bye',
    ].join('\n');
    const seen = await transfer(here.at, 'sftp', ['-b', '-'], { batch, rights: { rights: 'read', paths: [] } });
    expect(seen.code, seen.output).toBe(0);
    expect(readFileSync(join(here.at, 'got')).equals(here.big)).toBe(true);
    expect(existsSync(join(here.at, 'nope'))).toBe(false);
    expect(seen.refused).toHaveLength(7);
    expect(seen.end).toMatchObject({ coverage: 'metadata', files: { read: 1, written: 0, changed: 0, refused: 7 } });
  });

  it('keeps to the patterns, and takes relative paths from where the target starts', async () => {
    using here = world();
    mkdirSync(join(here.at, 'in'));
    const rights = { rights: 'read-write' as const, paths: [`${here.at}/in/**`] };
    const batch = [
      'put big in/ok',
      '-get big nope',
      '-put big nope',
      '-get in/../big nope',
      '-rename in/ok out',
      '-symlink /etc in/l',
      'ls in',
      'bye',
    ].join('\n');
    const seen = await transfer(here.at, 'sftp', ['-b', '-'], { batch, rights });
    expect(seen.code, seen.output).toBe(0);
    expect(readFileSync(join(here.at, 'in/ok')).equals(here.big)).toBe(true);
    for (const name of ['nope', 'out', 'in/l']) expect(existsSync(join(here.at, name))).toBe(false);
    expect(seen.refused.length).toBeGreaterThanOrEqual(5);
    const scp = await transfer(here.at, 'scp', ['big', `host:${here.at}/in/scp`], { rights });
    expect(scp.code, scp.output).toBe(0);
    const outside = await transfer(here.at, 'scp', ['big', `host:${here.at}/nope`], { rights });
    expect(outside.code).not.toBe(0);
  });
});
