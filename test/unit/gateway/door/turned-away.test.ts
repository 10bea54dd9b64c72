import pino from 'pino';
import { expect, it } from 'vitest';
import { TurnedAwayLog } from '../../../../src/gateway/door/turned-away.ts';
import { TURNED_AWAY_LINES_MAX } from '../../../../src/gateway/limits.ts';

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
