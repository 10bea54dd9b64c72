import { readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Duration as LuxonDuration } from 'luxon';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { Policy } from './access/policy.ts';
import { Target } from './access/target.ts';

/** A setting that cannot be used: names the file, the path in it, what is wrong, and an example that works. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';
  readonly file: string;
  constructor(file: string, problems: readonly string[]) {
    super([`${file} cannot be used:`, ...problems.map((problem) => `  - ${problem}`)].join('\n'));
    this.name = 'ConfigError';
    this.file = file;
  }
}

const HostAndPort = z
  .string()
  .regex(/^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+):\d{1,5}$/, 'an address and a port')
  .transform((text, context) => {
    const colon = text.lastIndexOf(':');
    const port = Number(text.slice(colon + 1));
    if (port <= 65_535) return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port };
    context.addIssue({ code: 'custom', message: 'a port is at most 65535' });
    return z.NEVER;
  });

const Gateway = z.strictObject({
  listen: HostAndPort.default({ host: '0.0.0.0', port: 2222 }).meta({
    description: 'Where the SSH gateway listens: 0.0.0.0:2222 when left out. Port 0 takes any free port.',
    examples: ['0.0.0.0:2222'],
  }),
  public_host: z
    .string()
    .min(1)
    .regex(/^[A-Za-z0-9.:-]+$/, 'a host name or an IP address')
    .meta({ description: 'The name under which contractors reach the gateway.', examples: ['ssh.example.com'] }),
  public_port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .meta({
      description: 'The port under which contractors reach it; the listening one when left out.',
      examples: [22],
    }),
  workers: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .meta({ description: 'Worker processes that carry the sessions; one per core when left out.', examples: [2] }),
  connections_per_grant: z
    .int()
    .min(1)
    .max(1_000)
    .default(8)
    .meta({
      description: 'Connections at a time with one grant to one target. Ansible opens one per fork.',
      examples: [10],
    }),
  channels_per_connection: z
    .int()
    .min(1)
    .max(100)
    .default(10)
    .meta({ description: 'Channels at a time in one connection: what ControlMaster shares it among.', examples: [10] }),
  drain_seconds: z
    .int()
    .min(0)
    .max(3_600)
    .default(5)
    .meta({
      description: 'How long live sessions may go on when the gateway is told to stop; people are told at once.',
      examples: [60],
    }),
  source_address: z
    .string()
    .regex(/^[0-9a-fA-F.:]+(?:\/\d{1,3})?$/, 'an IP address or a CIDR range')
    .nullable()
    .default(null)
    .meta({
      description:
        'The gateway’s address as targets see it; upstream certificates are then good from there only. `daypass targets check` measures it. null behind NAT.',
      examples: ['192.0.2.10'],
    }),
  min_free_mib: z
    .int()
    .min(0)
    .default(500)
    .meta({ description: 'With less free space than this for recordings, new sessions are refused.', examples: [500] }),
  control_uid: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'The uid that control runs under where `serve` is started as root.', examples: [990] }),
  control_gid: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'The gid that control runs under.', examples: [990] }),
  worker_uid: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'The uid that workers run under where `serve` is started as root.', examples: [991] }),
  worker_gid: z
    .int()
    .min(1)
    .optional()
    .meta({ description: 'The gid that workers run under.', examples: [991] }),
});

const Slack = z.strictObject({
  security_channel: z
    .string()
    .regex(/^[CG][A-Z0-9]{2,}$/, 'a Slack channel id; it begins with C')
    .meta({
      description: 'The channel of security: commands, addresses and file transfers go here.',
      examples: ['C0123456789'],
    }),
  security_users: z
    .array(z.string().regex(/^[UW][A-Z0-9]{2,}$/, 'a Slack user id; it begins with U'))
    .default([])
    .meta({ description: 'People of security: they may end any grant and any session.', examples: [['U0123456789']] }),
  api_url: z
    .url({ protocol: /^https?$/ })
    .endsWith('/', 'a URL that ends in a slash')
    .optional()
    .meta({ description: 'Another Slack API, for GovSlack or a proxy.', examples: ['https://slack-gov.com/api/'] }),
});

const Recordings = z.strictObject({
  recipients: z
    .array(z.string().regex(/^age1[02-9ac-hj-np-z]{20,3000}$/, 'an age recipient, as `age-keygen -y` prints it'))
    .max(16)
    .default([])
    .meta({
      description:
        'Who can read recordings: age recipients, at least one. `daypass init` makes the first pair and puts its recipient here.',
      examples: [['age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p']],
    }),
  retention: z
    .string()
    .refine((text) => {
      const duration = LuxonDuration.fromISO(text);
      return duration.isValid && duration.toMillis() >= 60_000;
    }, 'an ISO 8601 duration of at least a minute')
    .optional()
    .meta({
      description: 'Recordings older than this are erased: their keys are destroyed. Kept for good when left out.',
      examples: ['P90D'],
    }),
});

/** daypass.yml: the only description of settings. */
export const Settings = z.strictObject({
  site: z
    .string()
    .regex(/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/, 'a DNS label: a-z, 0-9 and inner hyphens')
    .meta({ description: 'The site’s name: clients say `<target>.<site>.daypass`.', examples: ['acme'] }),
  data_dir: z
    .string()
    .min(1)
    .meta({
      description: 'Folder of keys, recordings and the embedded database; relative to this file.',
      examples: ['./data'],
    }),
  gateway: Gateway,
  slack: Slack,
  recordings: Recordings.prefault({}),
  events: z
    .literal('stdout')
    .optional()
    .meta({
      description: 'Writes every audit event as one JSON line to stdout; the log then goes to stderr.',
      examples: ['stdout'],
    }),
});

