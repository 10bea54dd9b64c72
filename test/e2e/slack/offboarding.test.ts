import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Message, Persona } from '../../support/peers/persona.ts';
import { AskedGateways } from '../../support/worlds/offboard-world.ts';
import { ENGAGEMENT_CHANNEL, MEMBER, SECURITY_CHANNEL, SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
const gateways = new AskedGateways();
beforeAll(async () => {
  world = await SlackWorld.open();
  await world.ready();
});
afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
});

const inChannel = (who: Persona, channel: string, what: RegExp): Promise<Message> =>
  who.until(`a message: ${what}`, (state) =>
    state.channels
      .filter(({ id }) => id === channel)
      .flatMap(({ messages }) => messages.flatMap((message) => [message, ...message.replies]))
      .find(({ plain }) => what.test(plain)),
  );
const inThread = (what: RegExp) => inChannel(world.contractor, ENGAGEMENT_CHANNEL, what);
const inSecurity = (what: RegExp) => inChannel(world.security, SECURITY_CHANNEL, what);
/** Of several buttons with the same words the one that is meant. */
const press = ({ channel, ts }: Message, action_id: string) =>
  world.security.call('personas/security/clicks', { channel, ts, action_id });
const form = (who: Persona, callback: string) =>
  who.until(`the form ${callback}`, (state) => state.modal?.view.callback_id === callback && state.modal);

it('a sponsor offboards a person; the thread tells the proof, and people tick in security’s channel what only they can do', async () => {
  await world.request();
  await world.manager.click(await world.manager.card('direct'), 'Approve');
  await world.contractor.granted();
  await world.manager.command(`/access offboard <@${MEMBER.contractor}|casey>`, ENGAGEMENT_CHANNEL);
  const { values } = await form(world.manager, 'offboard');
  expect(JSON.stringify(values)).toContain(MEMBER.contractor);
  await world.manager.submit({ person: MEMBER.contractor, reason: 'The contract is over' });
  await world.manager.until('the answer', (state) => state.modal?.view.title.text === 'Offboarded');
  await world.manager.closeWindow();
  expect((await inThread(/was offboarded/)).plain).toMatch(
    /Casey Lind was offboarded: 1 grant ended, 0 sessions ended, not proved yet that nothing is left/,
  );
  await world.prove(gateways);
  const proved = await inThread(/asked of 2 of 2 gateways/);
  expect(proved.plain).toMatch(/0 live sessions and 0 active grants left/);
  expect(proved.plain).not.toMatch(/contract is over/);
  const card = await inSecurity(/What people have to do/);
  expect(card.plain).toMatch(/from Order database migration, by Morgan Reyes/);
  expect(card.plain).toMatch(/The contract is over/);
  await press(card, 'note_item:0');
  await form(world.security, 'tick_item');
  await world.security.submit({ note: 'The role is gone' });
  await inSecurity(/The role is gone/);
  for (const item of [1, 2, 3, 4]) await press(card, `tick_item:${item}`);
  expect((await inSecurity(/^:?.*Complete.*Casey Lind was offboarded/s)).plain).toMatch(/daypass offboard show/);
  await inThread(/all of it is done: 5 of 5 checks ticked/);
  // Once more in the channel, and no member all the same.
  await world.contractor.openForm();
  const again = await world.contractor.state();
  expect(JSON.stringify(again.modal?.view.blocks)).not.toContain('Order database migration');
  await world.contractor.closeWindow();
});

it('a contractor offboards nobody, and security closes an engagement, whose root says so', async () => {
  await world.contractor.command(`/access offboard <@${MEMBER.manager}|morgan>`, ENGAGEMENT_CHANNEL);
  await world.contractor.until('the refusal', (state) =>
    state.ephemerals.some(({ plain }) => plain.startsWith('Nobody was offboarded.')),
  );
  await world.security.command('/access engagement close order', SECURITY_CHANNEL);
  const { values } = await form(world.security, 'close_engagement');
  const [{ id } = {}] = await world.sql('select id from engagement');
  expect(JSON.stringify(values)).toContain(String(id));
  await world.security.submit({ engagement: String(id), reason: 'Done' });
  await inThread(/The engagement was closed: 0 grants ended/);
  await world.contractor.until('the closed root', (state) =>
    world.contractor.root(state)?.plain.includes('Nothing can be requested in it any more'),
  );
});
