import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configurationPage } from '../../support/checks/configuration-page.ts';

it('docs/configuration.md says what the schemas say', () => {
  const page = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page, 'write it anew with `npm run docs`').toBe(configurationPage());
});
