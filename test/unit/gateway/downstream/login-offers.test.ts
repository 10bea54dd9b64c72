import { describe, expect, it } from 'vitest';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import type { Purpose } from '../../../../src/gateway/downstream/login.ts';
import { registrationDigest } from '../../../../src/gateway/pipe/registry.ts';
import { missing } from '../../../../src/gateway/words/refusals.ts';
import { encode, mpint, string, uint8 } from '../../../../src/sshwire/bytes.ts';
import { stringOption } from '../../../../src/sshwire/certificate.ts';
import { asking, type Heard } from '../../../support/peers/login-peer.ts';
import { makeKey } from '../../../support/peers/ssh-keys.ts';
import {
  ACCEPTED,
  AT,
  CODE,
  certified,
  EXPIRED_AT,
  expired,
  failed,
  LoginWorld,
  OTHER_CA,
  type Presented,
  plain,
  print,
  sentAway,
  words,
} from '../../../support/worlds/login-world.ts';

const RSA = makeKey('ssh-rsa');
/** Nobody has its other half: of 1,024 bits. */
const WEAK: Presented = {
  ...{ key: RSA, algorithm: 'rsa-sha2-512' },
  blob: encode(string('ssh-rsa'), mpint(uint8(65)), mpint(new Uint8Array(128).fill(0xa5))),
};
const OF_ELSEWHERE = { criticalOptions: [stringOption('source-address', '198.51.100.0/24')] };

type Offer = {
  readonly what: string;
  readonly make: (world: LoginWorld) => Presented;
  readonly heard: (presented: Presented) => Heard;
  /** What the connection is told. */
  readonly told: readonly string[];
  /** What it reads where it has no other key, and what is noted then. */
  readonly atEnd?: readonly [(presented: Presented) => string, string | null];
};

const unread = (presented: Presented): Presented => ({ ...presented, blob: presented.blob.subarray(0, -1) });
const known = (isRetired: boolean) => (world: LoginWorld) => {
  const presented = plain();
  world.knowKey(print(presented), isRetired);
  return presented;
};
const retired = (presented: Presented): string =>
  words({ code: 'key_retired', fingerprint: print(presented) as Fingerprint });
const tooWeak = (): string => words({ code: 'key_too_weak', why: 'its RSA key has 1024 bits, and 3072 are needed' });
const expiredWords = (): string => words({ code: 'certificate_expired', at: EXPIRED_AT });
const none = (purpose: Purpose) =>
  [() => missing(purpose, AT), purpose === 'register' ? 'no_key' : 'no_certificate'] as const;
const elsewhere = (): string => words({ code: 'certificate_refused', why: 'it cannot be used from this address' });

const OF_CERTIFICATES: readonly Offer[] = [
  { what: 'a certificate', make: () => certified(), heard: () => ACCEPTED, told: ['offered <key>'] },
  {
    what: 'a certificate of an RSA key',
    make: () => certified({}, undefined, RSA),
    heard: () => ACCEPTED,
    told: ['offered <key>'],
  },
  { what: 'a plain key', make: () => plain(), heard: () => failed(), told: [], atEnd: none('direct') },
  {
    what: 'a plain key that is registered',
    make: known(false),
    heard: () => failed(),
    told: [],
    atEnd: none('direct'),
  },
  {
    what: 'a certificate that is over',
    make: expired,
    heard: () => failed(expiredWords()),
    told: ['refused certificate_expired'],
    atEnd: [expiredWords, null],
  },
  {
    what: 'a certificate of another CA',
    make: () => certified({}, OTHER_CA),
    heard: () => failed(),
    told: [],
    atEnd: none('direct'),
  },
  {
    what: 'a certificate for another address',
    make: () => certified(OF_ELSEWHERE),
    heard: () => failed(elsewhere()),
    told: ['refused certificate_refused'],
    atEnd: [elsewhere, null],
  },
  {
    what: 'a certificate that breaks off',
    make: () => unread(certified()),
    heard: () => failed(),
    told: [],
    atEnd: none('direct'),
  },
];

const OF_JUMPS: readonly Offer[] = [
  { what: 'a plain key that is registered', make: known(false), heard: () => ACCEPTED, told: ['offered <key>'] },
  { what: 'a plain key that is not', make: () => plain(), heard: () => failed(), told: [], atEnd: none('jump') },
  {
    what: 'a plain key that is retired',
    make: known(true),
    heard: (presented) => failed(retired(presented)),
    told: [],
    atEnd: [retired, 'key_retired'],
  },
  {
    what: 'a plain key that breaks off',
    make: () => unread(plain()),
    heard: () => failed(),
    told: [],
    atEnd: none('jump'),
  },
  { what: 'a certificate', make: () => certified(), heard: () => ACCEPTED, told: ['offered <key>'] },
  // Its plain key may come next: only at the end it is worth a word.
  {
    what: 'a certificate that is over',
    make: expired,
    heard: () => failed(),
    told: [],
    atEnd: [expiredWords, 'certificate_expired'],
  },
  {
    what: 'a certificate of another CA',
    make: () => certified({}, OTHER_CA),
    heard: () => failed(),
    told: [],
    atEnd: none('jump'),
  },
];

