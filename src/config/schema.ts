import { isIPv6 } from 'node:net';
import { Duration as LuxonDuration } from 'luxon';
import { z } from 'zod';
import { Target } from '../access/target.ts';
import { CIPHERS, DEFAULT_CIPHERS, DEFAULT_KEX, DEFAULT_MACS, KEX, MACS } from '../gateway/ssh/algorithms.ts';
import { parseAddressList } from '../sshwire/address.ts';
import { ProxyProtocol, Waiting } from './door.ts';
import { Slack } from './slack.ts';

const HostAndPort = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'must be an address and a port')
  .transform((text, context) => {
    const colon = text.lastIndexOf(':');
    const port = Number(text.slice(colon + 1));
    if (port <= 65_535) return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port };
    context.addIssue({ code: 'custom', message: 'the port must be at most 65535' });
    return z.NEVER;
  });

const Gateway = z
  .strictObject({
    listen: HostAndPort.default({ host: '0.0.0.0', port: 2222 }).meta({
      description: 'Where the SSH gateway listens. If omitted, 0.0.0.0:2222. Port 0 takes any free port.',
      examples: ['0.0.0.0:2222'],
    }),
    public_host: z
      .string()
      .min(1)
      .max(253)
      .regex(/^[A-Za-z0-9:][A-Za-z0-9.:-]*$/, 'must be a host name or an IP address')
      .refine(
        (host) => !host.includes(':') || isIPv6(host),
        'must be a host name or an IP address without a port; set the port in public_port',
      )
      .meta({ description: 'The name that contractors use to reach the gateway.', examples: ['ssh.example.com'] }),
    public_port: z
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .meta({
        description: 'The port that contractors use to reach it. If omitted, the port it listens on.',
        examples: [22],
      }),
    workers: z
      .int()
      .min(1)
      .max(64)
      .optional()
      .meta({ description: 'Worker processes that carry the sessions. If omitted, one per core.', examples: [2] }),
    connections_per_grant: z
      .int()
      .min(1)
      .max(1_000)
      .default(8)
      .meta({
        description: 'How many connections one grant allows to one target at a time. Ansible opens one per fork.',
        examples: [10],
      }),
    channels_per_connection: z
      .int()
      .min(1)
      .max(100)
      .default(10)
      .meta({
        description:
          'How many shells, commands and transfers can share one connection at a time, as with ControlMaster.',
        examples: [10],
      }),
    tunnels_per_connection: z
      .int()
      .min(1)
      .max(1_000)
      .default(200)
      .meta({
        description:
          'How many connections can go through the tunnels of one connection at a time. IDEs and browsers open many.',
        examples: [200],
      }),
    keepalive_seconds: z
      .int()
      .min(5)
      .max(600)
      .default(30)
      .meta({
        description: 'How long a client may be silent before the gateway asks whether it is still there.',
        examples: [30],
      }),
    unanswered_seconds: z
      .int()
      .min(10)
      .max(86_400)
      .default(900)
      .meta({
        description:
          'How long a client that does not answer keeps its session while its TCP connection holds, such as a sleeping laptop. The session still ends when the access ends.',
        examples: [900],
      }),
    lease_new_seconds: z
      .int()
      .min(3)
      .max(3_600)
      .default(30)
      .meta({
        description:
          'How long new sessions may start after control last read what was revoked, if the database is unreachable or control is gone.',
        examples: [30],
      }),
    lease_live_seconds: z
      .int()
      .min(3)
      .max(86_400)
      .default(120)
      .meta({
        description: 'The same for live sessions. After this time they end, because control could no longer end them.',
        examples: [120],
      }),
    waiting: Waiting.prefault({}),
    proxy_protocol: ProxyProtocol,
    drain_seconds: z
      .int()
      .min(0)
      .max(3_600)
      .default(5)
      .meta({
        description: 'How long live sessions may continue once the gateway is stopping. People are told at once.',
        examples: [60],
      }),
    source_address: z
      .string()
      .refine(
        (text) => !text.includes(',') && parseAddressList(text) !== null,
        'must be an IP address or a CIDR range, such as 10.0.0.0/8',
      )
      .nullable()
      .default(null)
      .meta({
        description:
          'The gateway’s address as targets see it. Upstream certificates then work only from there. `daypass targets check` measures it. Use null behind NAT.',
        examples: ['192.0.2.10'],
      }),
    kex: z
      .array(z.enum(KEX))
      .min(1)
      .default([...DEFAULT_KEX])
      .meta({
        description:
          'Key exchange methods that contractors’ clients may choose from. diffie-hellman-group14-sha256 and ecdh-sha2-nistp256, -nistp384 and -nistp521 are for clients that support nothing else; ssh-audit warns about them. diffie-hellman-group16-sha512 and the two larger curves take so much time that a flood of handshakes slows down everybody on a worker: list them only where they are needed.',
        examples: [[...DEFAULT_KEX, 'diffie-hellman-group14-sha256']],
      }),
    ciphers: z
      .array(z.enum(CIPHERS))
      .min(1)
      .optional()
      .meta({
        description: `Ciphers that contractors’ clients may choose from. The client’s order decides. If omitted: ${DEFAULT_CIPHERS.join(' and ')}, plus AES-CTR for clients other than OpenSSH, which supports these two (libssh2 up to 1.10, paramiko up to 3.4, Dropbear, Ruby). If chacha20-poly1305@openssh.com or AES-CTR is listed here, OpenSSH prefers it, and it is slower.`,
        examples: [[...DEFAULT_CIPHERS, 'aes256-ctr']],
      }),
    macs: z
      .array(z.enum(MACS))
      .min(1)
      .default([...DEFAULT_MACS])
      .meta({
        description:
          'MACs that contractors’ clients may choose from if their cipher needs one. hmac-sha2-256 and hmac-sha2-512 are for clients that support nothing else, such as libssh2 up to 1.10 (curl, PHP) and Dropbear; ssh-audit warns about them.',
        examples: [[...DEFAULT_MACS, 'hmac-sha2-256']],
      }),
    target_login_seconds: z
      .int()
      .min(5)
      .max(240)
      .default(60)
      .meta({
        description:
          'How long a target may take to log the gateway in after the key exchange. Reverse DNS or PAM can make this slow.',
        examples: [60],
      }),
    min_free_mib: z
      .int()
      .min(0)
      .default(500)
      .meta({
        description:
          'With less free space than this for recordings, new sessions are refused. With less than a fifth of it, live ones end.',
        examples: [500],
      }),
    control_uid: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'The uid that control runs under if `serve` is started as root.', examples: [990] }),
    control_gid: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'The gid that control runs under.', examples: [990] }),
    worker_uid: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'The uid that workers run under if `serve` is started as root.', examples: [991] }),
    worker_gid: z
      .int()
      .min(1)
      .optional()
      .meta({ description: 'The gid that workers run under.', examples: [991] }),
  })
  .refine((gateway) => gateway.lease_live_seconds >= gateway.lease_new_seconds, {
    path: ['lease_live_seconds'],
    message: 'must not be shorter than lease_new_seconds: new sessions would end at once',
  });

