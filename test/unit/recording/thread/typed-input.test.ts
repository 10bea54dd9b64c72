import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TypedInput, type TypedPart } from '../../../../src/recording/thread/typed-input.ts';
import { runs } from '../../../support/samples/hostile-text.ts';

/** What a person typed and a target showed, in their order; each step at its own millisecond. */
type Step = { readonly typed: string } | { readonly shown: string } | { readonly waits: number };

function decided(steps: readonly Step[]) {
  const input = new TypedInput();
  const parts: TypedPart[] = [];
  let micros = 0;
  for (const step of steps) {
    micros += 1_000;
    if ('waits' in step) micros += step.waits * 1_000_000;
    else if ('typed' in step) parts.push(...input.input(Buffer.from(step.typed), micros));
    else parts.push(...input.output(Buffer.from(step.shown), micros));
  }
  parts.push(...input.end(micros));
  return {
    kept: Buffer.concat(parts.flatMap((part) => (part.kind === 'kept' ? [part.bytes] : []))).toString(),
    withheld: parts.flatMap((part) => (part.kind === 'withheld' ? [part.count] : [])),
  };
}

/** Each key and its echo. */
const keys = (text: string, echo = text): Step[] =>
  [...text].flatMap((key, at) => [{ typed: key }, { shown: [...echo][at] ?? '' }]);

const ENTER: readonly Step[] = [{ typed: '\r' }, { shown: '\r\n' }];
const FULL_SCREEN: Step = { shown: '\u001b[?1049h\u001b[2J\u001b[1;1H' };

describe('typed input is kept', () => {
  it.each<[string, readonly Step[], string]>([
    ['a command, key by key', [...keys('ls -l'), ...ENTER], 'ls -l\r'],
    ['a command that was pasted', [{ typed: 'ls\r' }, { shown: 'ls\r\n' }], 'ls\r'],
    [
      'lines that the terminal itself echoes',
      [{ typed: 'a b\rc\rd\r' }, { shown: 'a b\r\nc\r\nd\r\n' }],
      'a b\rc\rd\r',
    ],
    ['Enter alone, and Ctrl-C', [...ENTER, { typed: '\u0003' }, { shown: '^C\r\n' }], '\r\u0003'],
    [
      'a line that was taken back with Backspace',
      [...keys('lx'), { typed: '\u007f' }, { shown: '\b \b' }, ...keys('s'), ...ENTER],
      'lx\u007fs\r',
    ],
    ['the same in one piece', [{ typed: 'lx\u007fs\r' }, { shown: 'lx\b \bs\r\n' }], 'lx\u007fs\r'],
    [
      'a letter put into the middle',
      [...keys('ac'), { typed: '\u001b[D' }, { shown: '\b' }, { typed: 'b' }, { shown: 'bc\b' }, ...ENTER],
      'ac\u001b[Db\r',
    ],
    [
      'a name that Tab completed',
      [...keys('cat pa'), { typed: '\t' }, { shown: 'sswd.txt ' }, ...keys('x'), ...ENTER],
      'cat pa\tx\r',
    ],
    [
      'a command that speaks of passwords',
      [{ shown: '$ ' }, ...keys('sudo passwd deploy'), ...ENTER],
      'sudo passwd deploy\r',
    ],
    [
      'one that took long to type',
      [{ shown: '$ ' }, ...keys('passwd -'), { waits: 20 }, ...keys('l deploy'), { waits: 20 }, ...ENTER],
      'passwd -l deploy\r',
    ],
    ['characters of several bytes', [...keys('echo äöü €😀'), ...ENTER], 'echo äöü €😀\r'],
    [
      'a line that readline wraps',
      [{ typed: 'abcdef\r' }, { shown: 'abc \rdef\r\n' }, { typed: 'abcdef\r' }, { shown: 'abcd\rdef\r\n' }],
      'abcdef\rabcdef\r',
    ],
    [
      'a line whose words the shell colours',
      [...keys('l'), { typed: 's' }, { shown: '\b\u001b[32mls\u001b[0m' }, ...ENTER],
      'ls\r',
    ],
    [
      'text in an editor, and a command of its own line',
      [FULL_SCREEN, ...keys('hello'), { typed: '\u001b' }, ...keys(':wq'), { typed: '\r' }],
      'hello\u001b:wq\r',
    ],
    ['keys that move in a pager', [FULL_SCREEN, { typed: '\u001b[B\u001b[B' }, { shown: 'line' }], '\u001b[B\u001b[B'],
  ])('%s', (_name, steps, kept) => {
    expect(decided(steps)).toEqual({ kept, withheld: [] });
  });
});

