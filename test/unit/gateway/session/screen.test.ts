import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Screen } from '../../../../src/gateway/session/screen.ts';

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

  describe('of a tmux in control mode', () => {
    const BEGUN = `$ tmux -CC\r\n${ESC}P1000p%begin 1700000000 1 0\r\n%end 1700000000 1 0\r\n`;
    const size = { columns: 80, rows: 24 };

    it('a notice is a notification of the protocol, a line of its own', () => {
      const screen = screenAfter(BEGUN);
      expect(screen).toMatchObject({ isProtocol: true, isBetween: true });
      expect(screen.notice('hello', size).toString()).toBe('%message daypass: hello\r\n');
    });

    it.each([
      ['in the middle of a line', '%output %1 half'],
      ['in a block', '%begin 1700000001 2 1\r\n0: bash\r\n'],
      ['in a block whose content looks like its end', '%begin 1700000001 2 1\r\n%end 1700000000 1 0\r\n'],
    ])('%s there is no place for one', (_where, more) => {
      expect(screenAfter(BEGUN, more).isBetween).toBe(false);
      const ended = screenAfter(BEGUN, more, '\r\n%end 1700000001 2 1\r\n');
      expect(ended).toMatchObject({ isProtocol: true, isBetween: true });
    });

    it('it is followed however the output is cut', () => {
      const whole = Buffer.from(`${BEGUN}%begin 5 6 7\r\nx\r\n%error 5 6 7\r\n%output %0 a\r\n`);
      fc.assert(
        fc.property(fc.array(fc.nat(whole.length), { maxLength: 20 }), (cuts) => {
          const places = [0, ...cuts.toSorted((a, b) => a - b), whole.length];
          const screen = new Screen();
          for (const [n, place] of places.entries())
            screen.output(whole.subarray(place, places[n + 1] ?? whole.length));
          expect(screen).toMatchObject({ isProtocol: true, isBetween: true });
        }),
        { seed: 1, numRuns: 500 },
      );
    });

    it('the last line leaves it first, so that a person reads it, also from the middle of a block', () => {
      for (const more of ['', '%begin 1 2 3\r\nhalf'])
        expect(screenAfter(BEGUN, more).farewell('over').toString()).toMatch(
          new RegExp(`^\r\n%exit\r\n${ESC}\\\\.*${ESC}\\[\\?25h\r\ndaypass: over\r\n$`, 's'),
        );
    });

    it('it ends with its string, and other strings do not begin it', () => {
      expect(screenAfter(BEGUN, `%exit\r\n${ESC}\\$ `)).toMatchObject({ isProtocol: false, isBetween: true });
      for (const other of [`${ESC}]1000p`, `${ESC}P1000q`, `${ESC}P01000p`, '1000p%begin 1 2 3\r\n'])
        expect(screenAfter(other, '%begin 1 2 3\r\n').isProtocol).toBe(false);
    });
  });

  it('cancels what the program had begun', () => {
    expect(screenAfter(`${ESC}[3`).farewell('over')[0]).toBe(0x18);
    expect(screenAfter(Buffer.from('é').subarray(0, 1)).farewell('over')[0]).toBe(0x18);
  });
});
