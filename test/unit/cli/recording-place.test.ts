import { describe, expect, it } from 'vitest';
import { recordingAt, recordingId } from '../../../src/cli/recording-place.ts';
import { sessionId } from '../../support/recordings.ts';

const HOSTILE = [
  ...['', '.', '..', '../..', '../keys', 'recordings/../keys', '/etc', '/etc/passwd', './', '~', '*', 'CON'],
  ...['00000000-0000-4000-8000-00000000000', `${sessionId(1)}.bak`, `${sessionId(1)}/../../keys`, ` ${sessionId(1)}`],
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
    expect(() => recordingId(given)).toThrow('is no recording id');
    expect(() => recordingAt(given, noFolder)).toThrow('is no recording id');
  });

  it('is an id, or a folder that is named like one', () => {
    expect(recordingAt(sessionId(1), () => '/data/recordings')).toEqual({
      folder: `/data/recordings/${sessionId(1)}`,
      id: sessionId(1),
    });
    expect(recordingAt(`/backup/x/../${sessionId(2)}/`, noFolder).folder).toBe(`/backup/${sessionId(2)}`);
  });
});
