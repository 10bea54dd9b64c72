import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Scope } from '../../../../src/access/scopes/scope.ts';
import { GUARD_UNREAD_MAX } from '../../../../src/gateway/limits.ts';
import { SFTP_PACKET_MAX } from '../../../../src/sftpwire/wire.ts';
import {
  ASK_FOR_START,
  type Asked,
  anyReply,
  anyRequest,
  INIT,
  idOf,
  packet,
  packetsOf,
  startsIn,
  text,
  uint32,
  VERSION,
} from '../../../support/peers/sftp-talk.ts';
import { runs } from '../../../support/samples/hostile-text.ts';
import { guardedChannel } from '../../../support/worlds/guarded-channel.ts';

const RIGHTS: NonNullable<Scope['files']>[] = [
  { rights: 'read', paths: [] },
  { rights: 'read', paths: ['/srv/in/**'] },
  { rights: 'read-write', paths: ['/srv/in/**'] },
];
const INSIDE = ['/srv/in/a', '/srv/in/sub/b', '/srv//in/./a', '/srv/in/ä €'].map((path) => Buffer.from(path));
const OUTSIDE = ['/etc/passwd', '/srv/in/../x', '/srv/input', '/SRV/in/a', 'a', '', '..', '/srv/in/a\0b', '/'].map(
  (path) => Buffer.from(path),
);
OUTSIDE.push(
  Buffer.concat([Buffer.from('/srv/in/'), Buffer.from([0xff])]),
  Buffer.from(`/srv/in/${'x/'.repeat(2_500)}`),
);
const isInside = new Set<Buffer>(INSIDE);

/** Written a second time, without looking at the rules. */
const mayPass = ({ rights, paths }: NonNullable<Scope['files']>, { writes, paths: named }: Asked): boolean =>
  (rights === 'read-write' || !writes) && (paths.length === 0 || named.every((path) => isInside.has(path)));

/** What the target gets of a channel's beginning, and what it says to that. */
const begun = ({ paths }: NonNullable<Scope['files']>): Buffer =>
  Buffer.concat([INIT, ...(paths.length > 0 ? [ASK_FOR_START] : [])]);
function greet(here: ReturnType<typeof guardedChannel>, { paths }: NonNullable<Scope['files']>): void {
  here.fromClient(INIT);
  here.fromTarget(VERSION);
  if (paths.length > 0) here.fromTarget(startsIn('/elsewhere'));
}
const isOwn = (whole: Buffer): boolean => whole[4] !== 1 && whole[4] !== 2 && idOf(whole) === 0xffff_ffff;

type Step = { readonly who: 'client' | 'target' | 'room' | 'witness'; readonly n: number };
const steps = fc.array(
  fc.record({
    who: fc.constantFrom<Step['who']>('client', 'client', 'client', 'target', 'target', 'target', 'room', 'witness'),
    n: fc.oneof(fc.nat(60), fc.nat(9_000)),
  }),
  { minLength: 20, maxLength: 120 },
);
const requests = fc.array(anyRequest(fc.constantFrom(...INSIDE, ...INSIDE, ...OUTSIDE)), { maxLength: 40 });

