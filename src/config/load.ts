import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { Policy } from '../access/policy.ts';
import type { Target } from '../access/target.ts';
import { exampleAt, type LineOf, problemsOf } from './problems.ts';
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
  /** Of the bytes of policy.yml, in hex. */
  readonly policySha256: string;
};

export const TARGETS_FILE = 'targets.yml';
export const POLICY_FILE = 'policy.yml';

/**
 * Reads daypass.yml and the targets.yml and policy.yml beside it. Throws a ConfigError that names every problem with its path
 * and an example.
 */
export function loadConfig(file: string): Config {
  const folder = dirname(resolve(file));
  const { value: settings } = read(file, Settings);
  const { targets } = read(join(folder, TARGETS_FILE), TargetsFile).value;
  const { value: policy, sha256: policySha256 } = read(join(folder, POLICY_FILE), Policy);
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
    ...{ policy, policySha256 },
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
  throw new ConfigError('The environment', problemsOf(Secrets, parsed.error));
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

type Read<Schema extends z.ZodType> = { readonly value: z.output<Schema>; readonly sha256: string };

function read<Schema extends z.ZodType>(file: string, schema: Schema): Read<Schema> {
  let text: string;
  try {
    if (statSync(file).size > FILE_MAX_BYTES) throw new ConfigError(file, ['larger than 4 MiB']);
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(file, [unread(file, cause)]);
  }
  const value = parseYaml(file, text, schema);
  return { value, sha256: createHash('sha256').update(text).digest('hex') };
}

/** Throws a ConfigError that names every problem with its line and an example. */
export function parseYaml<Schema extends z.ZodType>(file: string, text: string, schema: Schema): z.output<Schema> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const [invalid] = document.errors;
  if (invalid) throw new ConfigError(file, [`not valid YAML: ${invalid.message}`]);
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
