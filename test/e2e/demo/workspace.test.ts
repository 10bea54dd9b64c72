import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Seen } from '../../support/peers/workspace-people.ts';
import {
  askView,
  button,
  ENGAGEMENT,
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

const threadOf = (state: Seen, ts: string) =>
  state.channels.flatMap((channel) => channel.messages).find((message) => message.ts === ts)?.replies ?? [];

describe('the story of an app', () => {
  it('goes from command to form, to a mistake at its field, to a message with buttons, to its update', async () => {
    const values: unknown[] = [];
    world.app.command('/access', async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: askView as never });
    });
    world.app.options('pick', async ({ ack, payload }) => {
      const options = ['web-01', 'db-01'].filter((each) => each.includes(payload.value));
      await ack({ options: options.map((each) => ({ text: plain(each), value: each })) });
    });
    world.app.view('ask', async ({ ack, view, client }) => {
      if (view.state.values['why']?.['text']?.value === 'no') {
        await ack({ response_action: 'errors', errors: { why: 'Say more.' } });
        return;
      }
      values.push(view.state.values);
      await ack();
      await client.chat.postMessage({
        channel: ENGAGEMENT,
        text: 'A request',
        blocks: [section('A request'), { type: 'actions', elements: [button('approve', 'Approve', 'r1')] }],
      });
    });
    world.app.action('approve', async ({ ack, body, client }) => {
      await ack();
      if (body.type !== 'block_actions' || !body.message) throw new Error('not pressed on a message');
      await client.chat.update({
        channel: ENGAGEMENT,
        ts: body.message['ts'],
        text: `Approved by <@${body.user.id}>`,
        blocks: [section(`Approved by <@${body.user.id}> &amp; nobody else`)],
      });
    });

    await world.people.act('contractor', 'commands', { channel: '#acme-migration', text: '/access request' });
    const opened = await world.people.until('contractor', (state) => state.modal);
    expect(opened.view).toMatchObject({ type: 'modal', title: { text: 'Ask' } });
    expect(JSON.stringify(opened)).not.toContain('secret of the app');

    const offered = await world.people.get(`/personas/contractor/options?block_id=hosts&action_id=pick&q=web`);
    expect(offered).toMatchObject({ options: [{ value: 'web-01' }] });

    const incomplete = await world.people.try('contractor', 'submissions', { values: { Why: 'no' } });
    expect(incomplete).toMatchObject({ status: 422, body: { errors: { hosts: expect.stringContaining('required') } } });

    const filled = { Hosts: ['web-01'], 'Who decides': 'manager' };
    const wrong = await world.people.try('contractor', 'submissions', { values: filled });
    expect(wrong).toMatchObject({ status: 422, body: { errors: { why: 'Say more.' } } });
    expect((await world.people.state('contractor')).modal?.errors).toEqual({ why: 'Say more.' });

    await world.people.act('contractor', 'submissions', { values: { why: { text: 'the migration' } } });
    expect((await world.people.state('contractor')).modal).toBeNull();
    expect(values).toMatchObject([
      {
        why: { text: { type: 'plain_text_input', value: 'the migration' } },
        hosts: { pick: { selected_options: [{ value: 'web-01' }] } },
        who: { who: { selected_users: ['U0MANAGER0'] } },
        where: { where: { selected_conversation: ENGAGEMENT } },
      },
    ]);

    const card = await world.people.until('manager', (state) => world.people.message(state, /A request/));
    await world.people.act('manager', 'clicks', { channel: ENGAGEMENT, ts: card.ts, button: 'Approve' });
    const updated = await world.people.until('contractor', (state) => world.people.message(state, /Approved by/));
    expect(updated).toMatchObject({ ts: card.ts, edited: true, plain: 'Approved by @Morgan Reyes & nobody else' });
  });

  it('takes files in three calls and gives them to who is in the conversation, and to nobody else', async () => {
    const { channel } = await world.web.conversations.open({ users: 'U0CONTRACT' });
    await world.web.filesUploadV2({
      channel_id: channel?.id ?? '',
      initial_comment: 'Your certificate',
      file_uploads: [{ filename: 'a-cert.pub', content: 'ssh-ed25519-cert' }],
    } as never);
    const [file] = (await world.people.state('contractor')).files;
    expect(file).toMatchObject({ name: 'a-cert.pub', size: 16 });
    expect(await world.people.download(file?.download ?? '')).toBe('ssh-ed25519-cert');
    expect((await world.people.state('manager')).files).toEqual([]);
    await expect(world.people.download(`/personas/manager/files/${file?.id}/a-cert.pub`)).rejects.toThrow('404');
  });

  it('hears words in direct messages, mentions in channels, the opening of the home tab, and changes of people', async () => {
    const heard: string[] = [];
    for (const type of ['message', 'app_mention', 'user_change'] as const) {
      world.app.event(type, async ({ event }) => void heard.push(`${type} ${'text' in event ? event.text : ''}`));
    }
    world.app.event('app_home_opened', async ({ event, client }) => {
      await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [section('Hello')] } });
    });
    await world.people.act('contractor', 'messages', { channel: '@app', text: 'help <!channel>' });
    await world.people.act('manager', 'messages', { channel: ENGAGEMENT, text: 'not for the app' });
    await world.people.act('manager', 'messages', { channel: ENGAGEMENT, text: '@Daypass list' });
    await world.people.post('/people/contractor', { deleted: true });
    await world.people.act('manager', 'clicks', { home: true });
    expect(await world.people.until('manager', (state) => state.home)).toMatchObject({ view: { type: 'home' } });
    expect(heard).toEqual(['message help &lt;!channel&gt;', 'app_mention <@U0DAYPASS0> list', 'user_change ']);
  });
});

