import { dirname } from 'node:path';
import { GatewayWorld } from './gateway-world.ts';
import { reader } from './reader.ts';
import { WatchedHost } from './watched-host.ts';

// A whole gateway in a process of its own, which a test may stop or kill; see gateway-process.ts.
const { options } = new WatchedHost();
const world = await GatewayWorld.start({ limits: JSON.parse(process.argv[2] ?? '{}'), ...options });
const { sshConfig, gateway, folder, sshd } = world;
process.send?.({
  sshConfig,
  port: gateway.port,
  workers: gateway.workers,
  spool: options.spool,
  identity: reader.identity,
  folders: [folder.path, dirname(sshd.knownHosts), dirname(options.spool)],
});
process.once('message', () => {
  world[Symbol.asyncDispose]().then(
    () => process.exit(0),
    () => process.exit(1),
  );
});
