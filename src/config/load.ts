import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { Policy } from '../access/policy.ts';
import type { Target } from '../access/target.ts';
import { exampleAt, type LineOf, type Problem, problemsOf, worded } from './problems.ts';
import { SECRETS_OF, Settings, TargetsFile } from './schema.ts';

/** A setting that cannot be used: names the file, the path in it, what is wrong, and an example that works. */
export class ConfigError extends Error {
  readonly code = 'config_invalid';
  readonly file: string;
  readonly problems: readonly Problem[];
  constructor(file: string, found: readonly (Problem | string)[]) {
    const problems = found.map((each) => (typeof each === 'string' ? { line: null, text: each } : each));
    super([`${file} cannot be used:`, ...problems.map((problem) => `  - ${worded(problem)}`)].join('\n'));
    this.name = 'ConfigError';
    this.file = file;
    this.problems = problems;
  }
}

export type Config = {
  readonly file: string;
  readonly site: string;
  readonly dataDir: string;
  readonly gateway: z.infer<typeof Settings>['gateway'];
  readonly slack: z.infer<typeof Settings>['slack'];
  readonly recordings: z.infer<typeof Settings>['recordings'];
  readonly events: 'stdout' | null;
  readonly reload: z.infer<typeof Settings>['reload'];
  readonly targets: readonly Target[];
  readonly policy: Policy;
  /** Of the bytes of each file, in hex. */
  readonly sha256: Readonly<Record<FileName, string>>;
};

export const TARGETS_FILE = 'targets.yml';
export const POLICY_FILE = 'policy.yml';

type FileName = 'settings' | 'targets' | 'policy';
/** What was read of a file, or why it could not be read. */
type Content = { readonly path: string; readonly bytes: Uint8Array | ConfigError };
/** daypass.yml, and the targets.yml and policy.yml beside it, as they were read. */
export type Contents = Readonly<Record<FileName, Content>>;

/**
 * Reads daypass.yml and the targets.yml and policy.yml beside it. Throws a ConfigError that names every problem with its path
 * and an example.
 */
export function loadConfig(file: string): Config {
  const { settings, targets, policy } = pathsOf(file);
  const contents = { settings: contentOf(settings), targets: contentOf(targets), policy: contentOf(policy) };
  return configOf(file, contents);
}

/** The same files, read without anybody waiting for a slow disk. */
export async function readContents(file: string): Promise<Contents> {
  const { settings, targets, policy } = pathsOf(file);
  const read = [settings, targets, policy].map(contentLater);
  const [first, second, third] = (await Promise.all(read)) as [Content, Content, Content];
  return { settings: first, targets: second, policy: third };
}

/** Equal for equal contents. */
export const digestOf = ({ settings, targets, policy }: Contents): string =>
  [settings, targets, policy]
    .map(({ bytes }) => (bytes instanceof ConfigError ? bytes.message : hash(bytes)))
    .join(' ');

/** Of what is in use, as `digestOf` has it. */
export const digestInUse = ({ sha256: { settings, targets, policy } }: Config): string =>
  `${settings} ${targets} ${policy}`;

/** Of the file at `path`, in hex; null where it could not be read. */
export function sha256Of(contents: Contents, path: string): string | null {
  const bytes = Object.values(contents).find((content) => content.path === path)?.bytes;
  return bytes === undefined || bytes instanceof ConfigError ? null : hash(bytes);
}

/** Throws a ConfigError as `loadConfig` does. */
export function configOf(file: string, contents: Contents): Config {
  const folder = dirname(resolve(file));
  const { value: settings, sha256: ofSettings } = readAs(contents.settings, Settings);
  const { value: inventory, sha256: ofTargets } = readAs(contents.targets, TargetsFile);
  const { value: policy, sha256: ofPolicy } = readAs(contents.policy, Policy);
  const { targets } = inventory;
  const ids = new Set<string>();
  for (const { id } of targets) {
    if (ids.has(id))
      throw new ConfigError(contents.targets.path, [`targets: the id ${id} is used twice; ids must be unique`]);
    ids.add(id);
  }
  return {
    file: resolve(file),
    site: settings.site,
    dataDir: resolve(folder, settings.data_dir),
    gateway: settings.gateway,
    slack: settings.slack,
    recordings: settings.recordings,
    events: settings.events ?? null,
    reload: settings.reload,
    targets,
    policy,
    sha256: { settings: ofSettings, targets: ofTargets, policy: ofPolicy },
  };
}

/** To whom recordings are readable; throws a ConfigError where that is nobody. */
export function recipientsOf({ file, recordings }: Config): readonly string[] {
  if (recordings.recipients.length > 0) return recordings.recipients;
  const example = JSON.stringify(exampleAt(Settings, ['recordings', 'recipients']));
  throw new ConfigError(file, [
    `recordings.recipients: nobody could read the recordings; \`daypass init\` makes a key pair and adds its recipient here, for example ${example}`,
  ]);
}

