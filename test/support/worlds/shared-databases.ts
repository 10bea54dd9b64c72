import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the server that the integration tests of one run share; each makes databases of its own on it. */
    postgresUrl: string;
    /** Where the first test that needs one leaves a new embedded database for the others to copy. */
    embeddedTemplates: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  const templates = await mkdtemp(join(tmpdir(), 'daypass-templates-'));
  project.provide('postgresUrl', server.url);
  project.provide('embeddedTemplates', templates);
  return async () => {
    await server[Symbol.asyncDispose]();
    await rm(templates, { recursive: true, force: true });
  };
}
