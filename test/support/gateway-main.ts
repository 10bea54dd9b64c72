import { dirname, join } from 'node:path';
import { GatewayWorld } from './gateway-world.ts';
import { reader } from './reader.ts';

// A whole gateway in a process of its own, which a test may stop or kill; see gateway-process.ts.
const world = await GatewayWorld.start({ limits: JSON.parse(process.argv[2] ?? '{}') });
const { sshConfig, gateway, folder, sshd } = world;
process.send?.({
  sshConfig,
  port: gateway.port,
  workers: gateway.workers,
  spool: join(folder.path, 'spool'),
  identity: reader.identity,
  folders: [folder.path, dirname(sshd.knownHosts)],
});
process.once('message', () => {
  world[Symbol.asyncDispose]().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
