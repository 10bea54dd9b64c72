import { webApi } from '@slack/bolt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  askView,
  button,
  ENGAGEMENT,
  emptyView,
  errorOf,
  plain,
  section,
  WorkspaceApp,
} from '../../support/worlds/workspace-app.ts';

let world: WorkspaceApp;
beforeEach(async () => {
  world = await WorkspaceApp.start();
});
afterEach(() => world[Symbol.asyncDispose]());

describe('what Slack refuses', () => {
  const post = (blocks: unknown, text = 'text') =>
    errorOf(world.web.chat.postMessage({ channel: ENGAGEMENT, text, blocks: blocks as never }));
  const options = (count: number) =>
    Array.from({ length: count }, (_, index) => ({ text: plain(`o${index}`), value: `v${index}` }));
  const select = (more: object) => [
    { type: 'actions', elements: [{ type: 'static_select', action_id: 's', options: options(3), ...more }] },
  ];

  it.each([
    ['51 blocks', Array.from({ length: 51 }, () => ({ type: 'divider' }))],
    ['a section of 3001 characters', [section('x'.repeat(3001))]],
    ['a section without text', [{ type: 'section' }]],
    ['a header of 151 characters', [{ type: 'header', text: plain('x'.repeat(151)) }]],
    ['a header in mrkdwn', [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }]],
    ['an unknown block', [{ type: 'fancy' }]],
    ['an unknown property', [{ type: 'divider', colour: 'red' }]],
    ['26 buttons', [{ type: 'actions', elements: Array.from({ length: 26 }, (_, index) => button(`a${index}`, 'A')) }]],
    ['a button text of 76', [{ type: 'actions', elements: [button('a', 'x'.repeat(76))] }]],
    ['a button value of 2001', [{ type: 'actions', elements: [button('a', 'x', 'v'.repeat(2001))] }]],
    ['an action_id of 256', [{ type: 'actions', elements: [button('a'.repeat(256), 'x')] }]],
    ['an action_id used twice', [{ type: 'actions', elements: [button('a', 'x'), button('a', 'y')] }]],
    [
      'a block_id used twice',
      [
        { type: 'divider', block_id: 'b' },
        { type: 'divider', block_id: 'b' },
      ],
    ],
    ['101 options', select({ options: options(101) })],
    ['no options', select({ options: [] })],
    ['an option text of 76', select({ options: [{ text: plain('x'.repeat(76)), value: 'v' }] })],
    ['an initial option that is not listed', select({ initial_option: { text: plain('z'), value: 'z' } })],
    ['11 fields', [{ type: 'section', fields: Array.from({ length: 11 }, () => plain('x')) }]],
  ])('a message with %s', async (_, blocks) => {
    expect(await post(blocks)).toBe('invalid_blocks');
  });

  it('says where and why', async () => {
    const call = world.web.chat.postMessage({
      channel: ENGAGEMENT,
      text: 'x',
      blocks: [{ type: 'header', text: plain('') }],
    });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(webApi.WebAPIPlatformError);
    expect((error as webApi.WebAPIPlatformError).data.response_metadata?.messages).toEqual([
      '[ERROR] must be more than 0 characters [json-pointer:/blocks/0/text/text]',
    ]);
  });

  it('rich text that its reference does not know, or that says nothing', async () => {
    const rich = (...elements: unknown[]) => ({ type: 'rich_text', elements }) as never;
    const part = (type: string, ...elements: unknown[]) => ({ type, elements });
    const words = { type: 'text', text: 'x', style: { bold: true } };
    expect(await post([rich(part('rich_text_section', { type: 'text', text: '' }))])).toBe('invalid_blocks');
    expect(await post([rich(part('rich_text_section', { ...words, style: { loud: true } }))])).toBe('invalid_blocks');
    expect(await post([rich(part('rich_text_list', words))])).toBe('invalid_blocks');
    expect(await post([rich(part('rich_text_preformatted', { type: 'user', user_id: 'U1' }))])).toBe('invalid_blocks');
    expect(await post([rich(part('rich_text_section', { type: 'date', timestamp: 1, format: 'today' }))])).toBe(
      'invalid_blocks',
    );
    expect(await post([rich()])).toBe('invalid_blocks');
    const long = { ...words, text: 'x'.repeat(13_300) };
    expect(await post([rich(part('rich_text_quote', long))])).toBe('msg_blocks_too_long');
    const item = { ...part('rich_text_list', part('rich_text_section', words)), style: 'bullet' };
    const posted = await world.web.chat.postMessage({
      channel: ENGAGEMENT,
      text: 'x',
      blocks: [
        rich(part('rich_text_section', words), item, part('rich_text_quote', { type: 'emoji', name: 'key' }, words)),
      ],
    });
    expect(posted.ok).toBe(true);
  });

  it('messages that are empty or too long altogether', async () => {
    expect(await post([], '')).toBe('no_text');
    expect(await post(Array.from({ length: 5 }, () => section('x'.repeat(2_700))))).toBe('msg_blocks_too_long');
    expect(await post(undefined, 'x'.repeat(40_001))).toBe('msg_too_long');
    const posted = await world.web.chat.postMessage({ channel: ENGAGEMENT, text: 'x' });
    const longer = { channel: ENGAGEMENT, ts: posted.ts ?? '', text: 'x'.repeat(4_001) };
    expect(await errorOf(world.web.chat.update(longer))).toBe('msg_too_long');
  });

  it('places, people and messages that the app cannot reach', async () => {
    expect(await errorOf(world.web.chat.postMessage({ channel: 'C0GENERAL0', text: 'x' }))).toBe('not_in_channel');
    expect(await errorOf(world.web.chat.postMessage({ channel: 'C0NOWHERE0', text: 'x' }))).toBe('channel_not_found');
    expect(await errorOf(world.web.conversations.open({ users: 'U0NOBODY00' }))).toBe('user_not_found');
    expect(await errorOf(world.web.users.info({ user: 'U0NOBODY00' }))).toBe('user_not_found');
    expect(await errorOf(world.web.chat.update({ channel: ENGAGEMENT, ts: '1.2', text: 'x' }))).toBe(
      'message_not_found',
    );
    const said = await world.people.act('manager', 'messages', { channel: ENGAGEMENT, text: 'mine' });
    const theirs = { channel: ENGAGEMENT, ts: String(said['ts']), text: 'x' };
    expect(await errorOf(world.web.chat.update(theirs))).toBe('cant_update_message');
    const whisper = { channel: 'C0SECURITY', user: 'U0MANAGER0', text: 'x' };
    expect(await errorOf(world.web.chat.postEphemeral(whisper))).toBe('user_not_in_channel');
  });

  it('calls without the scope, with the wrong token, or of unknown methods', async () => {
    expect(await errorOf(world.web.files.info({ file: 'F1' }))).toBe('missing_scope');
    expect(await errorOf(world.web.apiCall('no.such.method'))).toBe('unknown_method');
    expect(await errorOf(world.web.apps.connections.open())).toBe('not_allowed_token_type');
    expect(await errorOf(world.client('xoxb-wrong').auth.test())).toBe('invalid_auth');
  });

  it('triggers used twice or after three seconds, and views beyond the limits', async () => {
    const triggers: string[] = [];
    const arrived = new Promise<void>((resolve) => {
      world.app.command('/access', async ({ ack, body }) => {
        await ack();
        triggers.push(body.trigger_id);
        if (triggers.length === 2) resolve();
      });
    });
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access a' });
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access b' });
    await arrived;
    const open = (trigger: string | undefined, more: object = {}) =>
      errorOf(world.web.views.open({ trigger_id: trigger ?? '', view: { ...emptyView(), ...more } }));
    expect(await open(triggers[0], { title: plain('x'.repeat(25)) })).toBe('invalid_arguments');
    expect(await open(triggers[0], { blocks: askView.blocks })).toBe('invalid_arguments');
    expect(await open(triggers[0], { private_metadata: 'x'.repeat(3_001) })).toBe('invalid_arguments');
    expect(await open(triggers[0], { private_metadata: 'x'.repeat(250_001) })).toBe('view_too_large');
    expect(await open(triggers[0])).toBe('ok');
    expect(await open(triggers[0])).toBe('exchanged_trigger_id');
    world.pass(3_100);
    expect(await open(triggers[1])).toBe('expired_trigger_id');
  });

  it('updates of a view that has changed meanwhile', async () => {
    const view = emptyView();
    const opened = new Promise<webApi.ViewsOpenResponse>((resolve) => {
      world.app.command('/access', async ({ ack, body, client }) => {
        await ack();
        resolve(await client.views.open({ trigger_id: body.trigger_id, view }));
      });
    });
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    const { view: first } = await opened;
    const change = { view_id: first?.id ?? '', hash: first?.hash ?? '', view };
    expect(await errorOf(world.web.views.update(change))).toBe('ok');
    expect(await errorOf(world.web.views.update(change))).toBe('hash_conflict');
    expect(await errorOf(world.web.views.update({ view_id: 'V0', view }))).toBe('not_found');
  });

  it('the sixth answer through one response URL, and any after half an hour', async () => {
    const urls: string[] = [];
    world.app.command('/access', async ({ ack, body }) => {
      await ack();
      urls.push(body.response_url);
    });
    const respond = async (url: string | undefined) =>
      (await fetch(url ?? '', { method: 'POST', body: JSON.stringify({ text: 'hi' }) })).status;
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    const answers = [];
    for (let use = 0; use < 6; use += 1) answers.push(await respond(urls[0]));
    expect(answers).toEqual([200, 200, 200, 200, 200, 404]);
    world.pass(31 * 60_000);
    expect(await respond(urls[1])).toBe(404);
  });
});
