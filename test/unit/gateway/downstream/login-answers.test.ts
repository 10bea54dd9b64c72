import { once } from 'node:events';
import type { AuthContext } from 'ssh2';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { type Deferred, deferred } from '../../../../src/gateway/deferred.ts';
import { FAILED_SIGNATURES_MAX, REFUSED_LINGER_MS } from '../../../../src/gateway/limits.ts';
import { isFinal, LOGIN_CODES, type LoginCode } from '../../../../src/gateway/pipe/login-reasons.ts';
import type { Answer } from '../../../../src/gateway/pipe/worker-messages.ts';
import { asking } from '../../../support/peers/login-peer.ts';
import { personId } from '../../../support/samples/samples.ts';
import {
  CUT,
  certified,
  expired,
  failed,
  LET_IN,
  LoginWorld,
  plain,
  sentAway,
} from '../../../support/worlds/login-world.ts';

afterEach(() => void vi.useRealTimers());

const refused = (code: LoginCode, message = `because of ${code}`): Answer => ({ kind: 'refused', code, message });
const REGISTERED: Answer = { kind: 'registered', lines: [] };
const JUMP: Answer = { kind: 'jump', personId: personId(1), endsAt: 0, targetIds: [], noTargets: null };
/** One that only control refuses, in the order of how near it came. */
const FAR = 'no_live_grant';
const NEAR = 'login_not_granted';

describe('an answer of control', () => {
  it.each(LOGIN_CODES.filter((code) => !isFinal(code)))('%s leaves the client its other keys', async (code) => {
    using world = await LoginWorld.open('direct');
    world.answers(refused(code), REGISTERED);
    expect(await world.sign(certified())).toEqual(failed(`because of ${code}`));
    // Control has noted it.
    expect(world.outcome()).toEqual(['asked direct']);
    expect(await world.sign(certified())).toEqual(LET_IN);
  });

  it.each(LOGIN_CODES.filter(isFinal))('%s sends the client away, whatever keys it has', async (code) => {
    using world = await LoginWorld.open('direct');
    world.answers(refused(code), REGISTERED);
    expect(await world.sign(certified())).toEqual(sentAway(`because of ${code}`));
    expect(world.outcome()).toEqual(['asked direct']);
    expect(world.login.isIn).toBe(false);
  });

  it.each([
    ['jump', JUMP],
    ['registered', REGISTERED],
  ] as const)('%s lets in', async (kind, answer) => {
    using world = await LoginWorld.open('direct');
    world.answers(answer);
    expect(await world.sign(certified())).toEqual(LET_IN);
    expect(world.outcome()).toEqual(['asked direct', `entered ${kind}`]);
  });

  it('that is yes is carried out before the client hears of it', async () => {
    using world = await LoginWorld.open('direct');
    world.enter = async () => {
      expect(world.login.isIn).toBe(false);
      return null;
    };
    expect(await world.sign(certified())).toEqual(LET_IN);
    expect(world.login.isIn).toBe(true);
  });

  it('that is yes and cannot be carried out sends the client away', async () => {
    using world = await LoginWorld.open('direct');
    world.enter = async () => 'there is no room';
    expect(await world.sign(certified())).toEqual(sentAway('there is no room'));
    expect(world.login.isIn).toBe(false);
  });

  it('is shown as what a terminal shows, whatever is in it', async () => {
    using world = await LoginWorld.open('direct');
    world.answers(refused('fault', 'a\u001b[31mb\nc'));
    const { banners } = await world.sign(certified());
    expect(banners).toEqual([expect.stringMatching(/^[\x20-\x7e]+\r\n$/)]);
  });

  it.each<readonly [string, (world: LoginWorld) => void]>([
    ['that never comes', (world) => world.answers()],
    [
      'that cannot be carried out by a fault of ours',
      (world) => {
        world.enter = async () => {
          throw new Error('a secret');
        };
      },
    ],
  ])('%s sends the client away, and says nothing of why', async (_how, prepare) => {
    using world = await LoginWorld.open('direct');
    prepare(world);
    const { answer, banners, bye } = await world.sign(certified());
    expect(answer).toBe('gone');
    expect(banners).toHaveLength(1);
    expect(bye).toContain(banners[0]?.trim());
    expect(banners[0]).not.toMatch(/secret|control/);
    expect(world.login.isIn).toBe(false);
  });
});