describe('a guarded SFTP channel', () => {
  it('gives the target what is allowed, byte for byte, and the client one whole answer to each request', () => {
    const replies = fc.array(anyReply, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.constantFrom(...RIGHTS),
        requests,
        replies,
        steps,
        fc.boolean(),
        (files, all, replied, taken, isInOrder) => {
          const here = guardedChannel(files);
          const ids = all.map((_, n) => n * 7 + 1);
          const whole = all.map(({ bytes }, n) => bytes(ids[n] ?? 0));
          const passing = all.map((each) => mayPass(files, each));
          const allowed = Buffer.concat([begun(files), ...whole.filter((_, n) => passing[n])]);
          const stream = Buffer.concat([INIT, ...whole]);
          const ofTarget: Buffer[] = [];
          let toSend = Buffer.alloc(0);
          let answered = 0;
          here.client.room = here.target.room = 2_000;

          const client = (n: number) => {
            // Whoever speaks SFTP waits for the version.
            const end = here.client.received.length >= VERSION.length ? stream.length : INIT.length;
            const at = here.client.sent;
            if (at < end) here.fromClient(Buffer.from(stream.subarray(at, Math.min(end, at + n))));
          };
          const target = (n: number) => {
            const { packets } = packetsOf(here.target.received);
            const fresh = packets.slice(answered).map((each, k) => {
              if (each[4] === 1) return VERSION;
              if (isOwn(each)) return startsIn('/elsewhere');
              return replied[(answered + k) % replied.length]?.(idOf(each)) ?? VERSION;
            });
            answered = packets.length;
            const isBegun = fresh[0]?.[4] !== 2;
            if (!isInOrder && isBegun) fresh.reverse();
            ofTarget.push(...fresh.filter((each) => !isOwn(each)));
            toSend = Buffer.concat([toSend, ...fresh]);
            if (toSend.length === 0) return;
            here.fromTarget(Buffer.from(toSend.subarray(0, n)));
            toSend = toSend.subarray(n);
          };
          for (const { who, n } of taken) {
            if (who === 'client') client(Math.max(1, n));
            else if (who === 'target') target(Math.max(1, n));
            else if (who === 'witness') here.state.isReady = n % 4 !== 0;
            else if (n % 2 === 0) here.target.room += 8 * n;
            else here.client.room += 8 * n;
            here.settle();
            const { received } = here.target;
            expect(received.equals(allowed.subarray(0, received.length))).toBe(true);
          }
          here.state.isReady = true;
          for (
            let before = -1;
            before !== here.client.received.length + here.target.received.length + here.client.sent;
          ) {
            before = here.client.received.length + here.target.received.length + here.client.sent;
            here.client.room = here.target.room = 1e9;
            here.settle();
            client(1e6);
            target(1e6);
          }
          expect(here.sftp.ended).toBeNull();
          expect(here.target.received.equals(allowed)).toBe(true);

          const { packets, rest } = packetsOf(here.client.received);
          expect(rest).toBe(0);
          const bySource = packets.slice(1).map((each) => ({ each, isOurs: !passing[ids.indexOf(idOf(each))] }));
          expect(bySource.map(({ each }) => idOf(each)).sort((a, b) => a - b)).toEqual(ids);
          expect(Buffer.concat(bySource.filter(({ isOurs }) => !isOurs).map(({ each }) => each))).toEqual(
            Buffer.concat(ofTarget.slice(1)),
          );
          if (isInOrder) expect(bySource.map(({ each }) => idOf(each))).toEqual(ids);
          for (const { each, isOurs } of bySource)
            if (isOurs) expect([each[4], each.readUInt32BE(9)]).toEqual([101, 3]);
          expect(here.refused).toHaveLength(passing.filter((passes) => !passes).length);

          expect(here.client.credited).toBe(here.client.sent);
          expect(here.target.credited).toBe(here.target.sent);
          expect(here.output.waiting).toBe(0);
          expect(here.seen.input.equals(stream)).toBe(true);
          expect(here.seen.output.equals(here.client.received)).toBe(true);
        },
      ),
      runs(150),
    );
  });

  it('whatever comes from either side ends with a sentence, in little memory, and lets nothing on after it', () => {
    const mutated = fc
      .tuple(requests, fc.array(fc.tuple(fc.nat(60_000), fc.nat(255)), { maxLength: 6 }))
      .map(([all, flips]) => {
        const bytes = Buffer.concat([INIT, ...all.map((each, n) => each.bytes(n))]);
        for (const [at, to] of flips) bytes[at % bytes.length] = to;
        return bytes;
      });
    const garbage = fc.uint8Array({ minLength: 1, maxLength: 4_000 }).map((bytes) => Buffer.from(bytes));
    const answers = fc
      .array(anyReply, { maxLength: 10 })
      .map((each) => Buffer.concat([VERSION, ...each.map((reply, n) => reply(n))]));
    const piece = fc.oneof(
      fc.record({ from: fc.constant('client' as const), bytes: fc.oneof(mutated, garbage) }),
      fc.record({ from: fc.constant('target' as const), bytes: fc.oneof(answers, garbage) }),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...RIGHTS),
        fc.array(piece, { maxLength: 8 }),
        fc.integer({ min: 1, max: 999 }),
        (files, pieces, size) => {
          const here = guardedChannel(files);
          here.client.room = here.target.room = 1e9;
          for (const { from, bytes } of [{ from: 'client' as const, bytes: INIT }, ...pieces]) {
            for (let at = 0; at < bytes.length; at += size) {
              const had = {
                ended: here.sftp.ended,
                client: here.client.received.length,
                target: here.target.received.length,
              };
              if (from === 'client') here.fromClient(bytes.subarray(at, at + size));
              else here.fromTarget(bytes.subarray(at, at + size));
              expect(here.input.filter?.held).toBeLessThanOrEqual(SFTP_PACKET_MAX + 4 + ASK_FOR_START.length);
              if (had.ended === null) continue;
              expect(here.sftp.ended).toBe(had.ended);
              expect([here.client.received.length, here.target.received.length]).toEqual([had.client, had.target]);
            }
          }
          if (here.sftp.ended !== null) expect(here.sftp.ended).toMatch(/^The (?:client|target) .{10,}[^.]$/);
          expect(here.target.received.length).toBeLessThanOrEqual(here.client.sent + ASK_FOR_START.length);
          here.input.stop();
          here.output.stop();
          expect([here.client.credited, here.target.credited]).toEqual([here.client.sent, here.target.sent]);
        },
      ),
      runs(150),
    );
  });

  it.each([
    ['a length of nothing', Buffer.concat([uint32(0), INIT])],
    ['a length of four', Buffer.concat([uint32(4), Buffer.alloc(4)])],
    ['a length of 4 GiB', Buffer.concat([uint32(0xffff_ffff), Buffer.alloc(9)])],
    ['a length above what OpenSSH takes', Buffer.concat([uint32(SFTP_PACKET_MAX + 1), Buffer.alloc(9)])],
    [
      'a WRITE whose handle is longer than it',
      Buffer.concat([uint32(30), Buffer.from([6]), uint32(1), uint32(0xffff_fff0), Buffer.alloc(40)]),
    ],
    [
      'a WRITE whose content is longer than it',
      packet(6, uint32(1), text('h'), uint32(0), uint32(0), uint32(9), Buffer.from('abc')),
    ],
    [
      'a WRITE whose content is shorter than it',
      packet(6, uint32(1), text('h'), uint32(0), uint32(0), uint32(1), Buffer.from('abc')),
    ],
    ['a request with more behind it', packet(13, uint32(1), text('/srv/in/a'), text('/srv/in/b'))],
    ['a request of an unknown type', packet(99, uint32(1), text('/srv/in/a'))],
    ['a second INIT', INIT],
    ['a handle of 257 bytes', packet(4, uint32(1), text('h'.repeat(257)))],
  ])('%s from the client ends it, and none of it is passed on', (_name, bytes) => {
    for (const files of RIGHTS) {
      const here = guardedChannel(files);
      here.client.room = here.target.room = 1e9;
      greet(here, files);
      for (let at = 0; at < bytes.length; at += 1) here.fromClient(bytes.subarray(at, at + 1));
      expect(here.sftp.ended).toMatch(/^The client /);
      expect(here.target.received).toEqual(begun(files));
    }
  });

  it('a request before the target has said its version, or in its place, ends it', () => {
    for (const first of [
      [INIT, packet(13, uint32(1), text('/srv/in/a'))],
      [packet(13, uint32(1), text('/srv/in/a'))],
    ]) {
      const here = guardedChannel({ rights: 'read', paths: [] });
      here.target.room = 1e9;
      for (const bytes of first) here.fromClient(bytes);
      expect(here.sftp.ended).toMatch(/did not start SFTP by sending its version/);
    }
  });

  it.each([
    ['another version', [packet(2, uint32(6))]],
    ['words before SFTP', [Buffer.from('Welcome to web-01!\r\n')]],
    ['an answer to nothing', [VERSION, packet(101, uint32(5), uint32(0), text(''), text(''))]],
  ])('%s from the target ends it', (_name, said) => {
    const here = guardedChannel({ rights: 'read', paths: [] });
    here.client.room = here.target.room = 1e9;
    here.fromClient(INIT);
    for (const bytes of said) here.fromTarget(bytes);
    expect(here.sftp.ended).toMatch(/^The target /);
  });

  it.each([1, 3, 1_000])(
    'is asked by the gateway where relative paths start, cut to %i bytes, and the client learns nothing of it',
    (size) => {
      const files = { rights: 'read' as const, paths: ['/srv/in/**'] };
      for (const [answer, path, passes] of [
        [startsIn('/srv/in/home'), 'dir/a', true],
        [startsIn('/srv/in'), '', true],
        [startsIn('/root'), 'dir/a', false],
        [packet(101, uint32(0xffff_ffff), uint32(4), text('no'), text('')), 'dir/a', false],
        [packet(101, uint32(0xffff_ffff), uint32(4), text('no'), text('')), '/srv/in/a', true],
      ] as const) {
        const here = guardedChannel(files);
        here.client.room = here.target.room = 1e9;
        here.fromClient(INIT);
        expect(here.target.received).toEqual(Buffer.concat([INIT, ASK_FOR_START]));
        here.fromTarget(VERSION);
        // A client that knows the version asks at once; its number may be the gateway's own.
        const lstat = packet(7, uint32(0xffff_ffff), text(path));
        here.fromClient(lstat);
        expect(here.target.received).toEqual(Buffer.concat([INIT, ASK_FOR_START]));
        for (let at = 0; at < answer.length; at += size) here.fromTarget(answer.subarray(at, at + size));
        const { packets } = packetsOf(here.target.received);
        expect(packets.slice(2)).toEqual(passes ? [lstat] : []);
        expect(packetsOf(here.client.received).packets.map((each) => each[4])).toEqual(passes ? [2] : [2, 101]);
        expect(here.target.credited).toBe(here.target.sent);
        expect(here.sftp.ended).toBeNull();
      }
    },
  );

  it('a client that asks for what is refused and does not read is not looked at any more', () => {
    const here = guardedChannel({ rights: 'read', paths: [] });
    here.target.room = 1e9;
    here.client.room = VERSION.length;
    here.fromClient(INIT);
    here.fromTarget(VERSION);
    const refusedRequest = (n: number) => packet(13, uint32(n), text('/x'));
    let n = 0;
    for (; here.client.credited === here.client.sent && n < 100_000; n += 1) here.fromClient(refusedRequest(n));
    expect(here.output.waiting).toBeGreaterThan(GUARD_UNREAD_MAX);
    expect(here.output.waiting).toBeLessThan(GUARD_UNREAD_MAX + 1_024);
    expect(here.sftp.ended).toBeNull();
    here.client.room = 1e9;
    here.settle();
    expect(packetsOf(here.client.received).packets).toHaveLength(n + 1);
    expect(here.client.credited).toBe(here.client.sent);
  });

  it('a refusal waits for the end of the packet that the target is sending', () => {
    const here = guardedChannel({ rights: 'read', paths: [] });
    here.client.room = here.target.room = 1e9;
    const data = packet(103, uint32(1), text('x'.repeat(100)));
    here.fromClient(INIT);
    here.fromTarget(VERSION);
    here.fromClient(packet(5, uint32(1), text('h'), uint32(0), uint32(0), uint32(100)));
    for (let at = 0; at < data.length; at += 1) {
      if (at === 50) here.fromClient(packet(13, uint32(2), text('/x')));
      here.fromTarget(data.subarray(at, at + 1));
    }
    const { packets } = packetsOf(here.client.received);
    expect(packets.slice(0, 2)).toEqual([VERSION, data]);
    expect(packets.slice(2).map(idOf)).toEqual([2]);
  });

  it('content of a refused WRITE never reaches the target, wherever it is cut', () => {
    const canary = 'canary-content';
    const write = packet(6, uint32(1), text('h'), uint32(0), uint32(0), text(canary.repeat(50)));
    for (let size = 1; size < 60; size += 1) {
      const here = guardedChannel({ rights: 'read', paths: [] });
      here.client.room = here.target.room = 1e9;
      here.fromClient(INIT);
      here.fromTarget(VERSION);
      const stream = Buffer.concat([write, packet(5, uint32(2), text('h'), uint32(0), uint32(0), uint32(9))]);
      for (let at = 0; at < stream.length; at += size) here.fromClient(stream.subarray(at, at + size));
      expect(here.target.received.includes(canary.slice(0, 4))).toBe(false);
      expect(packetsOf(here.target.received).packets.map((each) => each[4])).toEqual([1, 5]);
    }
  });
});
