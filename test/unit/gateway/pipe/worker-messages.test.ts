import { describe, expect, it } from 'vitest';
import { REGISTRY_PIECE_MAX } from '../../../../src/gateway/limits.ts';
import { FromWorker, ToWorker } from '../../../../src/gateway/pipe/worker-messages.ts';
import { fingerprint } from '../../../support/samples/samples.ts';
import { sessionId } from '../../../support/worlds/world.ts';

const session = sessionId(1);
const digest = 'a'.repeat(64);

const channel = {
  ...{ id: 0, kind: 'exec', command: 'true', pty: false, bytesFromClient: 0, bytesToClient: 0 },
  ...{ stdoutSha256: digest, stderrSha256: digest, stdinSha256: digest, exit: { kind: 'status', code: 0 } },
  ...{ coverage: 'full', label: 'exec', files: null, destination: null, startedAt: 1, endedAt: 2 },
};
const recording = { head: digest, chunks: 3, bytes: 4_096 };
const closed = { type: 'closed', session, ending: { how: 'closed' }, channels: [channel], refusals: [], recording };
const authorize = {
  ...{ type: 'authorize', id: 1, signed: 'AAAA', signature: 'AAAA', remoteAddress: '127.0.0.1' },
  ...{ route: { kind: 'direct' }, sessionKey: null },
};

describe('what a worker may say to control', () => {
  it.each([closed, authorize, { type: 'ready' }, { type: 'opened', session, head: digest }, { type: 'cut', session }])(
    '$type',
    (message) => {
      expect(FromWorker.safeParse(message).success).toBe(true);
    },
  );

  it.each([
    ['a type that is none', { type: 'shell', command: 'id' }],
    ['more than was asked', { ...closed, also: 1 }],
    ['a session id that is a path', { ...closed, session: '../../keys' }],
    ['an ending that is none', { ...closed, ending: { how: 'terminated', why: 'because' } }],
    ['a digest that is none', { ...closed, channels: [{ ...channel, stdoutSha256: 'x' }] }],
    ['a head that is none', { ...closed, recording: { ...recording, head: 'x' } }],
    ['bytes that are not base64', { ...authorize, signed: '!!' }],
    ['more bytes than a login has', { ...authorize, signed: 'A'.repeat(70_000) }],
    ['more channels than there can be', { ...closed, channels: Array.from({ length: 1_001 }, () => channel) }],
    ['more refusals than are kept', { ...closed, refusals: Array.from({ length: 22 }, () => 'x') }],
    ['nothing', null],
  ])('not %s', (_name, message) => {
    expect(FromWorker.safeParse(message).success).toBe(false);
  });
});

describe('what control may say to a worker', () => {
  it('is checked as well', () => {
    const terminate = { type: 'terminate', sessions: [session], why: 'revoked', message: 'x' };
    expect(ToWorker.safeParse(terminate).success).toBe(true);
    expect(ToWorker.safeParse({ ...terminate, why: 'because' }).success).toBe(false);
    expect(ToWorker.safeParse({ ...terminate, more: true }).success).toBe(false);
  });

  const key = { kind: 'key', fingerprint: fingerprint(1), isRetired: false };
  const code = { kind: 'code', digest, until: 1 };
  it.each<[string, boolean, object[]]>([
    ['keys and codes', true, [key, code]],
    ['a full piece', true, Array.from({ length: REGISTRY_PIECE_MAX }, () => key)],
    ['more than a piece', false, Array.from({ length: REGISTRY_PIECE_MAX + 1 }, () => key)],
    ['a name beside a key', false, [{ ...key, owner: 'somebody' }]],
    ['a fingerprint that is none', false, [{ ...key, fingerprint: 'MD5:00' }]],
    ['a code in the clear', false, [{ ...code, digest: 'abcd-efgh' }]],
  ])('of the registry: %s, %s', (_name, isFine, entries) => {
    expect(ToWorker.safeParse({ type: 'registry', entries }).success).toBe(isFine);
  });
});
