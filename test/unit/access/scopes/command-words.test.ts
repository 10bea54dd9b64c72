import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandLine, isSayable, splitCommand } from '../../../../src/access/scopes/command-words.ts';
import { runs } from '../../../support/samples/hostile-text.ts';

const words = (line: string): readonly string[] | string => {
  const split = splitCommand(line);
  return split.ok ? split.words.map((word) => word.text) : split.why;
};

describe('a command line', () => {
  it('falls into words at spaces, and quotes and backslashes keep them together', () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['systemctl restart nginx', ['systemctl', 'restart', 'nginx']],
      ['  a   b ', ['a', 'b']],
      ['tail \'/var/log/a b\' "c d"', ['tail', '/var/log/a b', 'c d']],
      ['a\'b\'"c"d', ['abcd']],
      ["echo '$(id) `id` ; | & > < * ? [x] {a,b} ~ #'", ['echo', '$(id) `id` ; | & > < * ? [x] {a,b} ~ #']],
      ['echo "; | & > < * ~ #"', ['echo', '; | & > < * ~ #']],
      ['a\\ b \\$x \\; \\*', ['a b', '$x', ';', '*']],
      ['a \'\' ""', ['a', '', '']],
      [
        'journalctl --unit=nginx -n 50 +x a%b a:b@c,d',
        ['journalctl', '--unit=nginx', '-n', '50', '+x', 'a%b', 'a:b@c,d'],
      ],
      // What Python's shlex.quote makes of a'b.
      [`echo 'a'"'"'b'`, ['echo', "a'b"]],
    ];
    for (const [line, expected] of cases) expect(words(line), line).toEqual(expected);
  });

  it('with a character that a shell would act on is refused, and the character is named', () => {
    for (const char of [...';|&$()<>*?[]~#!{}^']) {
      for (const line of [`ls ${char}`, `ls a${char}b`, `${char}ls`, `ls '${char}'${char}`]) {
        expect(words(line), line).toMatch(`a shell would treat ${char}`);
      }
    }
    expect(words('ls `id`')).toBe('a shell would treat a backquote as special');
    expect(words('ls\nid')).toBe('a shell would treat a line break as special');
    expect(words('ls\tid')).toBe('a shell would treat a tab as special');
    expect(words('ls \u0000')).toBe('a shell would treat a control character as special');
    expect(words('ls \u00a0id')).toBe('a shell would treat a character that is not ASCII as special');
    expect(words('ls \ufffd')).toBe('a shell would treat a character that is not ASCII as special');
  });

  it('is refused where shells differ', () => {
    const lines = [
      // In fish, unlike in sh.
      ...["echo 'a\\'b'", "echo 'a\\\\b'", 'echo a\\nb', 'echo \\x41', 'echo %self', 'echo a\\'],
      // In zsh.
      ...['echo =ls', "echo ''=ls", 'echo x==ls', 'echo x=a:=ls', 'echo :=ls', "echo 'a''b'", 'echo "a"\\!'],
      // In csh, even in quotes.
      ...["echo '!!'", 'echo "!!"', 'echo "\\$x"', 'echo "a\\"b"'],
      // In bash, in arguments too.
      ...['export x=~/y', 'a=~'],
      // Sets the environment of what follows.
      ...['LD_PRELOAD=/tmp/x ls', 'A=b', 'a=b c'],
      ...['echo "$x"', 'echo "`id`"', 'echo "a\nb"', "echo 'a\nb'", "echo 'a", 'echo "a', 'echo "a\'', "echo 'é'"],
    ];
    for (const line of lines) expect(words(line), line).toBeTypeOf('string');
  });

  it('says of a shell that lets patterns through which words have one', () => {
    const read = (line: string) => {
      const split = splitCommand(line, { patterns: true });
      return split.ok ? split.words.map(({ text, hasPattern }) => (hasPattern ? `${text} *` : text)) : split.why;
    };
    const special = (char: string) => `a shell would treat ${char} as special`;
    const cases: readonly (readonly [string, readonly string[] | string])[] = [
      ['ls a*b ?c [d] ~/e ~', ['ls', 'a*b *', '?c *', '[d] *', '~/e *', '~ *']],
      ['ls \'*\' \\* "?" a\\~', ['ls', '*', '*', '?', 'a~']],
      ["ls a'*'b*c d", ['ls', 'a*b*c *', 'd']],
      ['ls a*b%', ['ls', 'a*b% *']],
      ['* a', ['* *', 'a']],
      ['ls a~', special('~')],
      ["ls ''~", special('~')],
      ['ls {a,b}', special('{')],
      ['ls *;', special(';')],
    ];
    for (const [line, expected] of cases) expect(read(line), line).toEqual(expected);
  });

  it('names what is special, and where', () => {
    const cases: readonly (readonly [string, string])[] = [
      ['echo "a$b"', 'a shell would treat $ in quotes as special'],
      ['echo "a`b"', 'a shell would treat a backquote in quotes as special'],
      ["echo 'a!b'", 'a shell would treat ! in quotes as special'],
      ["echo 'a\\b'", 'a shell would treat \\ in quotes as special'],
      ["echo 'a\nb'", 'a shell would treat a line break in quotes as special'],
      ["echo 'a\x7fb'", 'a shell would treat a control character in quotes as special'],
      ["echo 'a\x80b'", 'a shell would treat a character that is not ASCII in quotes as special'],
      ["echo 'a\u{1f600}b'", 'a shell would treat a character that is not ASCII in quotes as special'],
      ["echo 'a", 'a quote is never closed'],
      ['echo "a', 'a quote is never closed'],
      ['echo \'a"', 'a quote is never closed'],
      ["echo 'a''b'", "a shell would treat '' as special"],
      ['echo \\n', 'a shell would treat \\ as special'],
      ['echo a\\', 'a shell would treat \\ as special'],
      ['echo %a', 'a shell would treat % as special'],
      ['echo =a', 'a shell would treat = as special'],
      ['a=b', 'a shell would treat = as special'],
      ['echo a=b=c', 'a shell would treat = as special'],
      ['echo a:=c', 'a shell would treat = as special'],
      ['echo \x7f', 'a shell would treat a control character as special'],
    ];
    for (const [line, why] of cases) expect(words(line), line).toBe(why);
    for (const line of [
      "echo '$`'",
      `echo "'"'"'`,
      'echo a=b',
      "echo a=':'",
      'echo a%b=c',
      'echo \\=a',
      "echo 'a'\"'b'\"",
    ])
      expect(words(line), line).toBeInstanceOf(Array);
  });

  it.each([
    [['ls'], 'ls'],
    [['ls', '-l', '/srv/a_b@c+d:e,f.g'], 'ls -l /srv/a_b@c+d:e,f.g'],
    [['ls', '--color=auto', '-n=1'], 'ls --color=auto -n=1'],
    [['--color=auto'], "'--color=auto'"],
    [['ls', 'color=auto'], "ls 'color=auto'"],
    [['ls', '--color=a:b'], "ls '--color=a:b'"],
    [['ls', '-=b'], "ls '-=b'"],
    [['ls', 'x--a=b'], "ls 'x--a=b'"],
    [['ls', '--a=b c'], "ls '--a=b c'"],
    [['ls', '--a='], 'ls --a='],
    [['ls', 'a%', '%a'], "ls a% '%a'"],
    [['ls', ''], "ls ''"],
    [['ls', 'a b', '*'], "ls 'a b' '*'"],
    [['ls', "it's", 'a\\b $'], "ls it\\'s a\\\\b\\ \\$"],
  ])('%j is said as %s', (said, line) => {
    expect(commandLine(said)).toBe(line);
  });

  it.each([
    ['', true],
    [' ~', true],
    ['a!', false],
    ['a\tb', false],
    ['a\x7f', false],
    ['é', false],
  ])('%j can be said: %s', (word, expected) => {
    expect(isSayable(word)).toBe(expected);
  });

  it('of many words is read in time that grows with its length, and one that is too long is refused', () => {
    expect(words(`echo ${'a '.repeat(4_000)}`)).toHaveLength(4_001);
    expect(words('a'.repeat(8_192))).toHaveLength(1);
    expect(words('a'.repeat(8_193))).toBe('it is longer than 8192 characters');
  });

  it('made of any words that can be said is split into exactly these', () => {
    const word = fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).filter(isSayable);
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 6 }), (said) => {
        expect(words(commandLine(said))).toEqual(said);
      }),
      runs(1_000),
    );
  });
});
