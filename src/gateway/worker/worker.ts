import { createLog } from '../../log.ts';
import { GatewayWorker } from './gateway-worker.ts';

// A terminal that closes, or an operator who means control, sends it to the whole process group.
process.on('SIGHUP', () => {});

new GatewayWorker(createLog());
