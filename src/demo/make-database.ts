/** A process: makes the embedded database in the data folder it is given. It takes longer than anything else at the first start. */
import { embeddedBackend } from '../store/embedded.ts';

const [dataDir = ''] = process.argv.slice(2);
const backend = await embeddedBackend(dataDir);
await backend.close();
