import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Flow } from '../../../../src/gateway/session/flow.ts';
import type { Channel, Stream } from '../../../../src/gateway/ssh/channel.ts';

const RUNS = { numRuns: process.env['DAYPASS_LONG'] === '1' ? 10_000 : 300, seed: 20_260_502 };

/** The ends of a channel, as far as a flow looks at them. */
function ends() {
  const state = { room: 0, consumed: 0, written: [] as { stream: Stream; text: string }[] };
  const channel = {
    get room() {
      return state.room;
    },
    waited: () => {},
    consumed: (bytes: number) => {
      state.consumed += bytes;
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
