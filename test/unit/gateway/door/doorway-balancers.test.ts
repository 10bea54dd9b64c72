import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WhyAway } from '../../../../src/gateway/door/turned-away.ts';
import { type DoorLimits, PROXY_HEADER_MS, PROXY_HEADERS_MAX } from '../../../../src/gateway/limits.ts';
import { turn } from '../../../support/peers/stream-pair.ts';
import { type Caller, farewell, IDENTIFIED, standing, WORDS } from '../../../support/worlds/doorway-world.ts';

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

describe('behind a balancer', () => {
  const balanced = (change: Partial<DoorLimits> = {}) => standing(change, { balancers: '198.51.100.0/24' });
  const HEADER = 'PROXY TCP4 192.0.2.9 198.51.100.7 56324 22\r\n';

  it.each<[string, readonly string[], string, string]>([
    ['with its words behind the header', [`${HEADER}${WORDS}`], '192.0.2.9', WORDS],
    ['with its words later', [HEADER, WORDS], '192.0.2.9', WORDS],
    [
      'with a header in pieces',
      [HEADER.slice(0, 3), HEADER.slice(3, 20), HEADER.slice(20) + WORDS],
      '192.0.2.9',
      WORDS,
    ],
    ['of which it knows nothing', [`PROXY UNKNOWN\r\n${WORDS}`], '198.51.100.7', WORDS],
    ['that it shows as IPv6', [`PROXY TCP6 ::ffff:192.0.2.9 ::1 1 22\r\n${WORDS}`], '192.0.2.9', WORDS],
  ])('a connection is that of its client, %s', async (_what, pieces, address, head) => {
    const { call, next } = balanced();
    const caller = await call('::ffff:198.51.100.7');
    expect(caller.heard).toHaveLength(0);
    for (const piece of pieces) await caller.says(piece);
    expect(caller.heard).toEqual(IDENTIFIED);
    expect(next()).toMatchObject({ address, head: Buffer.from(head) });
    await vi.advanceTimersByTimeAsync(PROXY_HEADER_MS);
    expect(caller.destroyed).toBe(false);
  });

  it('a client that says nothing is greeted', async () => {
    const { call, next } = balanced();
    const caller = await call('198.51.100.7', HEADER);
    expect([caller.heard, next()]).toEqual([IDENTIFIED, null]);
    await caller.says(WORDS);
    expect(next()?.head).toEqual(Buffer.from(WORDS));
  });

  it.each<[string, string, WhyAway]>([
    ['that speaks SSH at once', WORDS, 'proxy_header_missing'],
    ['that speaks something else', 'GET / HTTP/1.1\r\n', 'proxy_header_invalid'],
    ['with a header that is none', 'PROXY TCP4 192.0.2.9\r\n', 'proxy_header_invalid'],
  ])('a connection %s is refused', async (_what, words, why) => {
    const { call, whys, next } = balanced();
    const caller = await call('198.51.100.7', words);
    expect(caller.heard).toEqual(farewell(why));
    await vi.advanceTimersByTimeAsync(PROXY_HEADER_MS);
    expect(next()).toBeNull();
    expect(whys()).toEqual([`198.51.100.7 ${why}`]);
  });

  it('a connection has so long for its header', async () => {
    const { call, whys } = balanced();
    const caller = await call('198.51.100.7', 'PROXY ');
    await vi.advanceTimersByTimeAsync(PROXY_HEADER_MS - 1);
    expect(caller.heard).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(caller.heard).toEqual(farewell('proxy_header_missing'));
    await caller.says('TCP4 192.0.2.9 198.51.100.7 56324 22\r\n');
    expect(caller.heard).toEqual(farewell('proxy_header_missing'));
    expect(whys()).toEqual(['198.51.100.7 proxy_header_missing']);
  });

  it('a connection that ends before its header leaves nothing behind', async () => {
    const { call, doorway } = balanced();
    const caller = await call('198.51.100.7', 'PROXY ');
    caller.destroy();
    await turn();
    doorway[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('a connection that its balancer ends before the header is no fault', async () => {
    const { call, next, whys } = balanced();
    const caller = await call('198.51.100.7', 'PROXY ');
    await caller.says(null);
    expect([caller.heard.length, caller.destroyed, next(), whys()]).toEqual([0, true, null, []]);
  });

  it('so many may have none', async () => {
    const { call, whys } = balanced();
    const callers: Caller[] = [];
    for (let n = 0; n < PROXY_HEADERS_MAX; n += 1) callers.push(await call('198.51.100.7'));
    expect(callers.every(({ heard }) => heard.length === 0)).toBe(true);
    expect((await call('198.51.100.8')).heard).toEqual(farewell('pool_full'));
    callers[0]?.destroy();
    await turn();
    expect((await call('198.51.100.9')).heard).toHaveLength(0);
    expect(whys()).toEqual(['198.51.100.8 pool_full']);
  });

  it('whoever is none of the balancers speaks for itself', async () => {
    const { call, next } = balanced();
    await call('198.51.101.7', WORDS);
    expect(next()?.address).toBe('198.51.101.7');
    expect((await call('198.51.101.7', HEADER)).heard).toEqual(farewell('proxy_header_unexpected'));
  });
});
