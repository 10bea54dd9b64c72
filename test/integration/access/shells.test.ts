import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandLine, isSayable, splitCommand } from '../../../src/access/scopes/command-words.ts';
import { runs } from '../../support/samples/hostile-text.ts';

/** What a shell makes of a line is what was decided on: the words are compared, not what the code says of them. */

const SHELLS = ['sh', 'dash', 'bash', 'zsh', 'mksh', 'fish'].filter((name) =>
  ['/bin', '/usr/bin', '/usr/local/bin'].some((folder) => existsSync(`${folder}/${name}`)),
);
/** Lines go to a shell many at a time. */
const AT_ONCE = 500;

/** The words that a shell gives to a command, for each of these lines, which begin with `echo`. */
function asSplitBy(shell: string, lines: readonly string[]): string[][] {
  const dump =
    shell === 'fish'
      ? "function echo; printf '%s\\0' echo $argv; printf '\\1'; end"
      : "echo() { printf '%s\\0' echo \"$@\"; printf '\\001'; }";
  const script = [dump, ...lines, ''].join('\n');
  const output = execFileSync(shell, ['-c', script], { cwd: '/', env: { HOME: '/nowhere', PATH: '/usr/bin:/bin' } });
  return output
    .toString('latin1')
    .split('\u0001')
    .slice(0, -1)
    .map((words) => words.split('\0').slice(0, -1));
}

/** Pieces of which lines are made that a shell may, or may not, split. */
const PIECES = [
  ...['a', 'b1', 'nginx', '/srv/x', '-n', '--unit=x', '.', '..', ':', '@', ',', '%', '+', '=', '_', '0'],
  ...[' ', '  ', "'", '"', '\\', "''", '""', "' '", '" "', '\\ ', "\\'", '\\"', '\\\\', '\\$', '\\;', '\\*'],
  ...[
    '$',
    '$x',
    '$(id)',
    '`id`',
    ';',
    '|',
    '&',
    '<',
    '>',
    '*',
    '?',
    '[a]',
    '{a,b}',
    '{}',
    '~',
    '#',
    '!',
    '^',
    '(',
    ')',
  ],
  ...[
    '\t',
    '\n',
    '\\n',
    '\\x41',
    '\u00e9',
    '\u00a0',
    '\u0001',
    '%self',
    '=ls',
    '!!',
    '~root',
    "'!'",
    '"$x"',
    "'$x'",
    "'*'",
  ],
];
const line = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => `echo ${pieces.join('')}`);

describe.each(SHELLS)('%s', (shell) => {
  it('splits each accepted line into the words that were decided on', () => {
    const lines = fc.sample(line, {
      seed: runs().seed,
      numRuns: process.env['DAYPASS_LONG'] === '1' ? 200_000 : 10_000,
    });
    const accepted = lines.flatMap((text) => {
      const split = splitCommand(text);
      return split.ok ? [{ text, words: split.words.map((word) => word.text) }] : [];
    });
    expect(accepted.length).toBeGreaterThan(400);
    for (let at = 0; at < accepted.length; at += AT_ONCE) {
      const some = accepted.slice(at, at + AT_ONCE);
      const texts = some.map(({ text }) => text);
      expect(asSplitBy(shell, texts)).toEqual(some.map(({ words }) => words));
    }
  });

  it('splits a line that was made of words into these words', () => {
    const word = fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).filter(isSayable);
    const said = fc.sample(fc.array(word, { minLength: 1, maxLength: 6 }), { seed: runs().seed, numRuns: AT_ONCE });
    expect(
      asSplitBy(
        shell,
        said.map((words) => `echo ${commandLine(words)}`),
      ),
    ).toEqual(said.map((words) => ['echo', ...words]));
  });
});
