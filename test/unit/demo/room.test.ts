import { expect, it } from 'vitest';
import { NEEDED_MIB, tooLittleRoom, whyFailed } from '../../../src/demo/room.ts';

it('says before the start how much room is needed, and where else it could be', () => {
  expect(tooLittleRoom('/tmp', NEEDED_MIB)).toBeNull();
  expect(tooLittleRoom('/tmp', NEEDED_MIB - 1)).toMatch(
    new RegExp(`needs ${NEEDED_MIB} MiB of disk space in /tmp, but only ${NEEDED_MIB - 1} MiB are free\\. .*TMPDIR=`),
  );
});

it('names a full disk before whatever blames something else', () => {
  const database = new Error('the embedded database could not be opened');
  expect(whyFailed(database, '/tmp', 5)).toBe(
    `The disk that holds /tmp is full: only 5 MiB are free.\n${database.message}`,
  );
  expect(whyFailed(new Error('write: No space left on device'), '/tmp', 900)).toMatch(/^The disk that holds \/tmp/);
  expect(whyFailed(database, '/tmp', 900)).toBe(database.message);
  expect(whyFailed('odd', '/tmp', 900)).toBe('odd');
});
