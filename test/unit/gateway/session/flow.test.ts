import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Flow } from '../../../../src/gateway/session/flow.ts';
import type { Channel, Stream } from '../../../../src/gateway/ssh/channel.ts';

const RUNS = { numRuns: process.env['DAYPASS_LONG'] === '1' ? 10_000 : 300, seed: 20_260_502 };

/** The ends of a channel, as far as a flow looks at them. */
function ends() {
  const state = {
    room: 0,
    consumed: 0,
    given: 0,
    waited: [] as number[],
    written: [] as { stream: Stream; text: string }[],
  };
  const channel = {
    get room() {
      return state.room;
    },
    waited: (since: number) => void state.waited.push(since),
    consumed: (bytes: number) => {
      state.consumed += bytes;
      state.given += 1;
    },
    write: (stream: Stream, bytes: Buffer) => {
      if (bytes.length > state.room) throw new Error('written beyond its room');
      state.room -= bytes.length;
      state.written.push({ stream, text: bytes.toString('latin1') });
    },
  } as unknown as Channel;
  return { state, channel };
}

const streams = fc.constantFrom<Stream>('stdout', 'stderr');
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('data' as const), stream: streams, text: fc.string({ maxLength: 9_000 }) }),
    fc.record({ kind: fc.constant('room' as const), bytes: fc.nat(12_000) }),
    fc.record({ kind: fc.constant('witness' as const), isReady: fc.boolean() }),
  ),
  { maxLength: 60 },
);

const of = (pieces: readonly { stream: Stream; text: string }[], stream: Stream): string =>
  pieces.flatMap((piece) => (piece.stream === stream ? [piece.text] : [])).join('');

/** A flow from one end to another, with one who sees all that passes. */
function relayed() {
  const [source, sink] = [ends(), ends()];
  const witness = { isReady: true, seen: [] as string[] };
  const flow = new Flow({
    isReady: () => witness.isReady,
    accept: (_stream, bytes) => void witness.seen.push(bytes.toString('latin1')),
  });
  flow.source = source.channel;
  flow.sink = sink.channel;
  return { flow, source, sink, witness };
}

afterEach(() => void vi.useRealTimers());

