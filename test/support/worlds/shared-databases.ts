import type { TestProject } from 'vitest/node';
import { createLog } from '../../../src/log.ts';
import { openBeside, testSeals } from './beside.ts';
import { MIGRATED, runSql, startPostgres } from './postgres.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Of the server that the integration tests of one run share; each makes databases of its own on it. */
    postgresUrl: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres();
  await runSql(server.url, `create database ${MIGRATED}`);
  await migrateAll(server.url, MIGRATED);
  project.provide('postgresUrl', server.url);
  return async () => server[Symbol.asyncDispose]();
}

async function migrateAll(server: string, name: string): Promise<void> {
  const url = new URL(server);
  url.pathname = `/${name}`;
  const options = { databaseUrl: url.toString(), dataDir: '', log: createLog('silent'), seals: testSeals };
  await (await openBeside(options))[Symbol.asyncDispose]();
}
