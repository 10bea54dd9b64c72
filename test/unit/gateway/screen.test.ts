import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Screen } from '../../../src/gateway/screen.ts';

const ESC = '\x1b';
/** Pieces that must not be torn: escape sequences whole, and single characters. */
const SEQUENCES = [
  `${ESC}[31m`,
  `${ESC}[?25l`,
  `${ESC}[10;20H`,
  `${ESC}[>4;2m`,
  `${ESC}(B`,
  `${ESC}#8`,
  `${ESC}7`,
  `${ESC}=`,
  `${ESC}]0;a title\x07`,
  `${ESC}]8;;https://example.com${ESC}\\`,
  `${ESC}P+q544e${ESC}\\`,
  `${ESC}_apc${ESC}\\`,
  'a',
  ' ',
  '\r',
  '\n',
  'é',
  '漢',
  '👩',
];
const piece = fc.constantFrom(...SEQUENCES).map((text) => Buffer.from(text));

const screenAfter = (...texts: readonly (string | Buffer)[]): Screen => {
  const screen = new Screen();
  for (const text of texts) screen.output(Buffer.from(text));
  return screen;
};

describe('a screen', () => {
  it('knows where a line may stand, however the output is cut', () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat({ max: 400 })), (pieces, cuts) => {
        const whole = Buffer.concat(pieces);
        const ends = new Set<number>([0]);
        for (const each of pieces) ends.add(Math.max(...ends) + each.length);
        const places = [...new Set([...cuts.map((cut) => cut % (whole.length + 1)), whole.length])].sort(
          (a, b) => a - b,
        );
        const screen = new Screen();
        let at = 0;
        for (const place of places) {
          screen.output(whole.subarray(at, place));
          at = place;
          expect({ place, isBetween: screen.isBetween }).toEqual({ place, isBetween: ends.has(place) });
        }
      }),
      { seed: 1, numRuns: 2_000 },
    );
  });

  it.each(['47', '1047', '1049', '1;1049'])('knows a full-screen program by mode %s', (mode) => {
    const screen = screenAfter(`${ESC}[?${mode}h`);
    expect(screen.isFull).toBe(true);
    screen.output(Buffer.from(`${ESC}[?${mode}l`));
    expect(screen.isFull).toBe(false);
  });

  it('does not take text or other modes for one', () => {
    expect(screenAfter('[?1049h', `${ESC}[1049h`, `${ESC}[?25h`).isFull).toBe(false);
  });

  it('gives up a title that never ends', () => {
    expect(screenAfter(`${ESC}]0;`, 'x'.repeat(10_000)).isBetween).toBe(true);
  });

  it('puts a notice on a line of its own at a prompt', () => {
    expect(screenAfter('$ ').notice('hello', { columns: 80, rows: 24 }).toString()).toBe('\r\ndaypass: hello\r\n');
  });

  it('puts a notice into the last row of a full screen, as wide as it is, and brings the cursor back', () => {
    const notice = screenAfter(`${ESC}[?1049h`).notice('hello', { columns: 20, rows: 24 }).toString();
    expect(notice).toBe(`${ESC}7${ESC}[24;1H${ESC}[0;7m${'daypass: hello'.padEnd(20)}${ESC}[0m${ESC}8`);
  });

  it('cuts a notice that is wider than the screen, so that nothing scrolls', () => {
    const notice = screenAfter(`${ESC}[?1049h`).notice('x'.repeat(100), { columns: 20, rows: 24 }).toString();
    expect(notice).toContain(`daypass: ${'x'.repeat(11)}${ESC}[0m`);
  });

  it('leaves a full screen before the last line', () => {
    const farewell = screenAfter(`${ESC}[?1049h`).farewell('over').toString();
    expect(farewell).toMatch(/\?1049l.*\?25h\r\ndaypass: over\r\n$/s);
    expect(screenAfter('$ ').farewell('over').toString()).not.toContain('?1049l');
  });

  it('cancels what the program had begun', () => {
    expect(screenAfter(`${ESC}[3`).farewell('over')[0]).toBe(0x18);
    expect(screenAfter(Buffer.from('é').subarray(0, 1)).farewell('over')[0]).toBe(0x18);
  });
});
