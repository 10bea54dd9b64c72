import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Grant } from '../../../src/access/grant.ts';
import { PersonId } from '../../../src/access/ids.ts';
import type { Session } from '../../../src/access/session.ts';
import { Terminal } from '../../support/peers/terminal.ts';
import { SelfServiceWorld, type SetUp } from '../../support/worlds/self-service-world.ts';

/** Access is asked for again before it ends, and who works need not connect again. */
describe('a session whose access is extended', () => {
  let world: SelfServiceWorld;
  let setUp: SetUp;
  beforeAll(async () => {
    world = await SelfServiceWorld.open();
    setUp = await world.setUp();
  });
  afterAll(() => world?.[Symbol.asyncDispose]());

  const SIZE = { columns: 120, rows: 30 };
  const session = async (): Promise<Session> => {
    const [live] = await world.access.store.transaction((tx) => tx.sessions.live());
    if (!live) throw new Error('no session lives');
    return live;
  };
  const past = (grant: Grant) => pause(Date.parse(grant.terms.notAfter) + 1_000 - Date.now());

  const ways = ['ProxyJump', 'login+target'] as const;
  const open = async (way: (typeof ways)[number]): Promise<Terminal> => {
    // Brings the certificate.
    await setUp.to(['web-01.test.daypass', 'true']);
    if (way === 'ProxyJump') return new Terminal('ssh', ['-tt', '-F', setUp.config, 'web-01.test.daypass'], SIZE);
    const by = [...world.byHand(), '-o', `CertificateFile=${setUp.certificate}`, '-tt'];
    return new Terminal('ssh', [...by, `${world.access.login}+web-01@${world.gateway.address}`], SIZE);
  };

  it.each(ways)('goes on where it was, by way of %s, is told so, and ends with what it goes on under', async (way) => {
    const first = await world.grant({ seconds: 8, targets: ['web-01'] });
    using terminal = await open(way);
    terminal.type('echo in $((40 + 2))\r');
    await terminal.shows(/in 42/);
    const { id } = await session();
    const second = await world.grant({ seconds: 600, targets: ['web-01'] });
    const until = second.terms.notAfter.slice(0, 16).replace('T', ' ');
    await terminal.shows(
      new RegExp(`daypass: your access was extended until ${until} UTC\\. This session continues\\.`),
    );
    await past(first);
    terminal.type('echo still $((40 + 3))\r');
    await terminal.shows(/still 43/);
    expect(await session()).toMatchObject({ id, grantId: second.id });
    await world.access.revoke(second);
    expect(await terminal.exited(2_000)).toBe(255);
    expect(terminal.text).toMatch(/daypass: ended: your access was revoked/);
    expect(await setUp.to(['test.daypass', 'list'])).toMatchObject({ stdout: expect.stringMatching(/^You have no/) });
  });

  it('is not prolonged by a grant that allows something else, whoever says so', async () => {
    const first = await world.grant({ seconds: 8, targets: ['web-01'] });
    using terminal = await open('ProxyJump');
    terminal.type('echo in $((40 + 2))\r');
    await terminal.shows(/in 42/);
    const { id } = await session();
    const elsewhere = await world.grant({ seconds: 600, targets: ['db-01'] });
    const far = new Date(Date.now() + 600_000).toISOString();
    const stranger = PersonId.parse(world.other.id);
    world.gateway.extend(id, elsewhere);
    world.gateway.extend(id, { ...first, terms: { ...first.terms, notAfter: far, personId: stranger } });
    expect(await terminal.exited()).toBe(255);
    expect(Date.now()).toBeLessThan(Date.parse(first.terms.notAfter) + 1_500);
    expect(terminal.text).toMatch(/daypass: ended: your access has expired/);
    await world.endAll();
  });
});
