import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isProved, type Offboarding } from '../../../src/access/offboarding.ts';
import { offboardPerson } from '../../../src/use-cases/offboarding/offboard.ts';
import { proveOffboardings } from '../../../src/use-cases/offboarding/prove.ts';
import { Terminal } from '../../support/peers/terminal.ts';
import { granted } from '../../support/worlds/access-world.ts';
import { ROOT } from '../../support/worlds/offboard-world.ts';
import { SelfServiceWorld, type SetUp } from '../../support/worlds/self-service-world.ts';

const SIZE = { columns: 120, rows: 30 };

describe('somebody who is offboarded while they work', () => {
  let world: SelfServiceWorld;
  let setUp: SetUp;
  beforeEach(async () => {
    world = await SelfServiceWorld.open({ workers: 2 });
    setUp = await world.setUp();
    await world.grant({ targets: ['web-01'] });
  });
  afterEach(() => world?.[Symbol.asyncDispose]());

  const working = async (): Promise<Terminal> => {
    // Brings the certificate.
    await setUp.to(['web-01.test.daypass', 'true']);
    const terminal = new Terminal('ssh', ['-tt', '-F', setUp.config, 'web-01.test.daypass'], SIZE);
    terminal.type('echo in $((40 + 2))\r');
    await terminal.shows(/in 42/);
    return terminal;
  };
  const offboard = async (): Promise<Offboarding> =>
    granted(
      await offboardPerson(world.access.deps)({
        ...{ by: ROOT, personId: world.contractor.id, engagementId: null, reason: null, isSecurity: false },
      }),
    );
  const prove = () => proveOffboardings({ ...world.access.deps, gateways: world.gateway })();
  const stored = ({ id }: Offboarding) => world.access.store.transaction((tx) => tx.offboardings.byId(id));
  const carried = (personId = world.contractor.id) => world.gateway.ask({ personId, engagementIds: null });

  it('is disconnected, has nothing more, and the gateways themselves say that nothing is left', async () => {
    using terminal = await working();
    expect(await carried()).toMatchObject({ workers: 2, answered: 2, sessions: [expect.any(String)] });
    expect(await carried(world.other.id)).toMatchObject({ answered: 2, sessions: [] });
    const begun = await offboard();
    expect(await terminal.exited(5_000)).toBe(255);
    expect(terminal.text).toMatch(/daypass: ended: your access was revoked.*: you were offboarded/);
    await expect.poll(prove).toBe(1);
    expect((await stored(begun))?.left).toMatchObject({ workers: 2, answered: 2, sessions: 0, grants: 0 });
    const again = await setUp.to(['web-01.test.daypass', 'true']);
    expect([again.code, again.stderr]).toEqual([255, expect.stringMatching(/was retired/)]);
  });

  it('is not proved to have nothing while a worker stands still, and is once that one was replaced', async () => {
    using terminal = await working();
    const [, stopped = -1] = world.gateway.workers;
    process.kill(stopped, 'SIGSTOP');
    const begun = await offboard();
    expect(await prove()).toBe(0);
    const before = await stored(begun);
    expect(before?.left).toMatchObject({ workers: 2, answered: 1 });
    expect(before && isProved(before)).toBe(false);
    expect(await terminal.exited(5_000)).toBe(255);
    await expect.poll(prove, { timeout: 30_000 }).toBe(1);
    expect(world.gateway.workers).not.toContain(stopped);
    const { left } = (await stored(begun)) ?? {};
    expect(left).toMatchObject({ answered: left?.workers, sessions: 0, grants: 0 });
  });
});
