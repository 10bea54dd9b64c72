import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buttonsOf } from '../../support/peers/persona.ts';
import { ENGAGEMENT_CHANNEL, SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
beforeAll(async () => {
  world = await SlackWorld.open();
  await world.ready();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const slack = (fault: Record<string, unknown>): Promise<unknown> => world.contractor.call('faults', fault);
const FILLED = { targets: ['web-01'], login: 'deploy', scope: 'shell', duration: '3600', reason: 'Typed with care' };
const requests = async (): Promise<number> =>
  Number((await world.sql('select count(*) as n from access_request'))[0]?.['n']);
const granted = async (): Promise<number> =>
  Number((await world.sql('select count(*) as n from access_grant'))[0]?.['n']);
const formStands = async (): Promise<string> => {
  const state = await world.contractor.state();
  expect(state.modal?.view.callback_id).toBe('request');
  return JSON.stringify(state.modal);
};

describe('a form', () => {
  it('stays as it was filled in where Slack cannot be asked, says so in it, and can be sent off again', async () => {
    const before = await requests();
    await world.contractor.openForm();
    await slack({ kind: 'http_500', method: 'users.info' });
    const refused = await world.contractor.submit(FILLED);
    expect(refused).toMatchObject({ status: 422, body: { message: expect.stringMatching(/Slack did not respond/) } });
    expect(await formStands()).toContain('Typed with care');
    expect((await world.contractor.submit({})).body).toMatchObject({ modal: 'closed' });
    expect(await requests()).toBe(before + 1);
  });

  it('stays behind a window that says what came of it, where Slack is slow and then refuses', async () => {
    const before = await requests();
    await world.contractor.openForm();
    await slack({ kind: 'slow', ms: 2_700, method: 'users.info' });
    const sent = await world.contractor.submit(FILLED);
    expect(sent.body).toMatchObject({ modal: 'pushed' });
    await world.contractor.until('the outcome', (state) => /the same access/.test(JSON.stringify(state.modal)));
    await world.contractor.closeWindow();
    expect(await formStands()).toContain('Typed with care');
    expect((await world.contractor.submit({ duration: '900' })).body).toMatchObject({ modal: 'closed' });
    expect(await requests()).toBe(before + 1);
  });

  it('tells by a message what was not done, where the window was closed meanwhile', async () => {
    await world.contractor.openForm();
    await slack({ kind: 'slow', ms: 2_700, method: 'users.info' });
    await world.contractor.submit(FILLED);
    await world.contractor.closeWindow();
    await world.contractor.closeWindow();
    await world.contractor.until('the message', (state) =>
      state.direct_messages
        .flatMap((each) => each.messages)
        .some((each) => /not processed.*the same access/i.test(each.plain)),
    );
  });

  it('follows the last of several quick choices of an engagement, and keeps what was typed', async () => {
    await world.openEngagement({ name: 'Second', targets: ['db-01'], scopes: ['shell'] });
    const ids = Object.fromEntries(
      (await world.sql('select id, name from engagement')).map((row) => [String(row['name']), String(row['id'])]),
    );
    await world.contractor.say('request');
    const answer = await world.contractor.until('the answer', (state) =>
      state.direct_messages[0]?.messages.findLast((each) => each.plain.includes('Press the button to open the form')),
    );
    await world.contractor.click(answer, 'Request access');
    await world.contractor.until('the form', (state) => state.modal?.view.callback_id === 'request');
    const first = ids['Order database migration'] ?? '';
    const second = ids['Second'] ?? '';
    await world.contractor.choose('pick_engagement', first);
    await world.contractor.until('its fields', (state) => JSON.stringify(state.modal).includes('Duration, starting'));
    // The second update is on its way while a third choice is made.
    await slack({ kind: 'slow', ms: 700, method: 'views.update' });
    const values = { reason: 'Typed with care' };
    const choose = (value: string): Promise<unknown> =>
      world.contractor.call('personas/contractor/clicks', { view: true, action_id: 'pick_engagement', value, values });
    await Promise.all([choose(second), choose(first), choose(second)]);
    const shown = await world.contractor.until('the last choice', (state) => {
      const modal = JSON.stringify(state.modal);
      return modal.includes('db-01') && !modal.includes('web-01') && modal;
    });
    expect(shown).toContain('Typed with care');
    expect(shown).not.toContain('went wrong');
    await world.contractor.closeWindow();
  });
});

describe('a click', () => {
  it('that came too late for a window says so, and to press again', async () => {
    const root = await world.contractor.until('the root message', (state) => world.contractor.root(state));
    await slack({ kind: 'slow', ms: 3_200, method: 'users.info' });
    await world.contractor.click(root, 'Request access');
    const told = await world.contractor.until('what to do', (state) =>
      state.ephemerals.find((message) => /three seconds/.test(message.plain)),
    );
    expect(told.plain).toMatch(/Try again/);
    expect(told.plain).not.toMatch(/went wrong/);
    await world.contractor.command('/access list', ENGAGEMENT_CHANNEL);
  });

  it('in the Home tab that came too late is answered by a message', async () => {
    await world.contractor.openHome();
    await world.contractor.until('the home tab', (state) => state.home !== null);
    await slack({ kind: 'slow', ms: 3_200, method: 'users.info' });
    const [open = ''] = buttonsOf((await world.contractor.state()).home?.view ?? { blocks: [] }).filter((action) =>
      action.startsWith('open_request'),
    );
    await world.contractor.call('personas/contractor/clicks', { home: true, action_id: open });
    await world.contractor.until('the message', (state) =>
      state.direct_messages.flatMap((each) => each.messages).some((each) => /three seconds/.test(each.plain)),
    );
  });

  it('on a card of which nobody knows whether it was posted is acted on', async () => {
    const before = await granted();
    // Slack posts both cards, and Daypass never hears of it.
    await slack({ kind: 'timeout', times: 3, method: 'chat.postMessage' });
    await world.contractor.openForm();
    await world.contractor.submit({ ...FILLED, duration: '14400', reason: 'In doubt' });
    const card = await world.manager.until('the card', (state) =>
      world.manager.cards(state).find((each) => each.thread_ts === null && each.plain.includes('In doubt')),
    );
    await world.manager.click(card, 'Approve');
    await expect.poll(granted, { timeout: 4_000 }).toBe(before + 1);
    await world.noFaults();
    const cards = await world.manager.until('the cards decided', (state) => {
      const all = world.manager.cards(state).filter((each) => each.plain.includes('In doubt'));
      return all.length >= 2 && all.every((each) => !buttonsOf(each).includes('approve')) && all;
    });
    expect(cards.filter((each) => each.thread_ts === null)).toHaveLength(1);
  });

  it('goes before what is read of strangers, however many of them change at once', async () => {
    const before = await granted();
    await world.request({ reason: 'Beside strangers' });
    const card = await world.manager.until('the card', (state) =>
      world.manager.cards(state).find((each) => each.thread_ts === null && each.plain.includes('Beside strangers')),
    );
    await slack({ kind: 'slow', ms: 50, times: 500, method: 'users.info' });
    await world.contractor.call('strangers', { changes: 60 });
    await world.manager.click(card, 'Approve');
    await expect.poll(granted, { timeout: 4_000 }).toBe(before + 1);
    await world.noFaults();
  });
});

describe('an app that was removed', () => {
  it('is an error that says why and what to do, and messages wait until it is back', async () => {
    await slack({ kind: 'error', error: 'account_inactive', times: 10_000 });
    await world.contractor.command('/access help', ENGAGEMENT_CHANNEL);
    await expect
      .poll(() => world.health(), { timeout: 20_000 })
      .toMatchObject({ ok: false, error: 'account_inactive' });
    await world.noFaults();
    await world.contractor.command('/access help', ENGAGEMENT_CHANNEL);
    await expect.poll(() => world.health(), { timeout: 20_000 }).toEqual({ ok: true });
  });
});

describe('a channel with another id', () => {
  it('is followed: its thread goes on there, and its cards count', async () => {
    const moved = 'C0MOVED000';
    await world.contractor.call(`moves/${ENGAGEMENT_CHANNEL}`, { id: moved });
    const before = await granted();
    await world.request({ reason: 'After the move' });
    const card = await world.manager.until('the card in the thread', (state) =>
      world.manager
        .cards(state)
        .find((each) => each.thread_ts !== null && each.channel === moved && each.plain.includes('After the move')),
    );
    await world.manager.click(card, 'Approve');
    await expect.poll(granted, { timeout: 10_000 }).toBe(before + 1);
  });
});
