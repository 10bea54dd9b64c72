import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { escapeText, inert, plain, plainLines } from '../../../../src/slack/words/text.ts';
import { hostileText, runs } from '../../../support/samples/hostile-text.ts';

/** Slack's three entities are the only place for an ampersand, and nothing opens a mention, a link or a date. */
const isInert = (text: string): boolean => !/[<>]/.test(text) && !/&(?!(?:amp|lt|gt);)/.test(text);
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]/u;

describe('text that people typed', () => {
  it('cannot mention anybody, make a link, or hide anything, whatever it is', () => {
    fc.assert(
      fc.property(hostileText(), fc.integer({ min: 4, max: 400 }), (text, max) => {
        for (const shown of [escapeText(text, max), inert(text, max)]) {
          expect(isInert(shown)).toBe(true);
          expect(HIDDEN.test(shown)).toBe(false);
        }
        for (const shown of [plain(text, max), ...plainLines(text, max).split('\n')])
          expect(HIDDEN.test(shown)).toBe(false);
      }),
      runs(),
    );
  });

  it('is bounded as it is sent, without splitting an entity or a surrogate pair', () => {
    fc.assert(
      fc.property(hostileText(), fc.integer({ min: 1, max: 60 }), (text, max) => {
        const shown = escapeText(text, max);
        expect(shown.length).toBeLessThanOrEqual(max);
        expect(/\p{Cs}/u.test(shown)).toBe(false);
        expect(isInert(shown)).toBe(true);
        expect(plain(text, max).length).toBeLessThanOrEqual(Math.max(1, max));
        expect(plainLines(text, max).length).toBeLessThanOrEqual(Math.max('(empty)'.length, max));
      }),
      runs(),
    );
  });

  it('marks nothing in what a phone shows', () => {
    fc.assert(
      fc.property(hostileText(), (text) => {
        expect(inert(text, 2_000)).not.toMatch(/[*~`]|:[\w+-]+:/);
      }),
      runs(),
    );
    expect(inert(':white_check_mark: *Approved* by `me`', 100)).toBe('∶white_check_mark: ∗Approved∗ by ˋmeˋ');
  });

  it('keeps its line breaks where it is shown as several lines, and as one line loses them', () => {
    expect(plainLines('\r\nfirst\r\n\tsecond\u2028third \n', 100)).toBe('first\n    second\nthird');
    expect(plain('first\r\n\tsecond\u2028third \n', 100)).toBe('first second third');
    expect(plainLines(' \n\u200b', 100)).toBe('(empty)');
  });

  it('is left alone where there is nothing to escape', () => {
    expect(escapeText('Ada Lovelace, 3rd floor', 100)).toBe('Ada Lovelace, 3rd floor');
    expect(escapeText('a <!channel> & b', 100)).toBe('a &lt;!channel&gt; &amp; b');
    expect(escapeText('admin\u202egnp.exe', 100)).toBe('admingnp.exe');
    expect(escapeText('&&&&', 8)).toBe('&amp;…');
  });
});
