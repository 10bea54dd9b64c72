import { describe, expect, it } from 'vitest';
import { isExact, matchesExec, wrongPattern } from '../../../../src/access/scopes/exec-patterns.ts';

const words = (text: string): string[] =>
  text === '' ? [] : text.split(' ').map((word) => (word === "''" ? '' : word));

describe('a pattern of words', () => {
  it.each([
    ['uptime', 'uptime', true],
    ['uptime', 'uptime -p', false],
    ['uptime', 'uptim', false],
    ['uptime -p', 'uptime', false],
    ['uptime -p', 'uptime -p', true],
    ['uptime -p', 'uptime -s', false],
    ["say ''", "say ''", true],
    ['id *', 'id root', true],
    ['id *', 'id', false],
    ['id *', 'id root root', false],
    ['id *', 'id -u', false],
    ['id *', 'id +u', false],
    ['id *', "id ''", false],
    ['id *', 'id a-u', true],
    ['id * x', 'id root x', true],
    ['id * x', 'id root y', false],
    ['ls **', 'ls', true],
    ['ls **', 'ls a', true],
    ['ls **', 'ls a b c', true],
    ['ls **', 'ls a -l', false],
    ['ls **', 'ls a +l', false],
    ['ls **', 'lsof a', false],
    ['ls * **', 'ls', false],
    ['ls * **', 'ls a b', true],
    ['ls -l **', 'ls', false],
    ['ls -l **', 'ls -l', true],
  ])('%s and the command %s: %s', (pattern, command, expected) => {
    expect(matchesExec(words(pattern), words(command))).toBe(expected);
  });

  it.each([
    ['systemctl restart nginx', true],
    ['ls *', false],
    ['ls * a', false],
    ['ls **', false],
  ])('%s leaves no choice: %s', (pattern, expected) => {
    expect(isExact(words(pattern))).toBe(expected);
  });

  const FIRST = 'the first word must be the command';
  const WHOLE = '* and ** must be whole words';
  const PLAIN = 'words must be printable ASCII without !';
  it.each([
    ['ls', null],
    ['ls -l * a **', null],
    ['ls **', null],
    ["say ''", null],
    ['', FIRST],
    ["'' ls", FIRST],
    ['*', FIRST],
    ['* ls', FIRST],
    ['**', FIRST],
    ['ls ** a', '** must come last'],
    ['ls ** **', '** must come last'],
    ['ls a*', WHOLE],
    ['ls ***', WHOLE],
    ['l*', WHOLE],
    ['ls * **b', WHOLE],
    ['ls é', PLAIN],
    ['é', PLAIN],
    ['ls a!', PLAIN],
    ['ls * a\t', PLAIN],
  ])('%j may be written in a policy, or is refused with %s', (pattern, why) => {
    expect(wrongPattern(words(pattern))).toBe(why);
  });
});