/** targets.yml */
export const TargetsFile = z.strictObject({ targets: z.array(Target).max(1_000) });

/** Secrets come from the environment and nowhere else. */
export const Secrets = z.object({
  SLACK_BOT_TOKEN: z
    .string()
    .startsWith('xoxb-')
    .meta({ description: 'Bot token of the Slack app.', examples: ['xoxb-…'] }),
  SLACK_APP_TOKEN: z
    .string()
    .startsWith('xapp-')
    .meta({ description: 'App-level token with connections:write.', examples: ['xapp-…'] }),
  DAYPASS_DATABASE_URL: z
    .string()
    .regex(/^postgres(?:ql)?:\/\//)
    .optional()
    .meta({
      description: 'PostgreSQL; the embedded database when left out.',
      examples: ['postgresql://daypass:…@db/daypass'],
    }),
});

export type Config = {
  readonly file: string;
  readonly site: string;
  readonly dataDir: string;
  readonly gateway: z.infer<typeof Gateway>;
  readonly slack: z.infer<typeof Slack>;
  readonly recordings: z.infer<typeof Recordings>;
  readonly events: 'stdout' | null;
  readonly targets: readonly Target[];
  readonly policy: Policy;
};

export const TARGETS_FILE = 'targets.yml';
export const POLICY_FILE = 'policy.yml';

/**
 * Reads daypass.yml and the targets.yml and policy.yml beside it. Throws a ConfigError that names every problem with its path
 * and an example.
 */
export function loadConfig(file: string): Config {
  const folder = dirname(resolve(file));
  const settings = read(file, Settings);
  const targets = read(join(folder, TARGETS_FILE), TargetsFile).targets;
  const twice = targets.find((target, index) => targets.findIndex((other) => other.id === target.id) !== index);
  if (twice)
    throw new ConfigError(join(folder, TARGETS_FILE), [`targets: the id ${twice.id} is used twice; ids are unique`]);
  return {
    file: resolve(file),
    site: settings.site,
    dataDir: resolve(folder, settings.data_dir),
    gateway: settings.gateway,
    slack: settings.slack,
    recordings: settings.recordings,
    events: settings.events ?? null,
    targets,
    policy: read(join(folder, POLICY_FILE), Policy),
  };
}

/** To whom recordings are readable; throws a ConfigError where that is nobody. */
export function recipientsOf({ file, recordings }: Config): readonly string[] {
  if (recordings.recipients.length > 0) return recordings.recipients;
  const example = JSON.stringify(exampleOf(at(Settings, ['recordings', 'recipients'])));
  throw new ConfigError(file, [
    `recordings.recipients: nobody could read what is recorded; \`daypass init\` makes a key pair and puts its recipient here, for example ${example}`,
  ]);
}

/** The secrets of the environment; throws a ConfigError that names the missing ones. */
export function loadSecrets(environment: NodeJS.ProcessEnv): z.infer<typeof Secrets> {
  const parsed = Secrets.safeParse(environment);
  if (parsed.success) return parsed.data;
  throw new ConfigError('The environment', problems(Secrets, parsed.error));
}

const FILE_MAX_BYTES = 4 * 1024 * 1024;

function read<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  let text: string;
  try {
    if (statSync(file).size > FILE_MAX_BYTES) throw new ConfigError(file, ['larger than 4 MiB']);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(file, [`${why}. \`daypass init\` writes one to begin with.`]);
  }
  let content: unknown;
  try {
    content = parseYaml(text);
  } catch (cause) {
    if (!(cause instanceof YAMLParseError)) throw cause;
    throw new ConfigError(file, [`not YAML: ${cause.message}`]);
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new ConfigError(file, problems(schema, parsed.error));
}

function problems(schema: z.ZodType, error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const known = Object.keys(childrenOf(at(schema, issue.path)));
        return `${[...issue.path, key].join('.')}: unknown setting; known here: ${known.join(', ')}`;
      });
    }
    const path = issue.path.join('.') || '(the whole file)';
    const example = exampleOf(at(schema, issue.path));
    const missing = issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('undefined');
    const what = missing ? 'missing' : issue.message;
    return `${path}: ${what}${example === null ? '' : `; for example ${JSON.stringify(example)}`}`;
  });
}

function at(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | null {
  let here: z.ZodType | null = schema;
  for (const step of path) {
    const inner: z.ZodType | null = here && unwrap(here);
    if (inner instanceof z.ZodObject) here = (inner.shape as Record<string, z.ZodType>)[String(step)] ?? null;
    else if (inner instanceof z.ZodArray) here = inner.element as z.ZodType;
    else here = null;
  }
  return here;
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodNullable) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  return schema;
}

const childrenOf = (schema: z.ZodType | null): Record<string, unknown> => {
  const inner = schema && unwrap(schema);
  return inner instanceof z.ZodObject ? inner.shape : {};
};

function exampleOf(schema: z.ZodType | null): unknown {
  for (let here = schema; here; ) {
    const examples: unknown = here.meta()?.['examples'];
    if (Array.isArray(examples) && examples.length > 0) return examples[0];
    const inner = unwrap(here);
    here = inner === here ? null : inner;
  }
  return null;
}
