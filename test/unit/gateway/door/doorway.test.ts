import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AWAY_WORDS, type WhyAway } from '../../../../src/gateway/door/turned-away.ts';
import {
  FIRST_WORDS_MAX,
  LATE_CHECK_MS,
  TURNED_AWAY_LINGER_MS,
  TURNED_AWAY_LINGERING_MAX,
} from '../../../../src/gateway/limits.ts';
import { turn } from '../../../support/peers/stream-pair.ts';
import { Caller, farewell, IDENTIFIED, standing, WORDS } from '../../../support/worlds/doorway-world.ts';

beforeEach(
  () =>
    void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] }),
);
afterEach(() => void vi.useRealTimers());

describe('a connection', () => {
  it('is greeted, and handed over once its client has spoken, with what it said', async () => {
    const { doorway, call, state, next } = standing();
    const caller = await call();
    expect(caller.heard).toEqual(IDENTIFIED);
    expect([state.ready, doorway.isWaitedFor, next()]).toEqual([0, false, null]);
    await caller.says(WORDS);
    expect([state.ready, doorway.isWaitedFor]).toEqual([1, true]);
    const arrival = next();
    expect(arrival).toMatchObject({ address: '192.0.2.1', head: Buffer.from(WORDS) });
    expect(arrival?.socket).toBe(caller);
    expect([doorway.isWaitedFor, next()]).toEqual([false, null]);
    expect(caller.heard).toEqual(IDENTIFIED);
  });

  it('has an address of its own family, however the socket shows it', async () => {
    const { call, next } = standing();
    for (const [shown, address] of [
      ['::ffff:192.0.2.7', '192.0.2.7'],
      ['::FFFF:192.0.2.7', '192.0.2.7'],
      ['2001:db8::ffff:1', '2001:db8::ffff:1'],
    ]) {
      await call(shown, WORDS);
      expect(next()?.address).toBe(address);
    }
  });

  it('of nobody is ended', async () => {
    const { doorway } = standing();
    const caller = new Caller(undefined);
    doorway.take(caller as unknown as Socket);
    await turn();
    expect([caller.destroyed, caller.heard.length]).toEqual([true, 0]);
  });

  it('that breaks is no fault, and neither is one that ends without a word', async () => {
    const { call, next } = standing();
    const broken = await call();
    broken.destroy(new Error('ECONNRESET'));
    const mute = await call();
    await mute.says(null);
    await turn();
    expect([broken.destroyed, mute.destroyed]).toEqual([true, true]);
    const left = await call('192.0.2.1', WORDS);
    left.destroy();
    await turn();
    expect(next()).toBeNull();
  });

  it('is refused while there is no worker', async () => {
    const { call, state, whys } = standing();
    state.isServed = false;
    const caller = await call('::ffff:192.0.2.1');
    expect(caller.heard).toEqual(farewell('no_worker'));
    expect(caller.hasEnd).toBe(true);
    expect(whys()).toEqual(['192.0.2.1 no_worker']);
  });

  it.each<[string, string, WhyAway | null]>([
    ['as much as may be', 'x'.repeat(FIRST_WORDS_MAX), null],
    ['one byte more', 'x'.repeat(FIRST_WORDS_MAX + 1), 'too_much_at_once'],
    ['what a balancer would', 'PROXY TCP4 192.0.2.9 192.0.2.1 1 22\r\n', 'proxy_header_unexpected'],
  ])('whose client first says %s', async (_what, words, why) => {
    const { call, whys, next } = standing();
    const caller = await call('192.0.2.1', words);
    expect(caller.heard).toEqual(why === null ? IDENTIFIED : farewell(why));
    expect(next() === null).toBe(why !== null);
    expect(whys()).toEqual(why === null ? [] : [`192.0.2.1 ${why}`]);
  });
});