describe('a flow', () => {
  it('passes every byte on once and in order, witnessed first, and gives back only what has gone on', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const { state, channel } = ends();
        const witnessed: { stream: Stream; text: string }[] = [];
        let isReady = true;
        const flow = new Flow({
          isReady: () => isReady,
          accept: (stream, bytes) => witnessed.push({ stream, text: bytes.toString('latin1') }),
        });
        flow.source = channel;
        flow.sink = channel;
        const pushed: { stream: Stream; text: string }[] = [];
        for (const step of taken) {
          if (step.kind === 'data' && step.text !== '') {
            const bytes = Buffer.from(step.text, 'latin1');
            pushed.push({ stream: step.stream, text: bytes.toString('latin1') });
            flow.push(step.stream, bytes);
          }
          if (step.kind === 'room') state.room += step.bytes;
          if (step.kind === 'witness') ({ isReady } = step);
          flow.pump();
          expect(witnessed).toEqual(state.written);
          expect(state.consumed).toBe(state.written.reduce((sum, { text }) => sum + text.length, 0));
        }
        isReady = true;
        state.room = Number.MAX_SAFE_INTEGER;
        flow.pump();
        expect(flow.isEmpty).toBe(true);
        for (const stream of ['stdout', 'stderr'] as const) expect(of(state.written, stream)).toBe(of(pushed, stream));
      }),
      RUNS,
    );
  });

  it('holds what cannot go on, and says how much', () => {
    const { flow, source, sink, witness } = relayed();
    flow.push('stdout', Buffer.from('abc'));
    flow.push('stdout', Buffer.from('de'));
    expect([flow.waiting, flow.isEmpty]).toEqual([5, false]);
    flow.pump();
    expect([sink.state.written.length, source.state.given]).toEqual([0, 0]);
    sink.state.room = 4;
    witness.isReady = false;
    flow.pump();
    expect(sink.state.written).toEqual([]);
    witness.isReady = true;
    flow.pump();
    expect(sink.state.written.map(({ text }) => text)).toEqual(['abc', 'd']);
    expect([flow.waiting, flow.isEmpty, source.state.consumed]).toEqual([1, false, 4]);
    sink.state.room = 1;
    flow.pump();
    expect([flow.waiting, flow.isEmpty, source.state.consumed]).toEqual([0, true, 5]);
    expect(witness.seen).toEqual(['abc', 'd', 'e']);
  });

  it('goes nowhere without a sink, and from there all at once', () => {
    const { flow, sink } = relayed();
    flow.sink = null;
    flow.push('stdout', Buffer.from('a'));
    flow.pump();
    expect(flow.waiting).toBe(1);
    flow.sink = sink.channel;
    sink.state.room = 1;
    flow.pump();
    expect(flow.waiting).toBe(0);
  });

  it('leaves room for what its filter holds, and passes on what that gives', () => {
    const { flow, source, sink, witness } = relayed();
    const filter = { held: 3, pass: (bytes: Buffer) => Buffer.from(`<${bytes}>`) };
    flow.filter = filter;
    sink.state.room = 3;
    flow.push('stdout', Buffer.from('abcd'));
    flow.pump();
    expect(sink.state.written).toEqual([]);
    sink.state.room = 5;
    flow.pump();
    expect([witness.seen, sink.state.written, source.state.consumed]).toEqual([
      ...[['ab'], [{ stream: 'stdout', text: '<ab>' }], 2],
    ]);
  });

  it('gives back what was owed for bytes, and not what is ours', () => {
    const { flow, source, sink } = relayed();
    flow.push('stdout', Buffer.from('ours'), 0);
    flow.push('stdout', Buffer.from('partly'), 2);
    flow.push('stdout', Buffer.alloc(0), 7);
    expect([source.state.consumed, source.state.given]).toEqual([7, 1]);
    flow.push('stdout', Buffer.alloc(0), 0);
    flow.push('stdout', Buffer.alloc(0));
    expect(source.state.given).toBe(1);
    sink.state.room = 5;
    flow.pump();
    expect([source.state.consumed, source.state.given]).toEqual([8, 2]);
    sink.state.room = 100;
    flow.pump();
    expect([source.state.consumed, source.state.given]).toEqual([9, 3]);
  });

  it('that was stopped with nothing of its source in it gives nothing back', () => {
    const { flow, source } = relayed();
    flow.push('stdout', Buffer.from('ours'), 0);
    flow.stop();
    flow.push('stdout', Buffer.from('ours'), 0);
    expect([source.state.given, flow.waiting, flow.isEmpty]).toEqual([0, 0, true]);
  });

  const SMALL = 4_096;
  const BLOCK = 32_768;
  it.each<[string, readonly (readonly [Stream, number])[], readonly number[]]>([
    [
      'the first is on its way as it is',
      [
        ['stdout', 1],
        ['stdout', 2],
      ],
      [1, 2],
    ],
    [
      'small ones behind it are one',
      [
        ['stdout', 1],
        ['stdout', 2],
        ['stdout', 3],
        ['stdout', SMALL - 1],
      ],
      [1, SMALL + 4],
    ],
    [
      'larger ones stay by themselves',
      [
        ['stdout', 1],
        ['stdout', 2],
        ['stdout', SMALL],
        ['stdout', 3],
      ],
      [1, 2, SMALL, 3],
    ],
    [
      'a large one takes no small one',
      [
        ['stdout', SMALL],
        ['stdout', SMALL],
        ['stdout', 1],
      ],
      [SMALL, SMALL, 1],
    ],
    [
      'each stream by itself',
      [
        ['stdout', 1],
        ['stdout', 2],
        ['stderr', 3],
        ['stderr', 4],
      ],
      [1, 2, 7],
    ],
    [
      'a block holds so much',
      [['stdout', 1], ...Array<[Stream, number]>(8).fill(['stdout', SMALL - 1]), ['stdout', 8]],
      [1, BLOCK],
    ],
    [
      'and no byte more',
      [['stdout', 1], ...Array<[Stream, number]>(8).fill(['stdout', SMALL - 1]), ['stdout', 9], ['stdout', 1]],
      [1, BLOCK - 8, 10],
    ],
  ])('puts pieces together while they wait: %s', (_what, pieces, lengths) => {
    const { flow, source, sink } = relayed();
    for (const [n, [stream, length]] of pieces.entries()) flow.push(stream, Buffer.alloc(length, n));
    sink.state.room = 1e9;
    flow.pump();
    expect(sink.state.written.map(({ text }) => text.length)).toEqual(lengths);
    expect(sink.state.written.map(({ text }) => text).join('')).toBe(
      pieces.map(([, length], n) => String.fromCharCode(n).repeat(length)).join(''),
    );
    expect(source.state.consumed).toBe(lengths.reduce((sum, length) => sum + length, 0));
  });

  it('puts more to a piece of which a part has gone on', () => {
    const { flow, sink } = relayed();
    flow.push('stdout', Buffer.from('a'));
    flow.push('stdout', Buffer.from('bcd'));
    sink.state.room = 2;
    flow.pump();
    flow.push('stdout', Buffer.from('ef'));
    sink.state.room = 100;
    flow.pump();
    expect(sink.state.written.map(({ text }) => text)).toEqual(['a', 'b', 'cdef']);
  });

  it('tells its source since when something waits, each time that it still does', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { flow, source, sink } = relayed();
    const start = performance.now();
    flow.pump();
    flow.push('stdout', Buffer.from('abc'));
    vi.advanceTimersByTime(5);
    flow.pump();
    expect(source.state.waited).toEqual([]);
    vi.advanceTimersByTime(5);
    flow.pump();
    sink.state.room = 1;
    flow.pump();
    expect(source.state.waited).toEqual([start + 5, start + 5]);
    sink.state.room = 2;
    flow.pump();
    flow.push('stdout', Buffer.from('d'));
    vi.advanceTimersByTime(5);
    flow.pump();
    flow.pump();
    expect(source.state.waited).toEqual([start + 5, start + 5, start + 15]);
  });

  it('that was stopped gives back what waited and what comes after', () => {
    const { state, channel } = ends();
    const flow = new Flow({ isReady: () => true, accept: () => {} });
    flow.source = channel;
    flow.sink = channel;
    flow.push('stdout', Buffer.from('waiting'));
    flow.stop();
    flow.push('stdout', Buffer.from('late'));
    expect(state).toMatchObject({ consumed: 11, written: [] });
    expect(flow.isEmpty).toBe(true);
  });

  it('keeps a great many small pieces in little more memory than they have bytes', () => {
    const flow = new Flow({ isReady: () => true, accept: () => {} });
    const packet = Buffer.alloc(65_536, 'x');
    const before = process.memoryUsage();
    for (let n = 0; n < 1_000_000; n += 1) flow.push('stdout', packet.subarray(n % 60_000, (n % 60_000) + 1));
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
    expect(flow.isEmpty).toBe(false);
    expect(grown).toBeLessThan(64 * 1024 * 1024);
  });
});
