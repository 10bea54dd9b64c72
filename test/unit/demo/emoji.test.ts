import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
const page = readFileSync(join(ROOT, 'src/demo/page/mrkdwn.js'), 'utf8');
const table = /const EMOJI = \{([^}]*)\}/.exec(page)?.[1] ?? '';
const drawn = new Set([...table.matchAll(/^ {2}(\w+): \[/gm)].map(([, name]) => name));

const sources = readdirSync(join(ROOT, 'src/slack'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  file.endsWith('.ts'),
);
/** At the beginning of a text, as Daypass puts them. */
const used = new Set(
  sources
    .flatMap((file) => [...readFileSync(join(ROOT, 'src/slack', file), 'utf8').matchAll(/[`'](:[a-z_]+:)[ '`]/g)])
    .map(([, name = '']) => name.slice(1, -1)),
);

describe('the demo page', () => {
  it('draws each emoji of the messages', () => {
    expect(used.size).toBeGreaterThan(10);
    expect([...used].filter((name) => !drawn.has(name))).toEqual([]);
  });
});