describe('typed input is withheld', () => {
  it.each<[string, readonly Step[], string, number[]]>([
    ['where nothing is shown', [{ shown: 'Enter: ' }, { typed: 'hunter2\r' }, { shown: '\r\n$ ' }], '', [8]],
    ['where nothing ever comes', [{ typed: 'hunter2\r' }], '', [8]],
    ['where masks are shown', [...keys('hunter2', '*******'), ...ENTER], '', [8]],
    [
      'behind much other output, where the last row asks for a secret',
      [{ typed: 'x' }, { shown: 'a line\r\n'.repeat(9) }, { shown: 'more\r\nPassword: ' }, { typed: 'y' }, ...ENTER],
      '',
      [3],
    ],
    ['where masks are typed', [...keys('***'), ...ENTER], '', [4]],
    ['where a row asks for a secret, echoed or not', [{ shown: 'PIN: ' }, ...keys('4711'), ...ENTER], '', [5]],
    [
      'where it was pasted behind the command that asks',
      [{ typed: 'sudo id\rhunter2\r' }, { shown: 'sudo id\r\n' }, { shown: '[sudo] word for me: ' }, { shown: '\r\n' }],
      'sudo id\r',
      [8],
    ],
    [
      'where echo ends in the middle of a line',
      [...keys('y'), { shown: '\r\nKey: ' }, { typed: 'hunter2' }, { typed: '\r' }, { shown: '\r\n' }],
      '',
      [9],
    ],
    [
      'where it follows a key that edits in the same line',
      [...keys('y'), { typed: '\u001b[A' }, { shown: '\r\nKey: ' }, { typed: 'hunter2\r' }, { shown: '\r\n' }],
      '',
      [12],
    ],
    [
      'where it was taken back and begun again',
      [{ shown: 'Key: ' }, { typed: 'hux\u007fnter2\u0015hunter2\r' }, { shown: '\r\n' }],
      '',
      [18],
    ],
    [
      'where Ctrl-C ends it',
      [{ shown: 'Key: ' }, { typed: 'hunt' }, { typed: '\u0003' }, { shown: '^C\r\n' }],
      '',
      [5],
    ],
    [
      'where it is typed slowly',
      [...keys('hunter2', '').flatMap((key) => [key, { waits: 11 }]), ...ENTER],
      '',
      [1, 1, 1, 1, 1, 1, 1, 1],
    ],
    [
      'where it hides behind Escape',
      [{ typed: '\u001bh\r' }, { shown: '\r\n' }, { typed: '\u001b[1234\r' }],
      '',
      [3, 7],
    ],
    [
      'where other output begins with the same letters',
      [{ shown: 'Key: ' }, { typed: 'hunt\r' }, { shown: 'hunter was here\r\n' }],
      '',
      [5],
    ],
    [
      'where a full screen draws anything else for each key',
      [FULL_SCREEN, ...keys('hunter2').map((step) => ('typed' in step ? step : { shown: '\u001b[5;9H*' })), ...ENTER],
      '',
      [8],
    ],
    [
      'where a full screen is drawn anew for each key, with all letters in it',
      [
        FULL_SCREEN,
        ...keys('hunter2').map((step) => ('typed' in step ? step : { shown: '\u001b[2J| Key, 0-9 a-z: 2ehnrtu |' })),
        { typed: '\r' },
      ],
      '',
      [8],
    ],
    [
      'where it ends a full screen, without what comes behind',
      [
        ...[FULL_SCREEN, { typed: 'q' }, { shown: '\u001b[24;1H\u001b[K\u001b[?1049l$ ' }],
        ...[...keys('ls'), ...ENTER],
      ],
      'ls\r',
      [1],
    ],
    [
      'where a clock ticks in the last row meanwhile',
      [
        FULL_SCREEN,
        { shown: '\u001b[3;1HKey: ' },
        ...keys('hunter2').map((step, at) =>
          'typed' in step ? step : { shown: `\u001b[24;70H12:00:0${at}\u001b[3;6H` },
        ),
        { typed: '\r' },
      ],
      '',
      [8],
    ],
  ])('%s', (_name, steps, kept, withheld) => {
    expect(decided(steps)).toEqual({ kept, withheld });
  });
});

const ARROWS = ['\u001b[A', '\u001b[D', '\u001bOC', '\u001b[200~'];
const CONTROL = [
  '\u007f',
  '\t',
  '\u0015',
  '\u0001',
  '\u001b[A',
  '\u001b[D',
  '\u001bOC',
  '\u001b[200~',
  '\u0003',
  '\u0004',
];
const word = (letters: string, min: number, max: number) =>
  fc.array(fc.constantFrom(...letters), { minLength: min, maxLength: max }).map((each) => each.join(''));
const noise = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '\r\n',
        '\b',
        '\b \b',
        '\u001b[K',
        '\u001b[5;9H',
        '\u001b[?1049h',
        '\u001b[?1049l',
        '\u0007',
        ' ',
      ),
      word('abcdef*$ :', 1, 12),
    ),
    { maxLength: 6 },
  )
  .map((each) => each.join(''));

