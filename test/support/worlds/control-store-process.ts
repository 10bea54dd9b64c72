import { createLog } from '../../../src/log.ts';
import { openStore } from '../../../src/store/store.ts';
import { testSeals } from './beside.ts';

/** A control’s store in a process of its own: `control-store-process.ts <dataDir> <databaseUrl>`. Prints `open` or why not, and lives until it is killed. */
const [dataDir = '', databaseUrl = ''] = process.argv.slice(2);
const options = { dataDir, databaseUrl, log: createLog('silent'), seals: testSeals };
try {
  await openStore(options, { leaseMs: 60_000, lost: () => process.stdout.write('lost\n') });
  process.stdout.write('open\n');
  process.stdin.resume();
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