describe('who sees what', () => {
  it('shows an ephemeral message to its reader only, who alone can press its button', async () => {
    const pressed: string[] = [];
    world.app.action('go', async ({ ack, body }) => {
      await ack();
      pressed.push(body.user.id);
    });
    const posted = await world.web.chat.postEphemeral({
      channel: ENGAGEMENT,
      user: 'U0CONTRACT',
      text: 'psst',
      blocks: [{ type: 'actions', elements: [button('go', 'Go')] }],
    });
    const ts = posted.message_ts ?? '';
    expect((await world.people.state('contractor')).ephemerals).toMatchObject([{ text: 'psst', ephemeral: true }]);
    expect((await world.people.state('manager')).ephemerals).toEqual([]);
    const click = { channel: ENGAGEMENT, ts, button: 'Go' };
    expect(await world.people.try('manager', 'clicks', click)).toMatchObject({ status: 404 });
    expect(await world.people.try('contractor', 'clicks', click)).toMatchObject({ status: 200 });
    expect(pressed).toEqual(['U0CONTRACT']);
    expect(await errorOf(world.web.chat.update({ channel: ENGAGEMENT, ts, text: 'x' }))).toBe('message_not_found');
  });

  it('keeps people out of channels that they are not in', async () => {
    const posted = await world.web.chat.postMessage({ channel: 'C0SECURITY', text: 'for security' });
    expect((await world.people.state('contractor')).channels.map((channel) => channel.name)).toEqual([
      'acme-migration',
    ]);
    expect(JSON.stringify(await world.people.state('manager'))).not.toContain('for security');
    const click = { channel: 'C0SECURITY', ts: posted.ts, button: 'Go' };
    expect(await world.people.try('contractor', 'clicks', click)).toMatchObject({ status: 404 });
    const message = { channel: 'C0SECURITY', text: 'hello' };
    expect(await world.people.try('contractor', 'messages', message)).toMatchObject({ status: 404 });
  });

  it('gives each person windows of their own', async () => {
    world.app.command('/access', async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: askView as never });
    });
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    await world.people.until('manager', (state) => state.modal);
    expect((await world.people.state('contractor')).modal).toBeNull();
    expect(await world.people.try('contractor', 'submissions', { values: {} })).toMatchObject({ status: 409 });
    await world.people.act('manager', 'submissions', { close: true });
    expect((await world.people.state('manager')).modal).toBeNull();
  });

  it('tells the person when the app does not answer within three seconds', async () => {
    world.app.command('/access', async () => undefined);
    const answer = await world.people.try('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    expect(answer).toMatchObject({ status: 504, body: { message: expect.stringContaining('did not respond') } });
    expect((await world.people.state('manager')).ephemerals[0]?.text).toContain('did not respond');
  });
});

it('puts answers to a thread into the thread', async () => {
  const root = await world.web.chat.postMessage({ channel: ENGAGEMENT, text: 'root' });
  await world.web.chat.postMessage({ channel: ENGAGEMENT, text: 'reply', thread_ts: root.ts ?? '' });
  const replies = threadOf(await world.people.state('security'), root.ts ?? '');
  expect(replies.map((message) => message.text)).toEqual(['reply']);
  const { messages } = await world.web.conversations.replies({ channel: ENGAGEMENT, ts: root.ts ?? '' });
  expect(messages?.map((message) => message.text)).toEqual(['root', 'reply']);
});