/** How Slack reaches Daypass, and what one of the two proves itself with. */
export type SlackTransport =
  | { readonly kind: 'socket'; readonly appToken: string }
  | ({ readonly kind: 'http'; readonly signingSecret: string } & NonNullable<Config['slack']['http']>);

export type Secrets = {
  readonly botToken: string;
  readonly slackTransport: SlackTransport;
  /** Null is the embedded database. */
  readonly databaseUrl: string | null;
};

/** The secrets of the environment that this configuration needs; throws a ConfigError that names the missing ones. */
export function loadSecrets(environment: NodeJS.ProcessEnv, { slack }: Pick<Config, 'slack'>): Secrets {
  if (slack.http === undefined) {
    const { SLACK_APP_TOKEN: appToken, ...common } = secretsIn(environment, SECRETS_OF.socket);
    return { ...named(common), slackTransport: { kind: 'socket', appToken } };
  }
  const { SLACK_SIGNING_SECRET: signingSecret, ...common } = secretsIn(environment, SECRETS_OF.http);
  return { ...named(common), slackTransport: { kind: 'http', signingSecret, ...slack.http } };
}

type Common = { readonly SLACK_BOT_TOKEN: string; readonly DAYPASS_DATABASE_URL?: string | undefined };
const named = ({ SLACK_BOT_TOKEN, DAYPASS_DATABASE_URL }: Common) => ({
  botToken: SLACK_BOT_TOKEN,
  databaseUrl: DAYPASS_DATABASE_URL ?? null,
});

function secretsIn<Schema extends z.ZodType>(environment: NodeJS.ProcessEnv, schema: Schema): z.output<Schema> {
  const parsed = schema.safeParse(environment);
  if (parsed.success) return parsed.data;
  throw new ConfigError('The environment', problemsOf(schema, parsed.error));
}

function unread(file: string, cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? cause.code : null;
  if (code === 'EACCES') {
    const uid = process.geteuid?.() ?? 'this one';
    return `account ${uid} may not read it. Allow it: chgrp <its group> ${file} && chmod 0640 ${file}. It must be able to enter the folders above, too.`;
  }
  const why = cause instanceof Error ? cause.message : String(cause);
  const isMain = ![TARGETS_FILE, POLICY_FILE].includes(basename(file));
  const where = isMain ? 'Name yours with --config <file>, or run' : 'Run';
  return `${why}. ${where} \`daypass init\` to create one.`;
}

const FILE_MAX_BYTES = 4 * 1024 * 1024;

const pathsOf = (file: string): Readonly<Record<FileName, string>> => {
  const folder = dirname(resolve(file));
  return { settings: file, targets: join(folder, TARGETS_FILE), policy: join(folder, POLICY_FILE) };
};

const tooLarge = (path: string): ConfigError => new ConfigError(path, ['larger than 4 MiB']);
const notRead = (path: string, cause: unknown): ConfigError => new ConfigError(path, [unread(path, cause)]);

function contentOf(path: string): Content {
  try {
    return { path, bytes: statSync(path).size > FILE_MAX_BYTES ? tooLarge(path) : readFileSync(path) };
  } catch (cause) {
    return { path, bytes: notRead(path, cause) };
  }
}

async function contentLater(path: string): Promise<Content> {
  try {
    return { path, bytes: (await stat(path)).size > FILE_MAX_BYTES ? tooLarge(path) : await readFile(path) };
  } catch (cause) {
    return { path, bytes: notRead(path, cause) };
  }
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

function readAs<Schema extends z.ZodType>(
  { path, bytes }: Content,
  schema: Schema,
): { readonly value: z.output<Schema>; readonly sha256: string } {
  if (bytes instanceof ConfigError) throw bytes;
  return { value: parseYaml(path, textOf(path, bytes), schema), sha256: hash(bytes) };
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError(path, ['not UTF-8 text; save it as UTF-8']);
  }
}

/** Throws a ConfigError that names every problem with its line and an example. */
export function parseYaml<Schema extends z.ZodType>(file: string, text: string, schema: Schema): z.output<Schema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [invalid] = document.errors;
  if (invalid) {
    const line = invalid.linePos?.[0].line ?? null;
    throw new ConfigError(file, [{ line, text: `not valid YAML: ${invalid.message}` }]);
  }
  const parsed = schema.safeParse(document.toJS());
  if (parsed.success) return parsed.data;
  throw new ConfigError(file, problemsOf(schema, parsed.error, lineIn(document, lines)));
}

const lineIn =
  (document: Document, lines: LineCounter): LineOf =>
  (path) => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return lines.linePos(node.range[0]).line;
    }
    return null;
  };
