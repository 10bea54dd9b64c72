import { describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import type { Purpose } from '../../../../src/gateway/downstream/login.ts';
import { FAILED_SIGNATURES_MAX } from '../../../../src/gateway/limits.ts';
import { LOGIN_ENDS } from '../../../../src/gateway/words/refusals.ts';
import { encode, uint8 } from '../../../../src/sshwire/bytes.ts';
import { verifyUserauth } from '../../../../src/sshwire/userauth.ts';
import { asking } from '../../../support/peers/login-peer.ts';
import { KEY_TYPES, makeKey } from '../../../support/peers/ssh-keys.ts';
import {
  certified,
  EXPIRED_AT,
  expired,
  failed,
  LET_IN,
  LoginWorld,
  OTHER_CA,
  type Presented,
  plain,
  print,
  sentAway,
  words,
} from '../../../support/worlds/login-world.ts';

const PURPOSES = ['direct', 'jump', 'inner', 'register', 'approve'] as const satisfies readonly Purpose[];
/** Where a request's user name begins, behind its number and the length of the name. */
const FIRST_OF_NAME = 5;
/** What suffices for each. */
const enough = (world: LoginWorld, purpose: Purpose): Presented => {
  if (purpose === 'direct' || purpose === 'inner') return certified();
  const presented = plain();
  if (purpose === 'jump' || purpose === 'approve') world.knowKey(print(presented));
  return presented;
};

describe.each(PURPOSES)('a signature that suffices for %s', (purpose) => {
  it('is control’s to decide on, with what was signed as it came, and lets in', async () => {
    using world = await LoginWorld.open(purpose);
    const presented = enough(world, purpose);
    expect(await world.sign(presented)).toEqual(LET_IN);
    expect(world.outcome()).toEqual([`asked ${purpose}`, 'entered registered']);
    expect(world.login.isIn).toBe(true);
    const [proof] = world.proofs;
    const proven = proof && verifyUserauth(proof.signed, proof.signature);
    if (!proven?.ok) throw new Error('the proof proves nothing');
    expect(proven.value.userName).toBe(world.user);
    expect(Buffer.from(proven.value.sshSessionId)).toEqual(Buffer.from(world.peer.sessionId));
  });

  it.each<readonly [string, (world: LoginWorld, presented: Presented) => Uint8Array]>([
    ['by another key', (world, presented) => world.signed(presented, {}, makeKey('ssh-ed25519'))],
    ['over another connection', (world, presented) => world.signed(presented, { sessionId: new Uint8Array(32) })],
    ['over another name', (world, presented) => world.signed(presented, { user: 'deploy+db-01' })],
    ['over another service', (world, presented) => world.signed(presented, { service: 'ssh-userauth' })],
    ['over an offer', (world, presented) => world.signed(presented, { signs: 0 })],
  ])('lets nobody in where it was made %s', async (_how, make) => {
    using world = await LoginWorld.open(purpose);
    const { answer, banners } = await world.peer.ask(make(world, enough(world, purpose)));
    expect(answer).toBe('FAILURE');
    expect(banners).toHaveLength(1);
    // Nothing is proven, so no key is named.
    expect(world.outcome()).toEqual(['refused proof_invalid']);
    expect(world.login.isIn).toBe(false);
  });

  it('lets nobody in where the request was another than the one that was read', async () => {
    using world = await LoginWorld.open(purpose);
    world.server.onMessage = (payload) => {
      const another = Buffer.from(payload);
      another.write('D', FIRST_OF_NAME);
      world.login.saw(another);
    };
    expect(await world.sign(enough(world, purpose))).toEqual(failed());
    expect(world.outcome()).toEqual([]);
  });

  it('lets nobody in where something follows it', async () => {
    using world = await LoginWorld.open(purpose);
    const signed = world.signed(enough(world, purpose));
    expect(await world.peer.ask(encode(signed, uint8(0)))).toEqual(failed());
    expect(world.outcome()).toEqual([]);
  });

  it('may fail only so often on one connection', async () => {
    using world = await LoginWorld.open(purpose);
    const presented = enough(world, purpose);
    const wrong = world.signed(presented, { user: 'somebody else' });
    const [first, ...others] = await each(FAILED_SIGNATURES_MAX - 1, () => world.peer.ask(wrong));
    const [sentence = ''] = first?.banners ?? [];
    expect(sentence).not.toBe('');
    expect(others).toEqual(others.map(() => failed()));
    expect(await world.sign(presented)).toEqual(LET_IN);
    using other = await LoginWorld.open(purpose);
    const again = other.signed(enough(other, purpose), { user: 'somebody else' });
    await each(FAILED_SIGNATURES_MAX - 1, () => other.peer.ask(again));
    expect(await other.peer.ask(again)).toMatchObject({
      answer: 'gone',
      bye: expect.stringContaining(sentence.trim()),
    });
    expect(other.outcome()).toEqual(['refused proof_invalid', 'refused too_many_failures']);
    expect(other.proofs).toEqual([]);
  });
});

async function each<T>(times: number, run: () => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  for (let n = 0; n < times; n += 1) found.push(await run());
  return found;
}

type Row = {
  readonly purpose: Purpose;
  readonly what: string;
  readonly make: (world: LoginWorld) => Presented;
  /** What the client reads; null where it reads nothing. */
  readonly says: ((presented: Presented) => string) | null;
  /** What is noted, with the key that signed; null where nothing is. */
  readonly reason: string | null;
};

const retired = (world: LoginWorld): Presented => {
  const presented = plain();
  world.knowKey(print(presented), true);
  return presented;
};
const about = (code: 'unknown_key' | 'key_retired') => (presented: Presented) =>
  words({ code, fingerprint: print(presented) as Fingerprint });
const over = (): string => words({ code: 'certificate_expired', at: EXPIRED_AT });
const otherCa = (): Presented => certified({}, OTHER_CA);

const REFUSED: readonly Row[] = [
  ...(['direct', 'inner'] as const).flatMap((purpose): Row[] => [
    { purpose, what: 'a plain key', make: () => plain(), says: null, reason: null },
    { purpose, what: 'a certificate that is over', make: expired, says: over, reason: 'certificate_expired' },
    { purpose, what: 'a certificate of another CA', make: otherCa, says: null, reason: 'certificate_refused' },
  ]),
  {
    purpose: 'jump',
    what: 'a key that nobody registered',
    make: () => plain(),
    says: about('unknown_key'),
    reason: 'unknown_key',
  },
  { purpose: 'jump', what: 'a key that is retired', make: retired, says: about('key_retired'), reason: 'key_retired' },
  { purpose: 'jump', what: 'a certificate that is over', make: expired, says: over, reason: 'certificate_expired' },
  { purpose: 'jump', what: 'a certificate of another CA', make: otherCa, says: null, reason: 'certificate_refused' },
  { purpose: 'register', what: 'a certificate', make: () => certified(), says: null, reason: null },
  { purpose: 'approve', what: 'a certificate', make: () => certified(), says: null, reason: null },
  {
    ...{ purpose: 'approve', what: 'a key that nobody registered', make: () => plain() },
    ...{ says: about('unknown_key'), reason: 'unknown_key' },
  },
  {
    ...{ purpose: 'approve', what: 'a key that is retired', make: retired },
    ...{ says: about('key_retired'), reason: 'key_retired' },
  },
];

const ROWS = REFUSED.map((row) => [row.purpose, row.what, row] as const);

describe('a signature of what does not suffice', () => {
  it.each(ROWS)('for %s: %s', async (purpose, _what, { make, says, reason }) => {
    using world = await LoginWorld.open(purpose);
    const presented = make(world);
    expect(await world.sign(presented)).toEqual(says ? failed(says(presented)) : failed());
    expect(world.outcome()).toEqual(reason === null ? [] : [`refused ${reason} ${print(presented)}`]);
    expect(world.login.isIn).toBe(false);
  });

  it.each(ROWS)('for %s, of %s, counts as a failure', async (purpose, _what, { make, says }) => {
    using world = await LoginWorld.open(purpose);
    const presented = make(world);
    for (let n = 1; n < FAILED_SIGNATURES_MAX; n += 1) expect((await world.sign(presented)).answer).toBe('FAILURE');
    const sentence = says ? says(presented) : LOGIN_ENDS.tooManyFailures;
    expect((await world.sign(presented)).bye).toBe(sentAway(sentence).bye);
    expect(world.proofs).toEqual([]);
  });
});

describe('a signature of a key', () => {
  it.each(KEY_TYPES)('of type %s lets in with its certificate, for direct', async (type) => {
    using world = await LoginWorld.open('direct');
    expect(await world.sign(certified({}, undefined, makeKey(type)))).toEqual(LET_IN);
  });

  it.each(KEY_TYPES)('of type %s lets in by itself, for register', async (type) => {
    using world = await LoginWorld.open('register');
    expect(await world.sign(plain(makeKey(type)))).toEqual(LET_IN);
  });

  it('that was offered first is decided on all the same', async () => {
    using world = await LoginWorld.open('direct');
    const presented = certified();
    expect((await world.offer(presented)).answer).toBe('PK_OK');
    expect(await world.sign(presented, {}, makeKey('ssh-ed25519'))).toMatchObject({ answer: 'FAILURE' });
    expect(await world.sign(presented)).toEqual(LET_IN);
    expect(world.proofs).toHaveLength(1);
  });

  it('after a request of another kind is of the last request alone', async () => {
    using world = await LoginWorld.open('direct');
    await world.peer.ask(asking.none(world.user));
    await world.offer(certified());
    expect(await world.sign(certified())).toEqual(LET_IN);
  });
});
