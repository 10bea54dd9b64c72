import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Gap } from '../../../../src/recording/file-log/observe.ts';
import {
  BUDGET_BYTES,
  HEAD_BYTES,
  KeptStream,
  REFILL_BYTES_PER_SECOND,
  TAIL_BYTES,
} from '../../../../src/recording/thread/kept-stream.ts';
import { runs } from '../../../support/samples/hostile-text.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const KIB = 1024;

type Event =
  | { readonly what: 'kept'; readonly bytes: Buffer }
  | { readonly what: 'begins' }
  | { readonly what: 'gap'; readonly gap: Gap };

function taken(pieces: readonly (readonly [Buffer, number])[], overrun: (() => void) | null = null) {
  const events: Event[] = [];
  const stream = new KeptStream(
    {
      keep: (_micros, bytes) => void events.push({ what: 'kept', bytes: Buffer.from(bytes) }),
      gapBegins: () => void events.push({ what: 'begins' }),
      gap: (_micros, gap) => void events.push({ what: 'gap', gap }),
    },
    overrun,
  );
  for (const [bytes, micros] of pieces) stream.push(bytes, micros);
  stream.end(pieces.at(-1)?.[1] ?? 0);
  return { events, stream };
}

const piecesOf = (bytes: Buffer, size: number, microsEach = 1): [Buffer, number][] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => [
    bytes.subarray(n * size, (n + 1) * size),
    n * microsEach,
  ]);

const keptOf = (events: readonly Event[]): Buffer =>
  Buffer.concat(events.flatMap((each) => (each.what === 'kept' ? [each.bytes] : [])));
const gapsOf = (events: readonly Event[]): Gap[] => events.flatMap((each) => (each.what === 'gap' ? [each.gap] : []));

/** What was kept and what the gaps say, put together, is what passed: byte for byte, or by length and digest. */
function expectAccounted(events: readonly Event[], passed: Buffer): void {
  let at = 0;
  for (const each of events) {
    if (each.what === 'kept') {
      expect(each.bytes.equals(passed.subarray(at, at + each.bytes.length))).toBe(true);
      at += each.bytes.length;
    } else if (each.what === 'gap') {
      expect(each.gap.offset).toBe(at);
      expect(each.gap.bytes).toBeGreaterThan(0);
      expect(sha256(passed.subarray(at, at + each.gap.bytes))).toBe(each.gap.sha256);
      at += each.gap.bytes;
    }
  }
  expect(at).toBe(passed.length);
  expect(events.filter(({ what }) => what === 'begins')).toHaveLength(gapsOf(events).length);
}

/** More than the budget, in one go. */
const FLOOD = randomBytes(BUDGET_BYTES + 10 * TAIL_BYTES);
const SESSION = Buffer.from(
  '$ id\nuid=0(root) gid=0(root)\n$ cat /etc/shadow\nroot:*:19000:0:99999:7:::\n'.repeat(400),
);

/** How one could write what a shell says so that it does not look like text. */
const ENCODINGS: Readonly<Record<string, (text: Buffer) => Buffer>> = {
  'as it is': (text) => text,
  'a NUL in front': (text) => Buffer.concat([Buffer.from([0]), text]),
  'a NUL every other byte': (text) => Buffer.from([...text].flatMap((byte) => [byte, 0])),
  'UTF-16, big-endian': (text) => Buffer.from(text.toString(), 'utf16le').swap16(),
  'UTF-32': (text) => Buffer.from([...text].flatMap((byte) => [byte, 0, 0, 0])),
  'every byte above 0x7f': (text) => Buffer.from(text.map((byte) => byte | 0x80)),
  'a code page of Cyrillic letters': (text) => Buffer.from(text.map((byte) => (byte > 0x60 ? byte + 0x80 : byte))),
  'an escape sequence for each letter': (text) => Buffer.from([...text].flatMap((byte) => [0x1b, 0x5b, 0x6d, byte])),
};

