import pino from 'pino';
import { afterEach, expect, it, vi } from 'vitest';
import { AWAY_WORDS, TurnedAwayLog } from '../../../../src/gateway/door/turned-away.ts';
import { TURNED_AWAY_COUNTED_MAX, TURNED_AWAY_LINES_MAX, TURNED_AWAY_LOG_MS } from '../../../../src/gateway/limits.ts';

afterEach(() => void vi.useRealTimers());

function logged() {
  const lines: object[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as object);
  return { lines, away: new TurnedAwayLog(pino({ base: null }, { write })) };
}

it('the log has one line of an address and a reason, with how often', () => {
  const { lines, away } = logged();
  for (let n = 0; n < 500; n += 1) away.note('192.0.2.1', 'pool_full');
  away.note('192.0.2.1', 'kex_timeout');
  expect(lines).toEqual([]);
  away.flush();
  expect(lines).toMatchObject([
    { client: '192.0.2.1', why: 'pool_full', count: 500 },
    { client: '192.0.2.1', why: 'kex_timeout', count: 1 },
  ]);
  for (const line of lines) expect(line).toMatchObject({ msg: 'connections were turned away before login' });
  away.flush();
  expect(lines).toHaveLength(2);
});

it('beyond a hundred lines there is one of all others', () => {
  const { lines, away } = logged();
  for (let n = 0; n < TURNED_AWAY_LINES_MAX + 50; n += 1) away.note(`192.0.2.${n}`, 'pool_full');
  away.flush();
  expect(lines).toHaveLength(TURNED_AWAY_LINES_MAX + 1);
  expect(lines.at(-1)).toMatchObject({ addresses: 50, count: 50 });
});

it('those who were turned away most often come first', () => {
  const { lines, away } = logged();
  for (const [client, count] of [
    ['a', 2],
    ['b', 9],
    ['c', 5],
  ] as const) {
    for (let n = 0; n < count; n += 1) away.note(client, 'pool_full');
  }
  away.flush();
  expect(lines.map((line) => (line as { client: string }).client)).toEqual(['b', 'c', 'a']);
});

it('so many addresses are counted apart, and what follows together', () => {
  const { lines, away } = logged();
  for (let n = 0; n < TURNED_AWAY_COUNTED_MAX + 7; n += 1) away.note(`${n}`, 'pool_full');
  away.note('0', 'pool_full');
  away.flush();
  const addresses = TURNED_AWAY_COUNTED_MAX - TURNED_AWAY_LINES_MAX;
  expect(lines).toHaveLength(TURNED_AWAY_LINES_MAX + 1);
  expect(lines[0]).toMatchObject({ client: '0', count: 2 });
  expect(lines.at(-1)).toMatchObject({
    ...{ addresses, count: addresses + 7 },
    msg: 'connections from further addresses were turned away before login',
  });
  away.flush();
  expect(lines).toHaveLength(TURNED_AWAY_LINES_MAX + 1);
  away.note('again', 'pool_full');
  away.flush();
  expect(lines.at(-1)).toMatchObject({ client: 'again', count: 1 });
});

it('the log is written a while after the first of them, and once', () => {
  vi.useFakeTimers();
  const { lines, away } = logged();
  away.note('a', 'pool_full');
  vi.advanceTimersByTime(TURNED_AWAY_LOG_MS - 1);
  away.note('a', 'pool_full');
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(lines).toMatchObject([{ client: 'a', count: 2 }]);
  expect(vi.getTimerCount()).toBe(0);
  away.note('a', 'pool_full');
  away.flush();
  expect([lines.length, vi.getTimerCount()]).toEqual([2, 0]);
});

it('each reason is a sentence, with what to do about it', () => {
  for (const [why, words] of Object.entries(AWAY_WORDS)) {
    expect([why, words]).toEqual([why, expect.stringMatching(/^[A-Z].{20,}\.$/)]);
  }
});
