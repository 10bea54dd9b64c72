import { z } from 'zod';

const Http = z.strictObject({
  host: z
    .string()
    .max(253)
    .regex(/^[A-Za-z0-9:][A-Za-z0-9.:-]*$/, 'must be an IP address or a host name')
    .default('127.0.0.1')
    .meta({
      description:
        'With `slack.transport: http`: the address that Daypass listens on for the reverse proxy. TLS ends there, so keep it on loopback unless the proxy is on another host.',
      examples: ['127.0.0.1'],
    }),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .meta({ description: 'The port that it listens on there.', examples: [3000] }),
  path: z
    .string()
    .max(200)
    .regex(
      /^(?:\/[A-Za-z0-9_-]+)+$/,
      'must be a path such as /slack/events: letters, digits, hyphens and underscores between slashes',
    )
    .default('/slack/events')
    .meta({
      description: 'The path of the request URL, as it stands in the app’s settings at Slack.',
      examples: ['/slack/events'],
    }),
});

/** The settings under `slack`. */
export const Slack = z
  .strictObject({
    security_channel: z
      .string()
      .regex(/^[CG][A-Z0-9]{2,}$/, 'must be a Slack channel id, which begins with C')
      .meta({
        description: 'Security’s channel: commands, addresses and file transfers are posted here.',
        examples: ['C0123456789'],
      }),
    security_users: z
      .array(z.string().regex(/^[UW][A-Z0-9]{2,}$/, 'must be a Slack user id, which begins with U'))
      .default([])
      .meta({ description: 'The security team: they may end any grant and any session.', examples: [['U0123456789']] }),
    api_url: z
      .url({ protocol: /^https?$/ })
      .endsWith('/', 'must be a URL that ends in a slash')
      .optional()
      .meta({ description: 'A different Slack API, such as GovSlack’s.', examples: ['https://slack-gov.com/api/'] }),
    proxy: z
      .url({ protocol: /^https?$/ })
      .optional()
      .meta({
        description:
          'A forward proxy for all traffic to Slack, both API and Socket Mode. If omitted, `HTTPS_PROXY`. Hosts in `NO_PROXY` are reached without it. A proxy with a password is better set in `HTTPS_PROXY`.',
        examples: ['http://proxy.example:3128'],
      }),
    transport: z
      .enum(['socket', 'http'])
      .default('socket')
      .meta({
        description:
          'How Slack reaches Daypass. With `socket`, Daypass connects to Slack (Socket Mode), and nothing has to be reachable from the internet. With `http`, Slack sends signed requests to a reverse proxy, which passes them on to `slack.http`.',
        examples: ['http'],
      }),
    http: Http.optional(),
  })
  .refine(({ transport, http }) => transport === 'socket' || http !== undefined, {
    path: ['http'],
    message: 'missing: `transport: http` needs the port that the reverse proxy passes requests on to',
  })
  .refine(({ transport, http }) => transport === 'http' || http === undefined, {
    path: ['transport'],
    message: 'must be http for slack.http to be used; set it, or remove slack.http',
  });