describe('a stream of a channel without a terminal', () => {
  it('is kept or accounted for, whatever passes, however it is cut and however fast it comes', () => {
    const stretch = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }).map((each) => Buffer.from(each)),
      fc.uint8Array({ maxLength: 600 }).map((each) => Buffer.from(each)),
      fc.nat(6 * TAIL_BYTES).map((length) => FLOOD.subarray(length % 1_000, (length % 1_000) + length)),
      fc.nat(3_000).map((length) => Buffer.alloc(length)),
    );
    const cases = fc.record({
      stretches: fc.array(stretch, { maxLength: 8 }),
      size: fc.constantFrom(1_000, 4_096, 32_768, 100_000),
      microsEach: fc.constantFrom(0, 10, 100_000, 5_000_000),
      isFlooded: fc.boolean(),
    });
    fc.assert(
      fc.property(cases, ({ stretches, size, microsEach, isFlooded }) => {
        const passed = Buffer.concat([...(isFlooded ? [FLOOD] : []), ...stretches]);
        const { events, stream } = taken(piecesOf(passed, size, microsEach));
        expectAccounted(events, passed);
        expect(stream.hasGaps).toBe(gapsOf(events).length > 0);
      }),
      runs(25),
    );
  });

  it('of a long binary stretch keeps the beginning and the end', () => {
    const long = Buffer.concat([FLOOD, FLOOD]);
    const { events } = taken(piecesOf(long, 32 * KIB, 0));
    expectAccounted(events, long);
    expect(gapsOf(events)).toEqual([
      {
        ...{ offset: BUDGET_BYTES, bytes: long.length - BUDGET_BYTES - TAIL_BYTES },
        sha256: sha256(long.subarray(BUDGET_BYTES, long.length - TAIL_BYTES)),
      },
    ]);
  });

  it('of GBs at full speed keeps a few MiB', () => {
    const pieces = Array.from({ length: 4_000 }, (_, n): [Buffer, number] => [
      FLOOD.subarray((n % 97) * 1_000, (n % 97) * 1_000 + 32 * KIB),
      n * 300,
    ]);
    const { events } = taken(pieces);
    expect(keptOf(events).length).toBeLessThan(BUDGET_BYTES + 4 * TAIL_BYTES);
  });

  describe.each(Object.keys(ENCODINGS))('a shell that speaks in %s', (name) => {
    const said = ENCODINGS[name]?.(SESSION) ?? SESSION;

    it('is whole from the first byte on, at any speed', () => {
      expect(keptOf(taken(piecesOf(said, 200)).events).equals(said)).toBe(true);
    });

    it('is whole between and behind more binary data than is kept, in pieces as they are typed and answered', () => {
      const flood = piecesOf(FLOOD, 32 * KIB);
      const shell = piecesOf(said.subarray(0, 8 * KIB), 80, 50_000).map(([bytes, at]): [Buffer, number] => [
        bytes,
        at + 1_000_000,
      ]);
      const later = flood.map(([bytes]): [Buffer, number] => [bytes, 60_000_000]);
      for (const order of [
        [flood, shell],
        [flood, shell, later],
      ]) {
        const { events } = taken(order.flat());
        expectAccounted(events, Buffer.concat(order.flat().map(([bytes]) => bytes)));
        expect(keptOf(events).includes(said.subarray(0, 8 * KIB))).toBe(true);
      }
    });
  });

  it('of text keeps all, at any speed and behind anything', () => {
    const text = Buffer.from('a line of a log, with ümlauts and €\n'.repeat(200_000));
    for (const size of [777, 32 * KIB, 256 * KIB]) {
      const { events } = taken([...piecesOf(FLOOD, 32 * KIB), ...piecesOf(text, size)]);
      expect(keptOf(events).includes(text)).toBe(true);
    }
  });

  it('of text amid binary data in one piece keeps it, and what lies around it', () => {
    const text = Buffer.from('what a person reads\n'.repeat(40));
    const amid = Buffer.concat([FLOOD.subarray(0, 9_000), text, FLOOD.subarray(0, 9_000)]);
    const { events } = taken([...piecesOf(FLOOD, 32 * KIB), [amid, 1], ...piecesOf(FLOOD, 32 * KIB)]);
    expect(
      keptOf(events).includes(Buffer.concat([FLOOD.subarray(5_000, 9_000), text, FLOOD.subarray(0, HEAD_BYTES - 512)])),
    ).toBe(true);
  });

  it('keeps an encrypted shell, which nothing tells from a file, at the speed of a person', () => {
    const slow = randomBytes(60 * REFILL_BYTES_PER_SECOND);
    const perSecond = REFILL_BYTES_PER_SECOND - 500;
    const pieces = [
      ...piecesOf(FLOOD, 32 * KIB),
      ...piecesOf(slow, perSecond, 1_000_000).map(([bytes, at]): [Buffer, number] => [bytes, at + 5_000_000]),
    ];
    const { events } = taken(pieces);
    expect(keptOf(events).includes(slow)).toBe(true);
  });

  it('leaves nothing out where nothing may be, and says once that it would have', () => {
    let told = 0;
    const { events } = taken(piecesOf(FLOOD, 32 * KIB), () => {
      told += 1;
    });
    expect(keptOf(events).equals(FLOOD)).toBe(true);
    expect({ told, gaps: gapsOf(events) }).toEqual({ told: 1, gaps: [] });
    taken(piecesOf(FLOOD.subarray(0, BUDGET_BYTES), 32 * KIB), () => {
      told += 1;
    });
    expect(told).toBe(1);
  });

  it('lets nothing wait where nothing may be left out, since a crash would lose it', () => {
    const kept: Buffer[] = [];
    const keeper = { keep: (_micros: number, bytes: Buffer) => void kept.push(Buffer.from(bytes)) };
    const stream = new KeptStream({ ...keeper, gapBegins() {}, gap() {} }, () => {});
    const passed = FLOOD.subarray(0, BUDGET_BYTES + TAIL_BYTES);
    for (const [bytes] of piecesOf(passed, 32 * KIB)) stream.push(bytes, 0);
    expect(Buffer.concat(kept).equals(passed)).toBe(true);
  });
});