describe('a client with several keys', () => {
  it.each<readonly [string, readonly LoginCode[], readonly boolean[]]>([
    ['of one that came nearer than those before', [FAR, NEAR], [true, true]],
    ['of none that came less near', [NEAR, FAR, 'unknown_key'], [true, false, false]],
    ['of none that came as near', [FAR, 'request_waits'], [true, false]],
    ['of one that security has to hear of, above all', [NEAR, 'grant_tampered', NEAR], [true, true, false]],
  ])('reads %s', async (_which, codes, isTold) => {
    using world = await LoginWorld.open('direct');
    world.answers(...codes.map((code) => refused(code)));
    for (const [n, code] of codes.entries()) {
      expect(await world.sign(certified())).toEqual(isTold[n] ? failed(`because of ${code}`) : failed());
    }
    const best = codes[isTold.lastIndexOf(true)];
    const { bye } = await world.peer.ask(asking.interactive(world.user));
    expect(bye).toBe(sentAway(`because of ${best}`).bye);
    // What control refused it has noted.
    expect(world.outcome().filter((line) => line.startsWith('refused'))).toEqual([]);
  });

  it('reads at the end of its attempts about the nearest', async () => {
    using world = await LoginWorld.open('direct');
    world.answers(...Array.from({ length: FAILED_SIGNATURES_MAX }, (_, n) => refused(n === 2 ? NEAR : FAR)));
    for (let n = 1; n < FAILED_SIGNATURES_MAX; n += 1) await world.sign(certified());
    expect((await world.sign(certified())).bye).toBe(sentAway(`because of ${NEAR}`).bye);
  });

  it('reads of what control says rather than of an old certificate that was passed over', async () => {
    using world = await LoginWorld.open('jump');
    world.answers(refused('grant_revoked'));
    await world.offer(expired());
    expect(await world.sign(certified())).toEqual(failed('because of grant_revoked'));
    const { bye } = await world.peer.ask(asking.interactive(world.user));
    expect(bye).toBe(sentAway('because of grant_revoked').bye);
    expect(world.outcome()).toEqual(['asked jump']);
  });

  it('is told the same only once', async () => {
    using world = await LoginWorld.open('direct');
    world.answers(refused(FAR, 'the same'), refused('fault', 'the same'));
    expect(await world.sign(certified())).toEqual(failed('the same'));
    expect(await world.sign(certified())).toEqual({ ...sentAway('the same'), banners: [] });
  });
});

type Waiting = { readonly world: LoginWorld; readonly answer: Deferred<Answer>; readonly context: AuthContext };

/** A login that waits for control, and the request that it is about. */
async function waiting(): Promise<Disposable & Waiting> {
  const world = await LoginWorld.open('direct');
  const answer = deferred<Answer>();
  const asked = deferred<AuthContext>();
  const { onRequest } = world.server;
  world.decide = () => answer.promise;
  world.server.onRequest = (context) => {
    onRequest(context);
    asked.resolve(context);
  };
  world.peer.send(world.signed(certified()));
  const dispose = (): void => world[Symbol.dispose]();
  return { world, answer, context: await asked.promise, [Symbol.dispose]: dispose };
}

describe('an answer that comes after the connection is gone', () => {
  it.each<readonly [string, Answer | Error, readonly string[]]>([
    ['no, but another key may do', refused(FAR), []],
    ['no, once and for all', refused('fault'), []],
    ['yes', REGISTERED, ['entered registered']],
    ['a fault', new Error('no answer'), []],
  ])('%s', async (_what, late, told) => {
    using login = await waiting();
    const { world, answer } = login;
    world.outcome();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const gone = once(world.server.socket, 'close');
    world.peer.destroy();
    world.server.socket.destroy();
    await gone;
    if (late instanceof Error) answer.reject(late);
    else answer.resolve(late);
    // Whoever is told yes has to end what was begun: it knows that the connection is gone.
    await expect(Promise.all(world.attempts)).resolves.toEqual([undefined]);
    expect(world.outcome()).toEqual(told);
    vi.advanceTimersByTime(REFUSED_LINGER_MS);
  });

  it('and that could not be carried out changes nothing', async () => {
    using login = await waiting();
    const { world, answer } = login;
    world.enter = async () => 'there is no room';
    world.server.transport.destroy();
    answer.resolve(REGISTERED);
    await Promise.all(world.attempts);
    expect(world.login.isIn).toBe(false);
  });
});

describe('a client that asks again before it has an answer', () => {
  it('is cut off, and nobody is asked twice', async () => {
    using login = await waiting();
    const { world, answer, context } = login;
    expect(world.proofs).toHaveLength(1);
    await world.login.attempt(context);
    expect(await world.peer.heard()).toMatchObject(CUT);
    answer.resolve(REGISTERED);
    await Promise.all(world.attempts);
    expect(world.proofs).toHaveLength(1);
  });

  it('is not heard by the next request that it sends', async () => {
    using login = await waiting();
    const { world, answer } = login;
    world.peer.send(world.signed(certified()));
    answer.resolve(refused('fault'));
    expect(await world.peer.heard()).toEqual(sentAway('because of fault'));
    expect(world.proofs).toHaveLength(1);
  });

  it.each<readonly [string, Answer]>([
    ['is in', REGISTERED],
    ['was sent away', refused('fault')],
  ])('once it %s is cut off', async (_state, reply) => {
    using login = await waiting();
    const { world, answer, context } = login;
    answer.resolve(reply);
    await Promise.all(world.attempts);
    await world.login.attempt(context);
    expect(world.server.transport.isDestroyed).toBe(true);
    expect(world.proofs).toHaveLength(1);
  });
});

describe('a fault of ours', () => {
  it('says nothing to who is in, and nothing more to who was sent away', async () => {
    using inside = await LoginWorld.open('direct');
    await inside.sign(certified());
    inside.login.fault();
    expect(inside.server.socket).toMatchObject({ writableEnded: false, destroyed: false });
    using outside = await LoginWorld.open('register');
    outside.answers(refused('fault'));
    const { banners } = await outside.sign(plain());
    outside.login.fault();
    expect(banners).toHaveLength(1);
  });
});
