import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Digest } from '../../../../src/access/ids.ts';
import { channelCount } from '../../../../src/access/session.ts';
import { RECORDS_GROUPS_MAX, RECORDS_MAX, REPORT_CHANNELS_MAX } from '../../../../src/gateway/limits.ts';
import { ChannelRecords, type NumberedRecord } from '../../../../src/gateway/session/channel-records.ts';

const sha256 = (bytes: string | Uint8Array): Digest => createHash('sha256').update(bytes).digest('hex') as Digest;

const tunnel = (number: number, port = 80): NumberedRecord => ({
  ...{ number, kind: 'tunnel', command: null, pty: false, exit: null, coverage: 'opaque', label: 'tunnel' },
  ...{ files: null, destination: { host: 'db', port }, bytesFromClient: 1, bytesToClient: 2 },
  ...{ stdoutSha256: sha256(`out ${number}`), stderrSha256: sha256(''), stdinSha256: sha256(`in ${number}`) },
  ...{ startedAt: 1_000 + number, endedAt: 2_000 + number },
});

const exec = (number: number): NumberedRecord => ({
  ...tunnel(number),
  ...{ kind: 'exec', command: `echo ${number}`, label: 'command', coverage: 'full', destination: null },
  exit: { kind: 'status', code: 0 },
  files: { read: 1, written: 0, changed: 0, refused: 2, hashed: 1 },
});

function recorded(all: Iterable<NumberedRecord>) {
  const records = new ChannelRecords();
  for (const each of all) records.add(each);
  return records.all.map(({ number, ...rest }) => ({ id: number, ...rest }));
}

const many = (make: (n: number) => NumberedRecord, count: number): NumberedRecord[] =>
  Array.from({ length: count }, (_, n) => make(n));

describe('the records of a session', () => {
  it('are told one by one up to a bound, in the order of their numbers', () => {
    const told = recorded(many(tunnel, RECORDS_MAX).reverse());
    expect(told.map(({ id }) => id)).toEqual(Array.from({ length: RECORDS_MAX }, (_, n) => n));
    expect(told.every(({ count }) => count === undefined)).toBe(true);
  });

  it('beyond it the earliest tunnels are one that says how many they were, with their sums and the digest of digests', () => {
    const told = recorded(many(tunnel, RECORDS_MAX + 1_000));
    expect(told).toHaveLength(RECORDS_MAX + 1);
    const digests = Array.from({ length: 1_000 }, (_, n) => Buffer.from(sha256(`out ${n}`), 'hex'));
    expect(told[0]).toEqual({
      ...{ id: 0, count: 1_000, kind: 'tunnel', command: null, pty: false, exit: null, coverage: 'opaque' },
      ...{ label: 'tunnel', files: null, destination: { host: 'db', port: 80 }, startedAt: 1_000, endedAt: 2_999 },
      ...{ bytesFromClient: 1_000, bytesToClient: 2_000, stdoutSha256: sha256(Buffer.concat(digests)) },
      stderrSha256: sha256(Buffer.concat(digests.map(() => Buffer.from(sha256(''), 'hex')))),
      stdinSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(told[1]?.id).toBe(1_000);
  });

  it('keep what was run longer than tunnels', () => {
    const told = recorded([...many(exec, 10), ...many((n) => tunnel(n + 10), RECORDS_MAX + 100)]);
    expect(told.flatMap(({ command }) => command ?? [])).toEqual(many(exec, 10).map(({ command }) => command));
  });

  it('of commands alone, the last ones are told with their lines, and the files of all are counted', () => {
    const told = recorded(many(exec, RECORDS_MAX + 500));
    expect(told[0]).toMatchObject({ count: 500, command: null, files: { read: 500, refused: 1_000, hashed: 500 } });
    expect(told.at(-1)?.command).toBe(`echo ${RECORDS_MAX + 499}`);
  });

  it('fit a report however many destinations there are, and none is left out', () => {
    const told = recorded(many((n) => tunnel(n, n), 3_000));
    expect(told.length).toBeLessThanOrEqual(REPORT_CHANNELS_MAX);
    expect(channelCount(told)).toBe(3_000);
    expect(told.filter(({ count, destination }) => count !== undefined && destination !== null)).toHaveLength(
      RECORDS_GROUPS_MAX,
    );
  });
});