const Recordings = z.strictObject({
  recipients: z
    .array(z.string().regex(/^age1[0-9a-z]{20,3000}$/, 'must be an age recipient, as `age-keygen -y` prints it'))
    .max(16)
    .default([])
    .meta({
      description:
        'Who can read recordings: at least one age recipient. `daypass init` makes the first key pair and adds its recipient here.',
      examples: [['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p']],
    }),
  retention: z
    .string()
    .refine((text) => {
      const duration = LuxonDuration.fromISO(text);
      return duration.isValid && duration.toMillis() >= 60_000;
    }, 'must be an ISO 8601 duration of at least a minute')
    .optional()
    .meta({
      description:
        'Recordings older than this are erased: their keys are destroyed. If omitted, recordings are kept permanently.',
      examples: ['P90D'],
    }),
});

/** daypass.yml: the only description of settings. */
export const Settings = z.strictObject({
  site: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'must be a DNS label: a-z, 0-9 and inner hyphens')
    .meta({ description: 'The site’s name. Clients use `<target>.<site>.daypass`.', examples: ['acme'] }),
  data_dir: z
    .string()
    .min(1)
    .meta({
      description: 'Folder for keys, recordings and the embedded database, relative to this file.',
      examples: ['./data'],
    }),
  gateway: Gateway,
  slack: Slack,
  recordings: Recordings.prefault({}),
  reload: z
    .enum(['auto', 'manual'])
    .default('auto')
    .meta({
      description:
        'When a running control reads these files again: `auto` when one of them has changed, `manual` only at `daypass reload` or SIGHUP.',
      examples: ['manual'],
    }),
  events: z
    .literal('stdout')
    .optional()
    .meta({
      description: 'Writes every audit event as one JSON line to stdout. The log then goes to stderr.',
      examples: ['stdout'],
    }),
});

/** targets.yml */
export const TargetsFile = z.strictObject({ targets: z.array(Target).max(1_000) });

const CommonSecrets = z.object({
  SLACK_BOT_TOKEN: z
    .string()
    .startsWith('xoxb-')
    .meta({ description: 'Bot token of the Slack app.', examples: ['xoxb-…'] }),
  DAYPASS_DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//)
    .optional()
    .meta({
      description: 'The PostgreSQL database. If omitted, the embedded one.',
      examples: ['postgresql://daypass:…@db/daypass'],
    }),
});
const SLACK_APP_TOKEN = z.string().startsWith('xapp-');
/** Slack's are 32 hex digits; a short one could be guessed. */
const SLACK_SIGNING_SECRET = z
  .string()
  .regex(/^[A-Za-z0-9]{32,128}$/, 'must be the app’s signing secret: at least 32 letters and digits, and nothing else');

/** Secrets come from the environment and nowhere else. */
export const Secrets = z.object({
  SLACK_BOT_TOKEN: CommonSecrets.shape.SLACK_BOT_TOKEN,
  SLACK_APP_TOKEN: SLACK_APP_TOKEN.optional().meta({
    description:
      'App-level token with connections:write, for Socket Mode. If omitted, `slack.transport` must be `http`.',
    examples: ['xapp-…'],
  }),
  SLACK_SIGNING_SECRET: SLACK_SIGNING_SECRET.optional().meta({
    description:
      'The app’s signing secret, by which Daypass knows that a request is from Slack. If omitted, `slack.transport` must be `socket`.',
    examples: ['8f742231b10e8888abcd99yyyzzz85a5'],
  }),
  DAYPASS_DATABASE_URL: CommonSecrets.shape.DAYPASS_DATABASE_URL,
});

/** With each way in which Slack reaches Daypass, the secret that it needs has to be there. */
export const SECRETS_OF = {
  socket: CommonSecrets.extend({ SLACK_APP_TOKEN: SLACK_APP_TOKEN.meta({ examples: ['xapp-…'] }) }),
  http: CommonSecrets.extend({
    SLACK_SIGNING_SECRET: SLACK_SIGNING_SECRET.meta({ examples: ['8f742231b10e8888abcd99yyyzzz85a5'] }),
  }),
};
