import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TerminalFilter } from '../../../src/cli/terminal-filter.ts';

const ESC = '\x1b';
const shown = (...texts: readonly string[]): string => {
  const filter = new TerminalFilter();
  return texts.map((text) => filter.write(text)).join('');
};

/** What a terminal does with text of this shape is draw. */
const HARMLESS = new RegExp(
  `^(?:[\\b\\t\\n\\r]|[^\\p{Cc}]|${ESC}\\[[\\d;:]*[@A-HJ-MPSTXZ\`adefmrsu]|${ESC}\\[\\?[\\d;]+[hl]|${ESC}[78DEMH=>]|${ESC}[()*+][0AB])*$`,
  'u',
);

describe('what one who looks on is shown', () => {
  it.each([
    'plain text, héllo € 😀\r\n',
    `${ESC}[1;31mred${ESC}[0m`,
    `${ESC}[38:2:1:2:3m`,
    `${ESC}[2J${ESC}[H${ESC}[10;20H${ESC}[K`,
    `${ESC}[?1049h${ESC}[?25l`,
    `${ESC}7${ESC}8${ESC}(0lqk${ESC}(B`,
  ])('%j passes as it is', (text) => {
    expect(shown(text)).toBe(text);
    expect(shown(...text)).toBe(text);
  });

  it.each([
    ['a title', `${ESC}]0;owned\x07`],
    ['a title ended by ST', `${ESC}]2;owned${ESC}\\`],
    ['the clipboard', `${ESC}]52;c;b3duZWQ=\x07`],
    ['a question for the cursor', `${ESC}[6n`],
    ['a question for the terminal', `${ESC}[c${ESC}[>c${ESC}[=c${ESC}Z`],
    ['a device control string', `${ESC}P+q544e${ESC}\\`],
    ['application and privacy strings', `${ESC}_x${ESC}\\${ESC}^y${ESC}\\${ESC}Xz${ESC}\\`],
    ['printing', `${ESC}[5i`],
    ['a reset', `${ESC}c${ESC}[!p`],
    ['window operations', `${ESC}[8;1;1t${ESC}[21t`],
    ['mouse, paste and focus modes', `${ESC}[?1000h${ESC}[?2004h${ESC}[?1004h${ESC}[?25;1000h`],
    ['repetition without bound', `${ESC}[999999999b`],
    ['C1 controls', '\x9b6n\x9d0;owned\x9c\x90\x9f'.replace(/[^\x80-\x9f]/g, '')],
    ['NUL, BEL, SO, SI, DEL', '\0\x07\x0e\x0f\x7f'],
  ])('%s does not pass', (_what, text) => {
    expect(shown(`a${text}b`)).toBe('ab');
  });

  it('is harmless whatever was printed, and however it was cut', () => {
    const part = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 6 }),
      fc.constantFrom(ESC, '[', ']', '?', ';', '0', '6', 'n', 'h', 'c', '\x07', '\\', 'P', '(', '\x9b', '!', ' '),
    );
    fc.assert(
      fc.property(fc.array(part, { maxLength: 60 }), (parts) => {
        const whole = shown(parts.join(''));
        expect(whole).toMatch(HARMLESS);
        expect(shown(...parts.flatMap((each) => [...each]))).toBe(shown(...[...parts.join('')]));
      }),
      { seed: 1, numRuns: process.env['DAYPASS_LONG'] === '1' ? 200_000 : 5_000 },
    );
  });
});
