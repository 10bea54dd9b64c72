import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkPrivateFolder, KeysError, readPrivateFile, syncFolder, writePrivateFile } from '../../../src/ca/files.ts';
import { testFolder } from '../../support/checks/folder.ts';

type Made = { readonly path: string; readonly folder: string };

/** Runs `work` on a path in a folder of its own, and says what it threw: the whole sentence, without the path before it. */
function saidOf(work: (path: string) => void, prepare: (made: Made) => void): string {
  using folder = testFolder();
  const path = join(folder.path, 'it');
  prepare({ path, folder: folder.path });
  try {
    work(path);
  } catch (error) {
    if (!(error instanceof KeysError)) throw error;
    expect(error).toMatchObject({ name: 'KeysError', code: 'keys_refused', path });
    expect(error.message.startsWith(`${path}: `)).toBe(true);
    return error.message.slice(path.length + 2).replaceAll(folder.path, 'FOLDER');
  }
  return 'taken';
}

const write = ({ path }: Made, mode: number, content = 'content'): void => {
  writeFileSync(path, content);
  chmodSync(path, mode);
};
const own = ({ path }: Made): void => chownSync(path, 12_345, 12_345);
const isRoot = process.getuid?.() === 0;

describe('a private file', () => {
  it.each<[string, (made: Made) => void, string]>([
    ['of mode 0600', (made) => write(made, 0o600), 'taken'],
    ['of mode 0400', (made) => write(made, 0o400), 'taken'],
    ['as large as may be', (made) => write(made, 0o600, 'x'.repeat(16_384)), 'taken'],
    [
      'one byte larger',
      (made) => write(made, 0o600, 'x'.repeat(16_385)),
      'it is too large for a key. Restore it from a backup.',
    ],
    ['that is missing', () => {}, 'it is missing. Restore it from a backup.'],
    ['that is a folder', ({ path }) => mkdirSync(path, { mode: 0o700 }), 'it is not a file. Restore it from a backup.'],
    // Opening it must not wait for a writer.
    [
      'that is a named pipe',
      ({ path }) => void execFileSync('mkfifo', ['-m', '600', path]),
      'it is not a file. Restore it from a backup.',
    ],
    [
      'that is a symbolic link',
      ({ path, folder }) => {
        write({ path: join(folder, 'elsewhere'), folder }, 0o600);
        symlinkSync(join(folder, 'elsewhere'), path);
      },
      'it is a symbolic link. Put the keys themselves there, so that their owner and mode can be checked.',
    ],
    ...[0o640, 0o604, 0o601, 0o620, 0o1677, 0o4610].map(
      (mode) =>
        [
          `of mode ${mode.toString(8)}`,
          (made: Made) => write(made, mode),
          `its mode is 0${mode.toString(8)}, so other users can reach it. If nobody else can have read the keys: chmod 600 FOLDER/it. Otherwise make new ones.`,
        ] as [string, (made: Made) => void, string],
    ),
  ])('%s: %s', (_what, prepare, said) => {
    expect(saidOf((path) => void readPrivateFile(path), prepare)).toBe(said);
  });

  it('comes back as it was written', () => {
    using folder = testFolder();
    writePrivateFile(join(folder.path, 'a'), 'ä\n');
    expect(readPrivateFile(join(folder.path, 'a'))).toBe('ä\n');
    expect(statSync(join(folder.path, 'a')).mode & 0o7777).toBe(0o600);
  });

  it('never takes the place of another', () => {
    using folder = testFolder();
    const path = join(folder.path, 'a');
    writePrivateFile(path, 'first');
    expect(() => writePrivateFile(path, 'second')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    expect(readFileSync(path, 'utf8')).toBe('first');
  });

  it('that cannot be opened for a reason of the machine is a fault', async () => {
    using folder = testFolder();
    const path = join(folder.path, 'socket');
    const server = createServer();
    await new Promise<void>((listening) => server.listen(path, listening));
    expect(() => readPrivateFile(path)).toThrow(expect.objectContaining({ code: 'ENXIO' }));
    await new Promise((closed) => server.close(closed));
  });

  it('is closed again, whatever was found', () => {
    using folder = testFolder();
    const path = join(folder.path, 'a');
    const open = (): number => readdirSync('/dev/fd').length;
    const before = open();
    for (let n = 0; n < 5; n += 1) {
      writePrivateFile(`${path}${n}`, 'x');
      readPrivateFile(`${path}${n}`);
      chmodSync(`${path}${n}`, 0o644);
      expect(() => readPrivateFile(`${path}${n}`)).toThrow(KeysError);
      syncFolder(folder.path);
    }
    expect(open()).toBe(before);
  });
});

describe('a private folder', () => {
  const made =
    (mode: number) =>
    ({ path }: Made) => {
      mkdirSync(path);
      chmodSync(path, mode);
    };
  it.each<[string, (made: Made) => void, string]>([
    ['of mode 0700', made(0o700), 'taken'],
    ['of mode 0500', made(0o500), 'taken'],
    ['that is missing', () => {}, 'there is no such folder. Make the keys with `daypass init`.'],
    ['that is a file', (it) => write(it, 0o700), 'it is not a folder. Name the folder that `daypass init` made.'],
    [
      'that is a symbolic link',
      ({ path, folder }) => symlinkSync(folder, path),
      'it is a symbolic link. Put the keys themselves there, so that their owner and mode can be checked.',
    ],
    [
      'that others can look into',
      made(0o750),
      'its mode is 0750, so other users can reach it. If nobody else can have read the keys: chmod 700 FOLDER/it. Otherwise make new ones.',
    ],
  ])('%s: %s', (_what, prepare, said) => {
    expect(saidOf(checkPrivateFolder, prepare)).toBe(said);
  });

  it('is waited for only where it is one', () => {
    using folder = testFolder();
    writeFileSync(join(folder.path, 'a'), '');
    expect(() => syncFolder(join(folder.path, 'a'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
  });
});

describe.runIf(isRoot)('what belongs to somebody else', () => {
  const why = 'it belongs to user 12345, and Daypass runs as user 0. Run Daypass as user 12345, or: chown -R 0 ';

  it('is refused, with the folder in the remedy', () => {
    const ofFile = saidOf(
      (path) => void readPrivateFile(path),
      (made) => {
        write(made, 0o600);
        own(made);
      },
    );
    expect(ofFile).toBe(`${why}FOLDER`);
    const ofFolder = saidOf(checkPrivateFolder, (made) => {
      mkdirSync(made.path, { mode: 0o700 });
      own(made);
    });
    expect(ofFolder).toBe(`${why}FOLDER/it`);
  });
});
