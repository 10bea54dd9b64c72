import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { eventsPage } from '../../support/checks/events-page.ts';

it('docs/events.md lists the events there are', () => {
  const page = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8');
  expect(page, 'write it anew with `npm run docs`').toBe(eventsPage());
});
