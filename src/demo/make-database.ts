/** A process: makes the embedded database in the data folder it is given. It takes longer than anything else at the first start. */
import { setFlagsFromString } from 'node:v8';
import { embeddedBackend } from '../store/embedded.ts';

// Optimising code that runs once costs more than it saves: half of this process's time.
setFlagsFromString('--liftoff-only');
const [dataDir = ''] = process.argv.slice(2);
const backend = await embeddedBackend(dataDir);
await backend.close();
