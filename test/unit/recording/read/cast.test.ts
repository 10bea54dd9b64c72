import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { headerLine, resizeLine, StreamEvents } from '../../../../src/recording/read/cast.ts';

const LONG = process.env['DAYPASS_LONG'] === '1';
const RUNS = { numRuns: LONG ? 10_000 : 500, seed: 20_260_501 };

/** Text with characters of one to four bytes, controls among them, cut anywhere; and bytes that are no UTF-8. */
const text = fc.string({ unit: 'binary', maxLength: 200 }).map((each) => Buffer.from(each, 'utf8'));
const bytes = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 200 }).map((each) => Buffer.from(each)),
);
const stream = fc.array(bytes, { maxLength: 5 }).map((parts) => Buffer.concat(parts));
const cuts = fc.array(fc.nat(1_000), { maxLength: 20 });
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('output' as const), bytes: stream }),
    fc.record({ kind: fc.constant('resize' as const), columns: fc.nat(500), rows: fc.nat(500) }),
  ),
  { maxLength: 12 },
);

function split(whole: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((cut) => cut % (whole.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => whole.subarray(start, places[index] ?? whole.length));
}

const events = (lines: string): [number, string, string][] =>
  lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as [number, string, string]);

describe('a cast', () => {
  it('replays to what UTF-8 can say of the output, wherever the chunks were cut', () => {
    fc.assert(
      fc.property(stream, cuts, (whole, at) => {
        const recorder = new StreamEvents('o');
        const lines = split(whole, at).map((chunk, n) => recorder.line(n, chunk));
        const shown = events(lines.join('') + recorder.last(99)).map(([, , data]) => data);
        expect(shown.join('')).toBe(new TextDecoder('utf-8', { ignoreBOM: true }).decode(whole));
      }),
      RUNS,
    );
  });

  it('keeps outputs and resizes in their order, one line each', () => {
    fc.assert(
      fc.property(steps, (taken) => {
        const recorder = new StreamEvents('o');
        const lines = taken.map((step, n) =>
          step.kind === 'output' ? recorder.line(n, step.bytes) : resizeLine(n, step.columns, step.rows),
        );
        for (const line of lines)
          expect(line === '' || (line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
        const resizes = events(lines.join('')).filter(([, code]) => code === 'r');
        const asked = taken.flatMap((step) => (step.kind === 'resize' ? [`${step.columns}x${step.rows}`] : []));
        expect(resizes.map(([, , size]) => size)).toEqual(asked);
        const times = events(lines.join('')).map(([seconds]) => seconds);
        expect(times).toEqual([...times].sort((a, b) => a - b));
      }),
      RUNS,
    );
  });

  it('begins with a header of asciicast v2', () => {
    const header = {
      width: 80,
      height: 24,
      startedAt: new Date(1_700_000_000_900),
      term: 'xterm',
      title: 'a "title"\n',
    };
    expect(JSON.parse(headerLine(header))).toEqual({
      ...{ version: 2, width: 80, height: 24, timestamp: 1_700_000_000, title: 'a "title"\n' },
      env: { TERM: 'xterm' },
    });
    expect(headerLine(header).indexOf('\n')).toBe(headerLine(header).length - 1);
  });
});
