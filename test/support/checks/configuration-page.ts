import { z } from 'zod';
import { Policy } from '../../../src/access/policy.ts';
import { Secrets, Settings, TargetsFile } from '../../../src/config/schema.ts';

type Schema = {
  type?: string;
  description?: string;
  examples?: unknown[];
  default?: unknown;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  anyOf?: Schema[];
};

/** docs/configuration.md, written from the zod schemas: the page cannot say what the code does not do. */
export function configurationPage(): string {
  return `# Configuration

Daypass reads three YAML files from one folder. \`daypass init\` writes them. At start it refuses an unknown setting or a wrong type, and shows
its path and an example. Secrets come only from the environment. This page is generated from the schemas in \`src/config/schema.ts\` and \`src/access/\`.

## daypass.yml

${table(Settings)}

## targets.yml

${table(TargetsFile)}

## policy.yml

For each target, the first rule that matches decides. Of these, the most approvals, the shortest duration and the hours that they share apply. If
none matches, the request is refused. Durations are ISO 8601, for example \`PT4H\` or \`PT30M\`.

${table(Policy)}

## Environment

${table(Secrets)}
| \`DAYPASS_LOG_LEVEL\` | \`info\` | How much is logged: \`trace\`, \`debug\`, \`info\`, \`warn\`, \`error\` or \`fatal\`. With \`debug\`, the command line also shows where an error came from. | \`debug\` |
`;
}

function table(schema: z.ZodType): string {
  const root = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    // zod leaves them out of what is transformed: they are written as in the files nonetheless.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.['examples'];
      if (Array.isArray(examples)) jsonSchema.examples = examples;
    },
  }) as Schema;
  const rows = rowsOf(root, '');
  return ['| setting | default | what it is | example |', '|---|---|---|---|', ...rows].join('\n');
}

function rowsOf(schema: Schema, prefix: string): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, child]) => {
    const path = `${prefix}${key}`;
    const nested = child.properties ? child : child.anyOf?.find((each) => each.properties);
    // One that says something itself has a line of its own, too.
    if (nested) return [...(child.description ? [rowOf(path, child, schema, key)] : []), ...rowsOf(nested, `${path}.`)];
    if (child.items?.properties) return rowsOf(child.items, `${path}[].`);
    return [rowOf(path, child, schema, key)];
  });
}

function rowOf(path: string, child: Schema, schema: Schema, key: string): string {
  const required = schema.required?.includes(key) && child.default === undefined;
  const { text, omitted } = described(child.description ?? '');
  const fallback = required ? '*required*' : child.default === undefined ? (omitted ?? 'none') : code(child.default);
  const [example] = child.examples ?? [];
  return `| \`${path}\` | ${fallback} | ${text} | ${example === undefined ? '' : code(example)} |`;
}

/** What holds if a setting is omitted is told by a sentence of its description: it belongs in the column beside it. */
function described(description: string): { text: string; omitted: string | undefined } {
  const [sentence, omitted] = / ?If omitted[,:] (.*?)\.(?= |$)/.exec(description) ?? [];
  return { text: sentence ? description.replace(sentence, '').trim() : description, omitted };
}

const code = (value: unknown): string => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