const OF_REGISTRATIONS: readonly Offer[] = [
  { what: 'a plain key', make: () => plain(), heard: () => ACCEPTED, told: ['offered <code>'] },
  { what: 'an RSA key', make: () => plain(RSA), heard: () => ACCEPTED, told: ['offered <code>'] },
  {
    what: 'an RSA key that would sign with SHA-1',
    make: () => ({ ...plain(RSA), algorithm: 'ssh-rsa' }),
    heard: () => failed(),
    told: [],
    atEnd: none('register'),
  },
  {
    what: 'an RSA key that is too weak',
    make: () => WEAK,
    heard: () => failed(tooWeak()),
    told: ['refused key_too_weak'],
    atEnd: [tooWeak, null],
  },
  { what: 'a certificate', make: () => certified(), heard: () => failed(), told: [], atEnd: none('register') },
];

const OF_APPROVALS: readonly Offer[] = [
  { what: 'a plain key that is registered', make: known(false), heard: () => ACCEPTED, told: ['offered <key>'] },
  { what: 'a plain key that is not', make: () => plain(), heard: () => failed(), told: [], atEnd: none('approve') },
  {
    what: 'a plain key that is retired',
    make: known(true),
    heard: (presented) => failed(retired(presented)),
    told: [],
    atEnd: [retired, 'key_retired'],
  },
  { what: 'a certificate', make: () => certified(), heard: () => failed(), told: [], atEnd: none('approve') },
  { what: 'a certificate that is over', make: expired, heard: () => failed(), told: [], atEnd: none('approve') },
];

const ROWS = (
  [
    ['direct', OF_CERTIFICATES],
    ['inner', OF_CERTIFICATES],
    ['jump', OF_JUMPS],
    ['register', OF_REGISTRATIONS],
    ['approve', OF_APPROVALS],
  ] as const
).flatMap(([purpose, offers]) => offers.map((offer) => [purpose, offer.what, offer] as const));

describe('an offer of a key that nothing was signed with yet', () => {
  it.each(ROWS)('for %s: %s', async (purpose, _what, { make, heard, told, atEnd }) => {
    using world = await LoginWorld.open(purpose);
    const presented = make(world);
    expect(await world.offer(presented)).toEqual(heard(presented));
    const filled = told.map((line) =>
      line.replace('<key>', print(presented)).replace('<code>', registrationDigest(CODE)),
    );
    expect(world.outcome()).toEqual(filled);
    if (!atEnd) return;
    const [sentence, reason] = atEnd;
    const end = await world.peer.ask(asking.interactive(world.user));
    expect(end).toMatchObject({ answer: 'gone', bye: sentAway(sentence(presented)).bye });
    expect(world.outcome()).toEqual(reason === null ? [] : [`refused ${reason}`]);
  });

  it.each(ROWS)('for %s of %s asks control nothing and lets nobody in', async (purpose, _what, { make }) => {
    using world = await LoginWorld.open(purpose);
    await world.offer(make(world));
    expect(world.proofs).toEqual([]);
    expect(world.login.isIn).toBe(false);
  });

  it('for jump may be of an old certificate and then of a key that suffices, and nothing is noted', async () => {
    using world = await LoginWorld.open('jump');
    const presented = plain();
    world.knowKey(print(presented));
    expect(await world.offer(expired())).toEqual(failed());
    expect(await world.offer(presented)).toEqual(ACCEPTED);
    expect(world.outcome()).toEqual([`offered ${print(presented)}`]);
  });

  it('is noted once for each reason, however often it comes, and told once', async () => {
    using world = await LoginWorld.open('direct');
    expect(await world.offer(expired())).toEqual(failed(expiredWords()));
    expect(await world.offer(expired())).toEqual(failed());
    expect(await world.offer(certified(OF_ELSEWHERE))).toEqual(failed());
    expect(world.outcome()).toEqual(['refused certificate_expired', 'refused certificate_refused']);
  });

  it('of a kind that is taken is enough for what is said at the end to be of what is missing', async () => {
    using world = await LoginWorld.open('direct');
    await world.peer.ask(asking.offer(world.user, 'ssh-xmss@openssh.com', encode(string('ssh-xmss@openssh.com'))));
    await world.offer(plain());
    expect(await world.peer.ask(asking.interactive(world.user))).toEqual(sentAway(missing('direct', AT)));
  });
});
