import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordingAt, recordingId } from '../../../src/cli/recording-place.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { sessionId } from '../../support/worlds/recordings.ts';

const HOSTILE = [
  ...['', '.', '..', '../..', '../keys', 'recordings/../keys', '/etc', '/etc/passwd', './', '~', '*', 'CON'],
  ...[`${sessionId(1)}.bak`, `${sessionId(1)}/../../keys`, ` ${sessionId(1)}`],
  ...[
    `${sessionId(1)}\n`,
    `${sessionId(1)}\0`,
    `${sessionId(1)}\\..`,
    '%2e%2e',
    '..%2f',
    '\uff0e\uff0e',
    'a\nb',
    '.aside',
  ],
  ...['ledger.jsonl', '....//', '..\\..', '\u202e', '--all', 'file:///etc/passwd', 'x'.repeat(100_000)],
];
const noFolder = (): string => {
  throw new Error('the disk was asked');
};

describe('the name of a recording', () => {
  it.each(HOSTILE)('is not %j', (given) => {
    expect(() => recordingId(given, noFolder)).toThrow('is not a recording id');
    expect(() => recordingAt(given, noFolder)).toThrow('is not a recording id');
  });

  it('may be the beginning of an id, where only one begins so', () => {
    using folder = testFolder();
    const ids = ['11110000-0000-4000-8000-000000000001', '11112222-0000-4000-8000-000000000002'];
    for (const name of [...ids, '33330000.bak', '.44440000-0000-4000-8000-000000000004.taken'])
      mkdirSync(join(folder.path, name));
    const called = (given: string): string => recordingId(given, () => folder.path);
    expect(called('11112222')).toBe(ids[1]);
    expect(called('1111000')).toBe(ids[0]);
    expect(called('11110000-0000-4')).toBe(ids[0]);
    expect(() => called('1111')).toThrow('matches 2 recordings');
    expect(() => called('33330000')).toThrow('No recording starts with 33330000');
    expect(() => called('44440000')).toThrow('No recording starts with');
    expect(() => recordingAt('/backup/11112222', noFolder)).toThrow('is not a recording id');
  });

  it('is an id, or a folder that is named like one', () => {
    expect(recordingAt(sessionId(1), () => '/data/recordings')).toEqual({
      folder: `/data/recordings/${sessionId(1)}`,
      id: sessionId(1),
    });
    expect(recordingAt(`/backup/x/../${sessionId(2)}/`, noFolder).folder).toBe(`/backup/${sessionId(2)}`);
  });
});
