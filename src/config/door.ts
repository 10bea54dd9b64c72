import { z } from 'zod';
import { DEFAULT_DOOR } from '../gateway/limits.ts';
import { parseAddressList } from '../sshwire/address.ts';

/** `gateway.waiting` and `gateway.proxy_protocol`: who may wait at the gateway before anybody is known, and from where. */

const Startups = z
  .string()
  .regex(/^[1-9]\d{0,4}:(?:100|[1-9]?\d):[1-9]\d{0,4}$/, 'start:rate:full, as sshd has it for MaxStartups')
  .refine((text) => {
    const [start = 0, , full = 0] = text.split(':').map(Number);
    return start <= full;
  }, 'start is at most full');

type Startups = (typeof DEFAULT_DOOR)['beforeKex'];
const startupsText = ({ start, rate, full }: Startups): string => `${start}:${rate}:${full}`;
const startupsOf = (text: string): Startups => {
  const [start = 0, rate = 0, full = 0] = text.split(':').map(Number);
  return { start, rate, full };
};

const seconds = (ms: number) =>
  z
    .int()
    .min(1)
    .max(600)
    .default(ms / 1_000);

export const Waiting = z
  .strictObject({
    before_kex: Startups.default(startupsText(DEFAULT_DOOR.beforeKex)).meta({
      description:
        'Connections that have not exchanged keys, over all workers, as start:rate:full (as sshd’s MaxStartups): above start, each new one costs one of the idle its place by chance, from rate per cent up to always at full.',
      examples: ['300:30:1000'],
    }),
    after_kex: Startups.default(startupsText(DEFAULT_DOOR.afterKex)).meta({
      description:
        'The same for those that have, and have neither offered a key or certificate that could log in nor come with a registration code that is good.',
      examples: ['100:30:300'],
    }),
    after_offer: z
      .int()
      .min(1)
      .max(10_000)
      .default(DEFAULT_DOOR.afterOffer)
      .meta({
        description:
          'Connections that have: a passphrase is typed or a key touched there. None of them loses its place; beyond this number they count as the ones before.',
        examples: [300],
      }),
    per_address: z
      .int()
      .min(1)
      .max(10_000)
      .default(DEFAULT_DOOR.perAddress)
      .meta({
        description: 'How many of one address may be in each of the three. Raise it where many people share one.',
        examples: [200],
      }),
    kex_seconds: seconds(DEFAULT_DOOR.kexMs).meta({
      description: 'How long a connection may take to exchange keys.',
      examples: [30],
    }),
    offer_seconds: seconds(DEFAULT_DOOR.offerMs).meta({
      description:
        'How long until it has offered a key or certificate that could log in, or a key to register with a code that is good.',
      examples: [60],
    }),
    login_seconds: seconds(DEFAULT_DOOR.loginMs).meta({
      description: 'How long until it is in: passphrases and touches are in this time.',
      examples: [120],
    }),
    ipv6_prefix: z
      .int()
      .min(16)
      .max(128)
      .default(DEFAULT_DOOR.ipv6Prefix)
      .meta({ description: 'IPv6 addresses that share so many bits count as one address.', examples: [64] }),
    favoured_hours: z
      .int()
      .min(0)
      .max(8_760)
      .default(DEFAULT_DOOR.favouredMs / 3_600_000)
      .meta({
        description:
          'How long after a login its address is favoured: others make room first, and its connections go to a worker first.',
        examples: [168],
      }),
  })
  .refine(({ kex_seconds, login_seconds }) => kex_seconds <= login_seconds, {
    path: ['login_seconds'],
    message: 'shorter than kex_seconds',
  });

export const ProxyProtocol = z
  .array(
    z
      .string()
      .refine(
        (text) => !text.includes(',') && parseAddressList(text) !== null,
        'an IP address or a CIDR range, such as 10.0.0.0/8',
      ),
  )
  .max(100)
  .default([])
  .meta({
    description:
      'Load balancers in front of the gateway that speak the PROXY protocol (version 1 or 2). Each connection from there has to begin with its header, whose source address then is the client’s everywhere; from anywhere else the header is refused.',
    examples: [['10.0.0.5', '10.1.0.0/24']],
  });

/** What who listens has to know of them. */
export function doorOf(waiting: z.infer<typeof Waiting>): typeof DEFAULT_DOOR {
  return {
    beforeKex: startupsOf(waiting.before_kex),
    afterKex: startupsOf(waiting.after_kex),
    afterOffer: waiting.after_offer,
    perAddress: waiting.per_address,
    kexMs: waiting.kex_seconds * 1_000,
    offerMs: waiting.offer_seconds * 1_000,
    loginMs: waiting.login_seconds * 1_000,
    ipv6Prefix: waiting.ipv6_prefix,
    favouredMs: waiting.favoured_hours * 3_600_000,
  };
}
