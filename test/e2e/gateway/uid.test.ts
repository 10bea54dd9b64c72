import { chmodSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { testFolder } from '../../support/checks/folder.ts';
import { describeAsRoot } from '../../support/checks/root.ts';
import { ssh, WAYS } from '../../support/peers/gateway-client.ts';
import { run } from '../../support/peers/processes.ts';
import { GatewayWorld } from '../../support/worlds/gateway-world.ts';

const NOBODY = 65_534;
const IDS = ['--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups'];

describeAsRoot('workers under a uid of their own', () => {
  it('carry sessions, and reach neither keys nor finished recordings nor control’s memory', async () => {
    // The loader that runs TypeScript in tests needs to come to the worker's folder by its path; the worker itself does not.
    using open = testFolder('/tmp');
    chmodSync(open.path, 0o711);
    await using world = await GatewayWorld.start({
      ...{ workerUid: NOBODY, workerGid: NOBODY, spool: join(open.path, 'spool') },
    });
    const [pid] = world.gateway.workers;
    expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(/^Uid:\s+65534\s+65534\s+65534/m);
    for (const way of WAYS) expect(await ssh(world, [way, 'echo in'])).toMatchObject({ code: 0, stdout: 'in\n' });
    const id = await world.control.session(0);
    await world.control.closing(id);
    const folder = join(world.folder.path, 'recordings', id);
    expect(statSync(folder)).toMatchObject({ uid: 0, mode: 0o40_700 });
    const forbidden = [
      join(world.folder.path, 'keys', 'user_ca'),
      join(world.folder.path, 'keys', 'grant_mac_key'),
      join(folder, 'manifest.json'),
      `/proc/${process.pid}/environ`,
      `/proc/${process.pid}/mem`,
    ];
    for (const path of forbidden) {
      const { code, stderr } = await run('setpriv', [...IDS, 'head', '-c', '1', path]);
      expect({ path, code }).toEqual({ path, code: 1 });
      expect(stderr).toMatch(/Permission denied/);
    }
  });
});
