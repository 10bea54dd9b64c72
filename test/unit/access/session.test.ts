import { expect, it } from 'vitest';
import { actorOf } from '../../../src/access/audit-event.ts';
import { short } from '../../../src/access/ids.ts';
import { ChannelSummary, channelCount } from '../../../src/access/session.ts';
import { digest, personId } from '../../support/samples/samples.ts';

const channel = (id: number, count?: number): ChannelSummary =>
  ChannelSummary.parse({
    ...{ id, kind: 'exec', command: 'uptime', pty: false, bytesFromClient: 0, bytesToClient: 0, exit: null },
    ...{ stdoutSha256: digest(1), stderrSha256: digest(1), stdinSha256: digest(1) },
    ...(count === undefined ? {} : { count }),
  });

it.each([
  ['none', [], 0],
  ['one', [channel(0)], 1],
  ['several, of which one stands for many that were alike', [channel(0), channel(1, 500), channel(2)], 502],
])('channels are counted: %s', (_, channels, expected) => {
  expect(channelCount(channels)).toBe(expected);
});

it('an actor is a person by id, or an operator by the account of the host', () => {
  expect(actorOf(personId(1))).toEqual({ kind: 'person', id: personId(1) });
  expect(actorOf({ account: 'root' })).toEqual({ kind: 'operator', account: 'root' });
});

it('an id is shown by its first eight characters', () => {
  expect(short(personId(1))).toBe('aa000000');
});