/** Lower-case letters are typed with echo, capitals without. */
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: word('abcdef *', 1, 12).map((text) => ({ does: 'echoes' as const, text })) },
    { weight: 4, arbitrary: word('ABCDEF*', 1, 12).map((text) => ({ does: 'hides' as const, text })) },
    { weight: 3, arbitrary: fc.constantFrom('\r', '\n', ...CONTROL).map((text) => ({ does: 'hides' as const, text })) },
    { weight: 3, arbitrary: noise.map((text) => ({ does: 'shows' as const, text })) },
    { weight: 1, arbitrary: fc.constant({ does: 'waits' as const, text: '' }) },
  ),
  { maxLength: 30 },
);

const cut = (text: string, sizes: readonly number[], as: 'typed' | 'shown'): Step[] => {
  const cuts: Step[] = [];
  for (let at = 0, n = 0; at < text.length; n += 1) {
    const size = Math.max(1, sizes.length === 0 ? text.length : (sizes[n % sizes.length] ?? 1));
    const piece = text.slice(at, at + size);
    cuts.push(as === 'typed' ? { typed: piece } : { shown: piece });
    at += size;
  }
  return cuts;
};

const sizes = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 5 });

describe('whatever is typed and shown', () => {
  it('no text is kept that was never shown, and every byte is kept or counted, in order', () => {
    fc.assert(
      fc.property(steps, sizes, (taken, cuts) => {
        const all = taken.flatMap(({ does, text }): Step[] => {
          if (does === 'waits') return [{ waits: 11 }];
          if (does === 'shows') return cut(text, cuts, 'shown');
          return cut(text, cuts, 'typed').flatMap((step) =>
            'typed' in step && does === 'echoes' ? [step, { shown: step.typed }] : [step],
          );
        });
        const typed = all.map((step) => ('typed' in step ? step.typed : '')).join('');
        const { kept, withheld } = decided(all);
        expect(ARROWS.reduce((text, arrow) => text.replaceAll(arrow, ''), kept)).not.toMatch(/[A-F]/);
        expect(kept.length + withheld.reduce((sum, count) => sum + count, 0)).toBe(typed.length);
        let at = 0;
        for (const letter of typed) if (letter === kept[at]) at += 1;
        expect(at).toBe(kept.length);
      }),
      runs(2_000),
    );
  });

  it('no secret is kept out of letters that other output has too', () => {
    const secret = word('abcdef', 8, 12);
    fc.assert(
      fc.property(
        secret,
        fc.array(noise, { maxLength: 20 }),
        noise,
        fc.constantFrom('', ...CONTROL),
        sizes,
        (...of) => {
          const [hidden, between, before, key, cuts] = of;
          const all: Step[] = [
            ...keys('a'),
            ...cut(key, cuts, 'typed'),
            ...cut(before, cuts, 'shown'),
            ...cut(hidden, cuts, 'typed').flatMap((step, at): Step[] => [step, { shown: between[at] ?? '' }]),
            ...ENTER,
            { shown: between.join('') },
          ];
          const shown = all.map((step) => ('shown' in step ? step.shown : '')).join('');
          fc.pre(!shown.includes(hidden));
          expect(decided(all).kept).not.toContain(hidden);
        },
      ),
      runs(2_000),
    );
  });

  it('all is kept where all is echoed, however it is cut', () => {
    const line = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
      .map((text) => text.replace(/[\p{Cc}*•●]/gu, 'x'));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 12 }), sizes, fc.nat(20), (lines, cuts, ahead) => {
        const typed = Buffer.from(lines.map((text) => `${text}\r`).join('')).toString('latin1');
        const echo = typed.replaceAll('\r', '\r\n');
        const input = new TypedInput();
        const parts: TypedPart[] = [];
        let shown = 0;
        let at = 0;
        // The echo stays behind what is typed by so many bytes at most.
        const show = (upTo: number) => {
          while (shown < upTo) {
            const size = Math.min(cuts[shown % cuts.length] ?? 3, upTo - shown);
            parts.push(...input.output(Buffer.from(echo.slice(shown, shown + size), 'latin1'), at));
            shown += size;
          }
        };
        while (at < typed.length) {
          const size = cuts[at % cuts.length] ?? 5;
          parts.push(...input.input(Buffer.from(typed.slice(at, at + size), 'latin1'), at));
          at = Math.min(at + size, typed.length);
          show(typed.slice(0, at).replaceAll('\r', '\r\n').length - ahead);
        }
        show(echo.length);
        parts.push(...input.end(at));
        expect(parts.filter(({ kind }) => kind === 'withheld')).toEqual([]);
        const kept = Buffer.concat(parts.flatMap((part) => (part.kind === 'kept' ? [part.bytes] : [])));
        expect(kept.toString('latin1')).toBe(typed);
      }),
      runs(500),
    );
  });
});
