import { describe, expect, it } from 'vitest';
import { asciiOnly, withoutControls } from '../../../src/access/printable.ts';

describe('texts of others on a terminal', () => {
  it.each([
    ['printable ASCII', ' az~', ' az~', ' az~'],
    ['nothing', '', '', ''],
    ['a line feed and a carriage return', 'a\r\nb', 'a??b', 'a??b'],
    ['an escape sequence', '\x1b[2J', '?[2J', '?[2J'],
    ['NUL, DEL and a C1 control', '\0\x7f\x9b', '???', '???'],
    ['another script', 'café Ω', 'caf? ?', 'café Ω'],
    // It has two UTF-16 units.
    ['a character beyond the first plane', '🦊', '??', '🦊'],
    ['a change of direction', 'a\u202eb', 'a?b', 'a?b'],
    ['what has no width', 'a\u200bb', 'a?b', 'a?b'],
    ['separators of lines and paragraphs', 'a\u2028b\u2029', 'a?b?', 'a?b?'],
    ['a lone surrogate', '\ud800', '?', '?'],
    ['a private character', '\ue000', '?', '?'],
  ])('%s', (_what, text, ascii, any) => {
    expect(asciiOnly(text)).toBe(ascii);
    expect(withoutControls(text)).toBe(any);
  });
});
