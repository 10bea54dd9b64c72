import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Purpose } from '../../../../src/gateway/downstream/login.ts';
import { FAILED_SIGNATURES_MAX, REFUSED_LINGER_MS, UNSIGNED_OFFERS_MAX } from '../../../../src/gateway/limits.ts';
import { kindNotTaken, LOGIN_ENDS, missing } from '../../../../src/gateway/words/refusals.ts';
import { encode, string } from '../../../../src/sshwire/bytes.ts';
import { asking } from '../../../support/peers/login-peer.ts';
import {
  ACCEPTED,
  AT,
  CUT,
  certified,
  failed,
  LoginWorld,
  plain,
  print,
  sentAway,
  USERS,
  words,
} from '../../../support/worlds/login-world.ts';

afterEach(() => void vi.useRealTimers());

const STRANGE = 'ssh-xmss@openssh.com';
const strange = (world: LoginWorld, kind = STRANGE): Uint8Array => asking.offer(world.user, kind, encode(string(kind)));
const PURPOSES = ['direct', 'jump', 'inner', 'register'] as const satisfies readonly Purpose[];

describe('a login name', () => {
  it.each(['root', '', 'daypass2', 'Daypass', 'registerabc', 'deploy@web-01'])(
    'that means nothing: %j',
    async (user) => {
      using world = await LoginWorld.open('direct');
      const refused = await world.peer.ask(asking.none(user));
      expect(refused).toEqual(sentAway(words({ code: 'bad_login_name', given: user })));
      expect(world.outcome()).toEqual(['refused bad_login_name']);
    },
  );

  it.each(['root', '', 'daypass', 'register-x', 'deploy+web-01'])(
    'within a jump is the target’s to know: %j',
    async (user) => {
      using world = await LoginWorld.open('inner');
      expect(await world.peer.ask(asking.none(user))).toEqual(failed());
      const presented = certified();
      expect(await world.offer(presented, user)).toEqual(ACCEPTED);
      expect(world.outcome()).toEqual([`offered ${print(presented)}`]);
    },
  );

  it.each([
    ['not known', 'code_unknown', null],
    ['used or over', 'code_expired', 0],
  ] as const)('with a registration code that is %s says so before any key is asked for', async (_how, code, until) => {
    using world = await LoginWorld.open('direct');
    if (until !== null) world.knowCode(until);
    expect(await world.offer(plain(), USERS.register)).toEqual(sentAway(words({ code })));
    expect(world.outcome()).toEqual([`refused ${code}`]);
  });
});

describe.each(PURPOSES)('a connection for %s', (purpose) => {
  it('learns from method none which others there are, as often as it likes', async () => {
    using world = await LoginWorld.open(purpose);
    for (let n = 0; n < 2 * FAILED_SIGNATURES_MAX; n += 1) {
      expect(await world.peer.ask(asking.none(world.user))).toEqual(failed());
    }
    expect(world.outcome()).toEqual([]);
  });

  it.each([
    ['password', (world: LoginWorld) => asking.password(world.user)],
    ['hostbased', (world: LoginWorld) => asking.hostbased(world.user, 'ssh-ed25519', plain().blob)],
  ])('fails with %s, and may do so only so often', async (_method, ask) => {
    using world = await LoginWorld.open(purpose);
    for (let n = 1; n < FAILED_SIGNATURES_MAX; n += 1) expect(await world.peer.ask(ask(world))).toEqual(failed());
    expect(world.outcome()).toEqual([]);
    expect(await world.peer.ask(ask(world))).toEqual(sentAway(LOGIN_ENDS.tooManyFailures));
    expect(world.outcome()).toEqual(['refused too_many_failures']);
  });

  it('ends with a method that SSH has no name for here', async () => {
    using world = await LoginWorld.open(purpose);
    expect(await world.peer.ask(asking.unknown(world.user))).toMatchObject(CUT);
    expect(world.outcome()).toEqual([]);
  });

  it('that has no keys is told what it needs, and sent away', async () => {
    using world = await LoginWorld.open(purpose);
    expect(await world.peer.ask(asking.interactive(world.user))).toEqual(sentAway(missing(purpose, AT)));
    expect(world.outcome()).toEqual([`refused ${purpose === 'register' ? 'no_key' : 'no_certificate'}`]);
  });

  it('that has only keys of a kind that is not taken is told which are', async () => {
    using world = await LoginWorld.open(purpose);
    for (const kind of [STRANGE, 'ssh-another']) expect(await world.peer.ask(strange(world, kind))).toEqual(failed());
    expect(await world.peer.ask(asking.interactive(world.user))).toEqual(sentAway(kindNotTaken(STRANGE)));
    expect(world.outcome()).toEqual(['refused key_kind_not_taken']);
  });

  it('may offer so many keys, and not one more', async () => {
    using world = await LoginWorld.open(purpose);
    for (let n = 0; n < UNSIGNED_OFFERS_MAX; n += 1) expect(await world.peer.ask(strange(world))).toEqual(failed());
    expect(world.outcome()).toEqual([]);
    expect(await world.peer.ask(strange(world))).toEqual(sentAway(LOGIN_ENDS.tooManyKeys(UNSIGNED_OFFERS_MAX)));
    expect(world.outcome()).toEqual(['refused too_many_offers']);
  });

  it('is cut off where it is sent away and does not go', async () => {
    using world = await LoginWorld.open(purpose);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    await world.peer.ask(asking.interactive(world.user));
    vi.advanceTimersByTime(REFUSED_LINGER_MS - 1);
    expect(world.server.socket.destroyed).toBe(false);
    vi.advanceTimersByTime(1);
    expect(world.server.socket.destroyed).toBe(true);
  });
});
