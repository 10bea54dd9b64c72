import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tellBeforeEnd } from '../../../src/use-cases/grants/tell-before-end.ts';
import { SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
let aheadMs = 0;
const clock = { now: () => new Date(Date.now() + aheadMs) };
beforeAll(async () => {
  world = await SlackWorld.open({ clock });
  await world.ready();
});
afterAll(() => world?.[Symbol.asyncDispose]());

describe('access that is about to end', () => {
  it('is extended from the message that says so and from the thread, by its holder alone', async () => {
    const { contractor, manager } = world;
    const grants = contractor.grants(await contractor.state()).length;
    await world.request({ targets: ['web-01'] });
    await manager.click(await manager.card('direct'), 'Approve');
    await contractor.granted(grants + 1);
    aheadMs = 46 * 60_000;
    await tellBeforeEnd({ store: world.store, clock })();
    const notice = (words: string) =>
      contractor.until(words, (state) =>
        state.direct_messages[0]?.messages.find((message) => message.plain.includes(words)),
      );
    const form = async (): Promise<string> => {
      const view = await contractor.until('the form', (state) => state.modal?.view);
      expect(view.title.text).toBe('Extend access');
      return JSON.stringify(view);
    };
    const inThread = (who: typeof manager, words: string) =>
      who.until(words, (state) => who.thread(state).findLast((message) => message.plain.includes(words)));
    await inThread(contractor, 'Less than 15 minutes left');
    await manager.click(await inThread(manager, 'Access granted'), 'Extend');
    await manager.until('the refusal', (state) =>
      state.ephemerals.some(({ plain }) => plain.includes('Only the person who has this access can extend it')),
    );
    await contractor.click(await inThread(contractor, 'Access granted'), 'Extend');
    await form();
    await contractor.closeWindow();
    await contractor.click(await notice('Your access ends in 14 minutes'), 'Extend');
    expect(await form()).toContain('web-01');
    const before = manager.cards(await manager.state()).length;
    expect((await contractor.submit({ duration: '3600' })).status).toBe(200);
    await manager.until('the cards', (state) => manager.cards(state).length === before + 2);
    const card = await manager.card('direct');
    expect(card.plain).toMatch(/Extension more time on what they have until .* That makes 1 hour, 46 minutes in all/);
    await manager.click(card, 'Approve');
    await contractor.granted(grants + 2);
    await notice('Your access was extended');
    await inThread(contractor, 'Extended until');
  });
});

describe('access that somebody revokes', () => {
  it('ends once they confirmed it, and its holder is told who and why, but not the thread', async () => {
    const { contractor, manager } = world;
    const announced = await manager.until('the announcement', (state) =>
      manager.thread(state).findLast((message) => message.plain.includes('Access granted')),
    );
    const form = async (title: string): Promise<void> => {
      await manager.until('the form', ({ modal }) => modal?.view.title.text === title);
    };
    await contractor.click(announced, 'Revoke…');
    await contractor.until('the form', ({ modal }) => modal?.view.title.text === 'Hand this back?');
    await contractor.closeWindow();
    await manager.click(announced, 'Revoke…');
    await form('Revoke this access?');
    const secret = await manager.submit({ comment: 'password=hunter2x' });
    expect(secret.body['errors']).toEqual({ comment: expect.stringContaining('looks like it contains a password') });
    expect((await manager.submit({ comment: 'Wrong <server>, sorry' })).status).toBe(200);
    await form('Access ended');
    await manager.closeWindow();
    const told = await contractor.until('the message', (state) =>
      state.direct_messages[0]?.messages.findLast(({ plain }) => plain.startsWith('Your access was ended')),
    );
    expect(told.plain).toMatch(/revoked by Morgan Reyes/);
    expect(told.plain).toContain('Wrong <server>, sorry');
    const said = manager.thread(await manager.state()).map(({ plain }) => plain);
    expect(said.join('\n')).not.toContain('Wrong');
  });
});

describe('a contractor who is deactivated', () => {
  it('loses live access at Slack’s word, and the thread says so', async () => {
    const grants = world.contractor.grants(await world.contractor.state()).length;
    await world.request();
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await world.contractor.granted(grants + 1);
    await world.contractor.call('people/contractor', { deleted: true });
    await world.manager.until('the end', (state) =>
      state.channels
        .flatMap((each) => each.messages)
        .flatMap((each) => each.replies)
        .some(
          (each) => each.plain.includes('Access ended, 0 live sessions') && each.plain.includes('revoked by Daypass'),
        ),
    );
    await world.contractor.call('people/contractor', { deleted: false });
  });
});
