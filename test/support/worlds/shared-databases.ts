import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { createLog } from '../../../src/log.ts';
import { openBeside, testSeals } from './beside.ts';
import { MIGRATED, runSql, startPostgres } from './postgres.ts';

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
  await runSql(server.url, `create database ${MIGRATED}`);
  await migrateAll(server.url, MIGRATED);
  const templates = await mkdtemp(join(tmpdir(), 'daypass-templates-'));
  project.provide('postgresUrl', server.url);
  project.provide('embeddedTemplates', templates);
  return async () => {
    await server[Symbol.asyncDispose]();
    await rm(templates, { recursive: true, force: true });
  };
}

async function migrateAll(server: string, name: string): Promise<void> {
  const url = new URL(server);
  url.pathname = `/${name}`;
  const options = { databaseUrl: url.toString(), dataDir: '', log: createLog('silent'), seals: testSeals };
  await (await openBeside(options))[Symbol.asyncDispose]();
}
