import { createLog } from '../../../src/log.ts';
import { openBackend, storeOn } from '../../../src/store/store.ts';
import { NOON } from '../samples/samples.ts';
import { beside, testSeals } from './beside.ts';

/**
 * A process of its own that appends an audit event and never commits: `stuck-append-process.ts <dataDir> <databaseUrl, or - for the
 * embedded one>`. It prints `written` once the event is in its transaction, and lives until it is killed.
 */
const [dataDir = '', databaseUrl = ''] = process.argv.slice(2);
const options = {
  ...{ dataDir, databaseUrl: databaseUrl === '-' ? null : databaseUrl },
  ...{ log: createLog('silent'), seals: testSeals },
};
const store = await storeOn(await openBackend(options), options, async (db) => {
  const parts = await beside(db);
  // Last before a commit that confirms something: the file of decisions.
  const write = (): Promise<void> =>
    new Promise(() => {
      process.stdout.write('written\n');
    });
  return { ...parts, memory: { ...parts.memory, write } };
});
process.stdin.resume();
await store.transaction(async (tx) => {
  await tx.audit.append({ type: 'code_issued', at: NOON, actor: { kind: 'daypass' }, facts: { n: 99 } });
  tx.liftSuspension();
});
