import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { requestAccess } from '../../../../src/use-cases/requests/request-access.ts';
import { withdrawRequest } from '../../../../src/use-cases/requests/withdraw-request.ts';
import { viewAskForm } from '../../../../src/use-cases/views/ask-form.ts';
import { personId } from '../../../support/samples/samples.ts';
import { granted } from '../../../support/worlds/access-world.ts';
import { GrantedWorld } from '../../../support/worlds/granted-world.ts';
import { offboarding } from '../../../support/worlds/offboard-world.ts';

describe('what the request form is made from', () => {
  let world: GrantedWorld;
  beforeEach(async () => {
    world = await GrantedWorld.open();
  });
  afterEach(() => world[Symbol.asyncDispose]());

  const ask = (reason: string, engagementId = world.engagement.id, durationSeconds = 3_600) =>
    requestAccess(world.deps)({
      ...{ by: world.contractor.id, engagementId, targetIds: ['web-01'], login: world.access.login, scope: 'shell' },
      ...{ durationSeconds, reason, ticket: null },
    }).then(granted);
  const view = (wanted: string | null = null, by = world.contractor.id) =>
    viewAskForm(world.deps)({ personId: by, wanted });

  it('is one’s own engagements, with the only one chosen, one’s keys, and who opened them', async () => {
    const { contractor, engagement, sponsor } = world;
    const keys = await world.store.transaction((tx) => tx.keys.ofPerson(contractor.id));
    const expected = { engagements: [engagement], chosen: engagement, last: null, keys };
    expect(await view()).toEqual({ ...expected, person: contractor, names: new Map([[sponsor.id, 'USPONSOR']]) });
    expect(await view(null, world.stranger.id)).toMatchObject({ engagements: [], chosen: null, keys: [] });
    expect(await view(null, personId(9))).toBeNull();
  });

  it('is nothing of an engagement that somebody was offboarded from, and nothing at all for who was from everything', async () => {
    const second = await world.access.engagement([world.contractor], [world.reviewer]);
    const { offboard } = offboarding(world);
    granted(await offboard({ engagementId: world.engagement.id }));
    expect(await view(world.engagement.id)).toMatchObject({
      engagements: [{ id: second.id }],
      chosen: { id: second.id },
    });
    granted(await offboard());
    expect(await view()).toBeNull();
  });

  it('leaves a choice between several to the person', async () => {
    const second = await world.access.engagement([world.contractor], [world.reviewer]);
    expect(await view()).toMatchObject({ chosen: null, last: null });
    expect(await view('nonsense')).toMatchObject({ chosen: null });
    expect(await view(second.id)).toMatchObject({ chosen: { id: second.id } });
  });

  it('has what the person asked for last in this engagement, whatever became of it', async () => {
    const second = await world.access.engagement([world.contractor], [world.reviewer]);
    const { id } = await ask('The first of all');
    world.now = world.later(1);
    const { ask: last } = await ask('The second of all', world.engagement.id, 900);
    world.now = world.later(1);
    await ask('Somewhere else', second.id);
    granted(await withdrawRequest(world.deps)({ by: world.contractor.id, requestId: id }));
    expect((await view(world.engagement.id))?.last).toEqual(last);
    expect((await view(second.id))?.last?.reason).toBe('Somewhere else');
  });
});
