import { z } from 'zod';
import { DEFAULT_DOOR } from '../gateway/limits.ts';
import { parseAddressList } from '../sshwire/address.ts';

/** `gateway.waiting` and `gateway.proxy_protocol`: who may wait at the gateway before anybody is known, and from where. */

const Startups = z
  .string()
  .regex(/^[1-9]\d{0,4}:(?:100|[1-9]?\d):[1-9]\d{0,4}$/, 'must be start:rate:full, as in sshd’s MaxStartups')
  .refine((text) => {
    const [start = 0, , full = 0] = text.split(':').map(Number);
    return start <= full;
  }, 'start must not exceed full');

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
        'Connections that have not exchanged keys, across all workers, as start:rate:full (like sshd’s MaxStartups). Above start, a new connection can push out an idle one: in rate per cent of cases at start, rising to always at full.',
      examples: ['300:30:1000'],
    }),
    after_kex: Startups.default(startupsText(DEFAULT_DOOR.afterKex)).meta({
      description:
        'The same for connections that have exchanged keys, but have not yet offered a key or certificate that could log in or presented a valid registration code.',
      examples: ['100:30:300'],
    }),
    after_offer: z
      .int()
      .min(1)
      .max(10_000)
      .default(DEFAULT_DOOR.afterOffer)
      .meta({
        description:
          'Connections that have done so: here somebody types a passphrase or touches a key. None of them loses its place. Beyond this number they count under `after_kex`.',
        examples: [300],
      }),
    per_address: z
      .int()
      .min(1)
      .max(10_000)
      .default(DEFAULT_DOOR.perAddress)
      .meta({
        description:
          'How many connections from one address may be in each of these three groups. Raise it where many people share an address.',
        examples: [200],
      }),
    kex_seconds: seconds(DEFAULT_DOOR.kexMs).meta({
      description: 'How long a connection may take to exchange keys.',
      examples: [30],
    }),
    offer_seconds: seconds(DEFAULT_DOOR.offerMs).meta({
      description:
        'How long it may take to offer a key or certificate that could log in, or a key to register with a valid code.',
      examples: [60],
    }),
    login_seconds: seconds(DEFAULT_DOOR.loginMs).meta({
      description: 'How long it may take to log in, including typing a passphrase or touching a key.',
      examples: [120],
    }),
    ipv6_prefix: z
      .int()
      .min(16)
      .max(128)
      .default(DEFAULT_DOOR.ipv6Prefix)
      .meta({ description: 'IPv6 addresses that share this many bits count as one address.', examples: [64] }),
    favoured_hours: z
      .int()
      .min(0)
      .max(8_760)
      .default(DEFAULT_DOOR.favouredMs / 3_600_000)
      .meta({
        description:
          'How long an address is favoured after a login: others make room first, and its connections go to a worker first.',
        examples: [168],
      }),
  })
  .refine(({ kex_seconds, login_seconds }) => kex_seconds <= login_seconds, {
    path: ['login_seconds'],
    message: 'must not be shorter than kex_seconds',
  });

export const ProxyProtocol = z
  .array(
    z
      .string()
      .refine(
        (text) => !text.includes(',') && parseAddressList(text) !== null,
        'must be an IP address or a CIDR range, such as 10.0.0.0/8',
      ),
  )
  .max(100)
  .default([])
  .meta({
    description:
      'Load balancers in front of the gateway that use the PROXY protocol (version 1 or 2). Each connection from them must begin with its header, and the source address in it counts as the client’s everywhere. From any other address the header is refused.',
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
