import { expect, it } from 'vitest';
import { ENGAGEMENT_CHANNEL, SlackWorld } from '../../support/worlds/slack-world.ts';

const ORGANISATION = 'E0ACME0000';

it('an installation in a whole organisation is refused at the start, with what to do', async () => {
  const organisation = { id: ORGANISATION, isAppInAll: true };
  await expect(SlackWorld.open({}, [], { organisation })).rejects.toThrow(
    /installation in the whole organisation.*install it in that workspace alone/s,
  );
});

it('one in a workspace of an organisation answers there', async () => {
  await using world = await SlackWorld.open({}, [], { organisation: { id: ORGANISATION, isAppInAll: false } });
  await world.contractor.command('/access list', ENGAGEMENT_CHANNEL);
  await world.contractor.until('an answer', (state) =>
    state.ephemerals.some((message) => message.plain.includes('You have no access')),
  );
});