describe('who waits too long', () => {
  const late = { kexMs: 1_000, offerMs: 2_000, loginMs: 3_000 };

  it('goes, and is told why', async () => {
    const { call, whys, next } = standing(late);
    const silent = await call('192.0.2.1');
    const queued = await call('192.0.2.2', WORDS);
    await vi.advanceTimersByTimeAsync(1_000 - LATE_CHECK_MS);
    expect([silent.heard, queued.heard]).toEqual([IDENTIFIED, IDENTIFIED]);
    await vi.advanceTimersByTimeAsync(LATE_CHECK_MS);
    expect([silent.heard, queued.heard]).toEqual([farewell('kex_timeout'), farewell('kex_timeout')]);
    expect(next()).toBeNull();
    expect(whys()).toEqual(['192.0.2.1 kex_timeout', '192.0.2.2 kex_timeout']);
  });

  it('is told by its worker, where one has it, and each step has its time', async () => {
    const { doorway, call, told, next, whys } = standing(late);
    const callers = [];
    const ids = [];
    for (const reached of [null, 'kex', 'offer'] as const) {
      callers.push(await call('192.0.2.1', WORDS));
      const id = next()?.id ?? -1;
      ids.push(id);
      if (reached) doorway.hear({ type: 'at_door', connection: id, reached, key: null });
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([
      [ids[0], AWAY_WORDS.kex_timeout],
      [ids[1], AWAY_WORDS.offer_timeout],
      [ids[2], AWAY_WORDS.login_timeout],
    ]);
    // What else they hear is their worker's.
    expect(callers.map(({ heard, destroyed }) => [heard, destroyed])).toEqual(Array(3).fill([IDENTIFIED, false]));
    expect(whys()).toEqual(['kex', 'offer', 'login'].map((step) => `192.0.2.1 ${step}_timeout`));
  });

  it.each(['in', 'gone'] as const)('is nobody who is %s', async (reached) => {
    const { doorway, call, told, next } = standing(late);
    await call('192.0.2.1', WORDS);
    const id = next()?.id ?? -1;
    doorway.hear({ type: 'at_door', connection: id, reached, key: null });
    doorway.hear({ type: 'at_door', connection: id, reached: 'kex', key: null });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
  });

  it('is nobody whom the gateway took back', async () => {
    const { doorway, call, told, next } = standing(late);
    await call('192.0.2.1', WORDS);
    doorway.leave(next()?.id ?? -1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([]);
  });

  it('is not believed about one that no worker has', async () => {
    const { doorway, call, next } = standing(late);
    const caller = await call('192.0.2.1');
    for (const connection of [0, 1, 77]) doorway.hear({ type: 'at_door', connection, reached: 'in', key: null });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(caller.heard).toEqual(farewell('kex_timeout'));
    expect(next()).toBeNull();
  });

  it('lets its worker go on with it where that hears of its end first', async () => {
    const { call, told, next } = standing(late);
    const caller = await call('192.0.2.1', WORDS);
    const id = next()?.id;
    caller.destroy();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(told).toEqual([[id, AWAY_WORDS.kex_timeout]]);
  });
});

describe('where there is no room', () => {
  const none = { start: 0, rate: 0, full: 0 };

  it('a newcomer is told so', async () => {
    const { call, whys, next, state } = standing({ beforeKex: none });
    const caller = await call('192.0.2.1');
    expect(caller.heard).toEqual(farewell('pool_full'));
    await caller.says(WORDS);
    expect([next(), state.ready]).toEqual([null, 0]);
    expect(whys()).toEqual(['192.0.2.1 pool_full']);
  });

  it('after the key exchange the worker of who has to go is told', async () => {
    const { doorway, call, told, next, whys } = standing({ afterKex: none });
    await call('192.0.2.1', WORDS);
    const id = next()?.id ?? -1;
    doorway.hear({ type: 'at_door', connection: id, reached: 'kex', key: null });
    expect(told).toEqual([[id, AWAY_WORDS.pool_full]]);
    expect(whys()).toEqual(['192.0.2.1 pool_full']);
  });

  it('one network counts as one address', async () => {
    const { call, whys } = standing({ perAddress: 1 });
    await call('2001:db8::1');
    await call('2001:db8::2');
    await call('2001:db8:0:1::2');
    expect(whys()).toEqual(['2001:db8::/64 address_limit']);
  });

  it('whose address has logged in before goes first to a worker, and last from the door', async () => {
    const { doorway, call, next, whys } = standing({ beforeKex: { start: 2, rate: 0, full: 2 } });
    doorway.favour('192.0.2.2');
    await call('192.0.2.1', WORDS);
    await call('192.0.2.2', WORDS);
    await call('192.0.2.3');
    expect(next()?.address).toBe('192.0.2.2');
    expect(whys()).not.toContain('192.0.2.2 pool_full');
  });
});

describe('who is turned away', () => {
  it('may read why for a moment, whatever it says meanwhile', async () => {
    const { call, state } = standing();
    state.isServed = false;
    const caller = await call();
    await caller.says('x'.repeat(100_000));
    expect(caller.readableLength).toBe(0);
    await vi.advanceTimersByTimeAsync(TURNED_AWAY_LINGER_MS - 1);
    expect(caller.destroyed).toBe(false);
    await vi.advanceTimersByTimeAsync(1);
    expect(caller.destroyed).toBe(true);
  });

  it('leaves no timer behind where it goes by itself', async () => {
    const { call, state, doorway } = standing();
    state.isServed = false;
    const caller = await call();
    await caller.says(null);
    await turn();
    expect(caller.destroyed).toBe(true);
    doorway[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('is told nothing where many are', async () => {
    const { call, state } = standing();
    state.isServed = false;
    const callers: Caller[] = [];
    for (let n = 0; n <= TURNED_AWAY_LINGERING_MAX; n += 1) callers.push(await call());
    const heard = callers.map((each) => each.heard.length > 0);
    expect(heard).toEqual([...Array(TURNED_AWAY_LINGERING_MAX).fill(true), false]);
    expect(callers.at(-1)?.destroyed).toBe(true);
    callers[0]?.destroy();
    await turn();
    expect((await call()).heard.length).toBeGreaterThan(0);
  });
});

it('at its end the door is empty, but for those whom workers have', async () => {
  const { doorway, call, next, state } = standing({}, { balancers: '198.51.100.0/24' });
  const handed = await call('192.0.2.1', WORDS);
  next();
  const others = [await call('192.0.2.2', WORDS), await call('192.0.2.3'), await call('198.51.100.1')];
  state.isServed = false;
  others.push(await call('192.0.2.4'));
  doorway[Symbol.dispose]();
  expect(handed.destroyed).toBe(false);
  expect(others.map(({ destroyed }) => destroyed)).toEqual([true, true, true, true]);
  await turn();
  expect(vi.getTimerCount()).toBe(0);
});
