import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { scopesPage } from '../../../support/checks/scopes-page.ts';

it('docs/scopes.md says what the code answers', () => {
  const page = readFileSync(new URL('../../../../docs/scopes.md', import.meta.url), 'utf8');
  expect(page, 'write it anew with `npm run docs`').toBe(scopesPage());
});
