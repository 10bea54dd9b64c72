import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { Settings } from '../../../src/config/schema.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

type Schema = { readonly properties?: Readonly<Record<string, Schema>> };

const keysOf = ({ properties = {} }: Schema): string[] =>
  Object.entries(properties).flatMap(([key, value]) => (value.properties ? keysOf(value) : [key]));

it('each setting is read somewhere', () => {
  const code = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && file !== join('config', 'schema.ts'))
    .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
    .join('\n');
  const keys = keysOf(z.toJSONSchema(Settings, { io: 'input', unrepresentable: 'any' }) as Schema);
  expect(keys.length).toBeGreaterThan(20);
  expect(keys.filter((key) => !new RegExp(`\\b${key}\\b`).test(code))).toEqual([]);
});
