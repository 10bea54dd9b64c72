import { randomUUID } from 'node:crypto';
import { PersonId } from '../../../src/access/ids.ts';
import { createLog } from '../../../src/log.ts';
import { person } from '../samples/samples.ts';
import { openBeside, testSeals } from './beside.ts';

/**
 * A process of its own that opens a store: `open-store-process.ts <dataDir> <databaseUrl, or - for the embedded one>`. It prints
 * `opening`, `open`, then the id of each person whose insertion was acknowledged, and lives until it is killed or its stdin ends.
 */
const [dataDir, databaseUrl] = process.argv.slice(2);
if (dataDir === undefined || databaseUrl === undefined) throw new Error('usage: <dataDir> <databaseUrl or ->');

process.stdout.write('opening\n');
const store = await openBeside({
  dataDir,
  databaseUrl: databaseUrl === '-' ? null : databaseUrl,
  log: createLog('silent'),
  seals: testSeals,
});
process.stdout.write('open\n');
let running = true;
process.stdin.on('end', () => {
  running = false;
});
process.stdin.resume();
while (running) {
  const id = PersonId.parse(randomUUID());
  await store.transaction((tx) => tx.persons.insert({ ...person(1), id, accounts: [] }, 'Somebody'));
  process.stdout.write(`${id}\n`);
}
await store[Symbol.asyncDispose]();
