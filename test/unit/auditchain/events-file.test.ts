import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ChainCheck } from '../../../src/auditchain/check.ts';
import { fileEvents } from '../../../src/auditchain/events-file.ts';
import { testFolder } from '../../support/checks/folder.ts';
import { chain, withEarlier } from '../../support/samples/audit-events.ts';

const folder = testFolder();
afterAll(() => folder[Symbol.dispose]());

const lineOf = (event: object): string => JSON.stringify({ v: 1, site: 'acme', ...event });
const LINES = chain(5).map(lineOf);

async function found(text: string): Promise<string[]> {
  const path = join(folder.path, 'events.jsonl');
  writeFileSync(path, text);
  const check = new ChainCheck('file', []);
  for await (const each of fileEvents(path)) check.take(each);
  return check.end().problems.map(({ number, how, why }) => `${number} ${how}: ${why}`);
}
const edit = (n: number, change: (line: string) => string): string =>
  LINES.map((line, index) => (index === n - 1 ? change(line) : line)).join('\n');

describe('a file of events', () => {
  it.each([
    ['as it was written', `${LINES.join('\n')}\n`],
    ['without a line feed at its end', LINES.join('\n')],
    ['with empty lines and carriage returns', `\n${LINES.join('\r\n\r\n')}\r\n`],
    [
      'whose lines were written anew by another program',
      LINES.map((line) =>
        JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).reverse()), null, 1).replaceAll('\n', ' '),
      ).join('\n'),
    ],
    ['with fields that were added', LINES.map((line) => line.replace('{', '{"received":"now",')).join('\n')],
    ['that is empty', ''],
    [
      'that begins with lines of an earlier version',
      withEarlier([1, 5])
        .map((event) => lineOf(event.hash === null ? { ...event, prev: undefined, hash: undefined } : event))
        .join('\n'),
    ],
  ])('holds: %s', async (_, text) => {
    expect(await found(text)).toEqual([]);
  });

  const noEvent = (line: number) =>
    expect.stringMatching(new RegExp(`^\\d unreadable: line ${line} of the file is not an event$`));
  it.each<[string, string, unknown[]]>([
    [
      'a line that was edited',
      edit(3, (line) => line.replace('code_issued', 'key_retired')),
      [expect.stringMatching(/^3 edited/)],
    ],
    ['a line in a language of its own', edit(3, () => 'what?'), [noEvent(3), expect.stringMatching(/^3 missing/)]],
    ['a line that was cut off', edit(5, (line) => line.slice(0, -9)), [noEvent(5)]],
    [
      'a hash that is none',
      edit(3, (line) => line.replace(/"hash":"./, '"hash":"x')),
      [noEvent(3), expect.stringMatching(/^3 missing/)],
    ],
    [
      'a number that is none',
      edit(3, (line) => line.replace('"id":3', '"id":"3"')),
      [noEvent(3), expect.stringMatching(/^3 missing/)],
    ],
    ['a line without end', `${LINES.join('\n')}\n${'x'.repeat(1_500_000)}`, expect.arrayContaining([noEvent(6)])],
  ])('does not hold with %s', async (_, text, expected) => {
    expect(await found(text)).toEqual(expected);
  });
});
