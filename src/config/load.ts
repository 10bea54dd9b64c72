import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { parse as parseYaml, YAMLParseError } from 'yaml';
import { z } from 'zod';
import { Policy } from '../access/policy.ts';
import type { Target } from '../access/target.ts';
import { Secrets, Settings, TargetsFile } from './schema.ts';

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

export type Config = {
  readonly file: string;
  readonly site: string;
  readonly dataDir: string;
  readonly gateway: z.infer<typeof Settings>['gateway'];
  readonly slack: z.infer<typeof Settings>['slack'];
  readonly recordings: z.infer<typeof Settings>['recordings'];
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
    throw new ConfigError(join(folder, TARGETS_FILE), [
      `targets: the id ${twice.id} is used twice; ids must be unique`,
    ]);
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
  const example = JSON.stringify(exampleAt(Settings, ['recordings', 'recipients']));
  throw new ConfigError(file, [
    `recordings.recipients: nobody could read the recordings; \`daypass init\` makes a key pair and adds its recipient here, for example ${example}`,
  ]);
}

/** The secrets of the environment; throws a ConfigError that names the missing ones. */
export function loadSecrets(environment: NodeJS.ProcessEnv): Secrets {
  const parsed = Secrets.safeParse(environment);
  if (parsed.success) return parsed.data;
  throw new ConfigError('The environment', problems(Secrets, parsed.error));
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

function read<Schema extends z.ZodType>(file: string, schema: Schema): z.output<Schema> {
  let text: string;
  try {
    if (statSync(file).size > FILE_MAX_BYTES) throw new ConfigError(file, ['larger than 4 MiB']);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(file, [unread(file, cause)]);
  }
  let content: unknown;
  try {
    content = parseYaml(text);
  } catch (cause) {
    if (!(cause instanceof YAMLParseError)) throw cause;
    throw new ConfigError(file, [`not valid YAML: ${cause.message}`]);
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
        return `${[...issue.path, key].join('.')}: unknown setting; the settings here are ${known.join(', ')}`;
      });
    }
    const path = issue.path.join('.') || '(the whole file)';
    const example = exampleAt(schema, issue.path);
    const missing = issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('undefined');
    const what = missing ? 'missing' : issue.message;
    return `${path}: ${what}${example === null ? '' : `; for example ${JSON.stringify(example)}`}`;
  });
}

function at(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | null {
  let here: z.ZodType | null = schema;
  for (const step of path) {
    const inner: z.ZodType | null = here && unwrap(here);
    if (inner instanceof z.ZodObject) here = childrenOf(inner)[String(step)] ?? null;
    else if (inner instanceof z.ZodArray) here = inner.element as z.ZodType;
    else here = null;
  }
  return here;
}

function unwrap(schema: z.ZodType): z.ZodType {
  if (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodNullable
  ) {
    return unwrap(schema.unwrap() as z.ZodType);
  }
  return schema;
}

const childrenOf = (schema: z.ZodType | null): Record<string, z.ZodType> => {
  const inner = schema && unwrap(schema);
  return inner instanceof z.ZodObject ? (inner.shape as Record<string, z.ZodType>) : {};
};

/** What has no example of its own is shown by that of the list or map it is in. */
function exampleAt(schema: z.ZodType, path: readonly PropertyKey[]): unknown {
  const own = exampleOf(at(schema, path));
  const around = own === null && path.length > 0 ? exampleOf(at(schema, path.slice(0, -1))) : null;
  if (around === null || typeof around !== 'object') return own;
  return Object.values(around)[0] ?? null;
}

function exampleOf(schema: z.ZodType | null): unknown {
  for (let here = schema; here; ) {
    const examples: unknown = here.meta()?.['examples'];
    if (Array.isArray(examples) && examples.length > 0) return examples[0];
    const inner = unwrap(here);
    if (inner === here) return composedExample(here);
    here = inner;
  }
  return null;
}

/** Of what holds others: the least that would do. */
function composedExample(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodArray) {
    const element = exampleOf(schema.element as z.ZodType);
    return element === null ? null : [element];
  }
  const required = Object.entries(childrenOf(schema)).filter(([, child]) => !child.safeParse(undefined).success);
  const entries = required.map(([key, child]) => [key, exampleOf(child)]);
  return entries.length === 0 ? null : Object.fromEntries(entries);
}
