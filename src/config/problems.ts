import { z } from 'zod';

/** The line of a file in which what has this path stands, or what it is missing from. */
export type LineOf = (path: readonly PropertyKey[]) => number | null;

/** `line` is null where it is about no line. */
export type Problem = { readonly line: number | null; readonly text: string };

export const worded = ({ line, text }: Problem): string => `${line === null ? '' : `line ${line}: `}${text}`;

/** What is wrong, each with its line, its path and an example that works. */
export function problemsOf(schema: z.ZodType, error: z.ZodError, lineOf: LineOf = () => null): Problem[] {
  const problem = (path: readonly PropertyKey[], what: string): Problem => ({
    line: lineOf(path),
    text: `${path.join('.') || '(the whole file)'}: ${what}`,
  });
  return error.issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => {
        const known = Object.keys(childrenOf(at(schema, issue.path)));
        return problem([...issue.path, key], `unknown setting; the settings here are ${known.join(', ')}`);
      });
    }
    const example = exampleAt(schema, issue.path);
    const missing = issue.code === 'invalid_type' && issue.input === undefined && issue.message.includes('undefined');
    const what = missing ? 'missing' : issue.message;
    return problem(issue.path, `${what}${example === null ? '' : `; for example ${JSON.stringify(example)}`}`);
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
export function exampleAt(schema: z.ZodType, path: readonly PropertyKey[]): unknown {
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
