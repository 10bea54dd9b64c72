import { readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BACKLOG_MAX, FileWriter } from '../../../src/recording/file-writer.ts';
import { type TestFolder, testFolder } from '../../support/folder.ts';

let folder: TestFolder;
beforeEach(() => {
  folder = testFolder();
});
afterEach(() => folder[Symbol.dispose]());

describe('a file writer', () => {
  it('writes what it was given in order, into a file of its owner alone', async () => {
    const path = join(folder.path, 'cast');
    const writer = await FileWriter.create(path, () => {});
    for (let n = 0; n < 1_000; n += 1) writer.append([Buffer.from(`${n}`), Buffer.from('\n')]);
    await writer.finish();
    expect(readFileSync(path, 'utf8')).toBe(Array.from({ length: 1_000 }, (_, n) => `${n}\n`).join(''));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('refuses a file or a link that is there already', async () => {
    const path = join(folder.path, 'there');
    writeFileSync(path, 'kept');
    await expect(FileWriter.create(path, () => {})).rejects.toMatchObject({ code: 'EEXIST' });
    symlinkSync(join(folder.path, 'elsewhere'), join(folder.path, 'link'));
    await expect(FileWriter.create(join(folder.path, 'link'), () => {})).rejects.toMatchObject({ code: 'EEXIST' });
    expect(readFileSync(path, 'utf8')).toBe('kept');
  });

  it('is full when its backlog is, and has room again when it was written', async () => {
    const writer = await FileWriter.create(join(folder.path, 'cast'), () => {});
    writer.append([Buffer.alloc(BACKLOG_MAX)]);
    expect(writer.isFull).toBe(true);
    await writer.room();
    expect(writer.isFull).toBe(false);
    await writer.finish();
  });
});
