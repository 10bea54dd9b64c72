import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buttonsOf, type Message, type Persona, type State } from '../../support/peers/persona.ts';
import { MEMBER, SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
beforeAll(async () => {
  world = await SlackWorld.open();
  await world.openEngagement({ targets: ['web-01'], reviewers: [MEMBER.manager, MEMBER.security] });
  await world.registerKey();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const rootThat = (persona: Persona, says: string | RegExp): Promise<Message> =>
  persona.until(`a root message that says ${says}`, (state) => {
    const root = persona.root(state);
    return root?.plain.match(says) ? root : null;
  });
const directCards = (state: State): readonly Message[] =>
  state.direct_messages
    .flatMap((channel) => channel.messages)
    .filter((message) => message.plain.startsWith('Change to an engagement'));
const opened = (persona: Persona, title: string) =>
  persona.until(`the window ${title}`, (state) => state.modal?.view.title.text === title && state.modal);

describe('the engagement’s message', () => {
  it('shows who has access as it is given and as it ends', async () => {
    await rootThat(world.contractor, 'Nobody has access at the moment');
    await world.request({ targets: ['web-01'] });
    await rootThat(world.contractor, '1 request waits for review');
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await rootThat(world.contractor, /Casey Lind on web-01 as deploy, scope shell, until/);
    const announced = await world.manager.until('the announcement', (state) =>
      world.manager.thread(state).find((message) => message.plain.includes('Access granted')),
    );
    await world.manager.click(announced, 'Revoke…');
    await opened(world.manager, 'Revoke this access?');
    await world.manager.submit({ comment: 'Not needed any more' });
    await rootThat(world.contractor, 'Nobody has access at the moment');
  });

  it('opens what people and sessions there are, and lets no guest change it', async () => {
    const root = await rootThat(world.contractor, 'Engagement');
    await world.contractor.click(root, 'People');
    const window = await opened(world.contractor, 'People');
    expect(JSON.stringify(window.view.blocks)).toContain('Casey Lind');
    await world.contractor.closeWindow();
    await world.contractor.click(root, 'Sessions');
    expect(JSON.stringify((await opened(world.contractor, 'Sessions')).view.blocks)).toContain('Nobody is connected');
    await world.contractor.closeWindow();
    await world.contractor.click(root, 'Change…');
    await world.contractor.until('a refusal', (state) =>
      state.ephemerals.some((message) => message.plain.startsWith('Nothing was changed. Only the person who opened')),
    );
  });

  it('lets only its sponsor and security close it', async () => {
    const root = await rootThat(world.contractor, 'Engagement');
    await world.contractor.click(root, 'Close…');
    await world.contractor.until('a refusal', (state) =>
      state.ephemerals.some((message) => message.plain.includes('can be closed only by the person who opened it')),
    );
  });

  it('leads to a change, which another reviewer approves, and then shows it', async () => {
    const root = await rootThat(world.manager, 'Engagement');
    await world.manager.click(root, 'Change…');
    const form = await opened(world.manager, 'Change engagement');
    expect(form.values).toMatchObject({ name: expect.anything(), members: expect.anything() });
    const { body } = await world.manager.submit({
      ...{ targets: ['web-01', 'db-01'], last_day: '2999-12-30', hours: 'mon-sun 0-23, mon-sun 23:00-24:00' },
    });
    expect(body['errors']).toMatchObject({ hours: expect.stringContaining('Mon-Fri 09:00-17:30') });
    await world.manager.submit({ hours: '', reference: 'SOW-7' });
    await rootThat(world.contractor, '30 December 2999');
    const card = await world.security.until('the change to review', (state) => directCards(state).at(-1));
    expect(card.plain).toContain('Targets added: db-01');
    expect(card.plain).not.toContain('Last day');
    expect(directCards(await world.manager.state())).toEqual([]);
    await world.security.click(card, 'Approve');
    await rootThat(world.contractor, /Targets.*db-01/s);
    await world.contractor.until('the record of it', (state) =>
      world.contractor.thread(state).some((message) => /Targets added: db-01.*Approved by/s.test(message.plain)),
    );
  });

  it('leads to its end, and then offers nothing', async () => {
    await world.manager.click(await rootThat(world.manager, 'Engagement'), 'Close…');
    const form = await opened(world.manager, 'Close an engagement');
    expect(JSON.stringify(form.values)).toContain('Order database migration');
    await world.manager.submit({ reason: 'The work is done' });
    const root = await rootThat(world.contractor, /Closed by Morgan Reyes/);
    expect(buttonsOf(root)).toEqual([]);
  });
});
