import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { termsOf } from '../../../../src/access/engagement-change.ts';
import { proposeChange } from '../../../../src/use-cases/engagements/propose-change.ts';
import { noteExpiredGrants } from '../../../../src/use-cases/grants/expire-grants.ts';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { recordSessionClosed, recordSessionOpened } from '../../../../src/use-cases/sessions/record-session.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';

const REPORT = { channels: [], refusals: [], ending: { how: 'closed' }, recording: null } as const;

let world: GrantedWorld;
beforeEach(async () => {
  world = await GrantedWorld.open('web-01', 'db-01');
});
afterEach(() => world[Symbol.asyncDispose]());

/** How often the root message is to be brought up to date, since the outbox was emptied last. */
async function updates(): Promise<number> {
  const rows = await world.store.sql(`delete from outbox where kind = 'engagement_updated' returning lane`);
  expect(rows.every(({ lane }) => lane === world.thread)).toBe(true);
  return rows.length;
}

describe('the engagement’s message is brought up to date', () => {
  it('when somebody asks, is given access, connects, leaves and loses it', async () => {
    granted(
      await requestAccess(world.deps)({
        ...{ by: world.contractor.id, engagementId: world.engagement.id, targetIds: ['db-01'], scope: 'shell' },
        ...{ login: world.access.login, durationSeconds: 3_600, reason: 'Move the database', ticket: null },
      }),
    );
    expect(await updates()).toBe(1);
    const grant = await world.grant({ targets: ['web-01'] });
    expect(await updates()).toBe(1);
    const session = await world.session(1, grant);
    await recordSessionOpened(world.deps)(session, null);
    expect(await updates()).toBe(1);
    await recordSessionClosed(world.deps)(session, REPORT, { kind: 'none' });
    expect(await updates()).toBe(1);
    await world.access.revoke(grant);
    expect(await updates()).toBe(1);
  });

  it('when access runs out', async () => {
    await world.grant();
    await updates();
    world.now = world.later(3_600);
    expect(await noteExpiredGrants({ ...world.deps, elapsedMs: () => 0 })()).toBe(1);
    expect(await updates()).toBe(1);
  });

  it('when it is changed, and once for what waits in the outbox together', async () => {
    const { sponsor, engagement } = world;
    for (const targetIds of [['web-01', 'db-01'], ['web-01']]) {
      const wanted = { ...termsOf(engagement), targetIds, name: `With ${targetIds.length}` };
      granted(
        await proposeChange(world.deps)({ ...wanted, by: sponsor.id, engagementId: engagement.id, isSecurity: false }),
      );
    }
    expect(await updates()).toBe(1);
  });
});
