import { writeFileSync } from 'node:fs';
import { configurationPage } from './configuration-page.ts';
import { eventsPage } from './events-page.ts';
import { scopesPage } from './scopes-page.ts';

const docs = new URL('../../../docs/', import.meta.url);
writeFileSync(new URL('configuration.md', docs), configurationPage());
writeFileSync(new URL('scopes.md', docs), scopesPage());
writeFileSync(new URL('events.md', docs), eventsPage());
