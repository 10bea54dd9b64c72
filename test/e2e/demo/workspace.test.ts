import { once } from 'node:events';
import { request } from 'node:http';
import { App, type Logger, LogLevel, SocketModeReceiver, type types, webApi } from '@slack/bolt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startWorkspace, type Workspace } from '../../../src/demo/workspace/workspace.ts';
import { type Seen, workspacePeople } from '../../support/peers/workspace-people.ts';

const ENGAGEMENT = 'C0ENGAGE00';
const plain = (text: string) => ({ type: 'plain_text', text }) as const;
const section = (text: string) => ({ type: 'section', text: { type: 'mrkdwn', text } }) as const;
const button = (action: string, text: string, value = 'x') =>
  ({ type: 'button', action_id: action, text: plain(text), value }) as const;

const nothing = (): void => undefined;
/** Refusals are what these tests are about; Bolt's lines on them would only be noise. */
const silent: Logger = {
  ...{ debug: nothing, info: nothing, warn: nothing, error: nothing, setLevel: nothing, setName: nothing },
  getLevel: () => LogLevel.ERROR,
};
const emptyView = (): types.ModalView => ({ type: 'modal', title: plain('x'), blocks: [] });

let clockOffset = 0;
let workspace: Workspace;
let app: App;
let receiver: SocketModeReceiver;
let web: webApi.WebClient;
let people: ReturnType<typeof workspacePeople>;

async function startApp(): Promise<void> {
  const clientOptions = { slackApiUrl: workspace.apiUrl, retryConfig: { retries: 0 }, logger: silent };
  receiver = new SocketModeReceiver({
    appToken: workspace.appToken,
    logger: silent,
    installerOptions: { clientOptions },
  });
  app = new App({ token: workspace.botToken, receiver, clientOptions, logger: silent });
  await app.start();
}

beforeEach(async () => {
  clockOffset = 0;
  workspace = await startWorkspace({ port: 0, now: () => Date.now() + clockOffset });
  web = new webApi.WebClient(workspace.botToken, {
    slackApiUrl: workspace.apiUrl,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    logger: silent,
    timeout: 500,
  });
  people = workspacePeople(workspace.url);
  await startApp();
});

afterEach(async () => {
  await app.stop();
  await workspace[Symbol.asyncDispose]();
});

/** Slack's error code for a call. */
async function errorOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    if (error instanceof webApi.WebAPIPlatformError) return error.data.error;
    throw error;
  }
}

const threadOf = (state: Seen, ts: string) =>
  state.channels.flatMap((channel) => channel.messages).find((message) => message.ts === ts)?.replies ?? [];

const askView = {
  type: 'modal',
  callback_id: 'ask',
  private_metadata: 'secret of the app',
  title: plain('Ask'),
  submit: plain('Send'),
  blocks: [
    { type: 'input', block_id: 'why', label: plain('Why'), element: { type: 'plain_text_input', action_id: 'text' } },
    {
      type: 'input',
      block_id: 'hosts',
      label: plain('Hosts'),
      element: { type: 'multi_external_select', action_id: 'pick', min_query_length: 0 },
    },
    {
      type: 'input',
      block_id: 'who',
      label: plain('Who decides'),
      element: { type: 'multi_users_select', action_id: 'who' },
    },
    {
      type: 'input',
      block_id: 'where',
      label: plain('Where'),
      element: {
        type: 'conversations_select',
        action_id: 'where',
        default_to_current_conversation: true,
        filter: { include: ['public', 'private'] },
      },
    },
  ],
} as const;

describe('the story of an app', () => {
  it('goes from command to form, to a mistake at its field, to a message with buttons, to its update', async () => {
    const values: unknown[] = [];
    app.command('/access', async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: askView as never });
    });
    app.options('pick', async ({ ack, payload }) => {
      const options = ['web-01', 'db-01'].filter((each) => each.includes(payload.value));
      await ack({ options: options.map((each) => ({ text: plain(each), value: each })) });
    });
    app.view('ask', async ({ ack, view, client }) => {
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
    app.action('approve', async ({ ack, body, client }) => {
      await ack();
      if (body.type !== 'block_actions' || !body.message) throw new Error('not pressed on a message');
      await client.chat.update({
        channel: ENGAGEMENT,
        ts: body.message['ts'],
        text: `Approved by <@${body.user.id}>`,
        blocks: [section(`Approved by <@${body.user.id}> &amp; nobody else`)],
      });
    });

    await people.act('contractor', 'commands', { channel: '#acme-migration', text: '/access request' });
    const opened = await people.until('contractor', (state) => state.modal);
    expect(opened.view).toMatchObject({ type: 'modal', title: { text: 'Ask' } });
    expect(JSON.stringify(opened)).not.toContain('secret of the app');

    const offered = await people.get(`/personas/contractor/options?block_id=hosts&action_id=pick&q=web`);
    expect(offered).toMatchObject({ options: [{ value: 'web-01' }] });

    const incomplete = await people.try('contractor', 'submissions', { values: { Why: 'no' } });
    expect(incomplete).toMatchObject({ status: 422, body: { errors: { hosts: expect.stringContaining('required') } } });

    const filled = { Hosts: ['web-01'], 'Who decides': 'manager' };
    const wrong = await people.try('contractor', 'submissions', { values: filled });
    expect(wrong).toMatchObject({ status: 422, body: { errors: { why: 'Say more.' } } });
    expect((await people.state('contractor')).modal?.errors).toEqual({ why: 'Say more.' });

    await people.act('contractor', 'submissions', { values: { why: { text: 'the migration' } } });
    expect((await people.state('contractor')).modal).toBeNull();
    expect(values).toMatchObject([
      {
        why: { text: { type: 'plain_text_input', value: 'the migration' } },
        hosts: { pick: { selected_options: [{ value: 'web-01' }] } },
        who: { who: { selected_users: ['U0MANAGER0'] } },
        where: { where: { selected_conversation: ENGAGEMENT } },
      },
    ]);

    const card = await people.until('manager', (state) => people.message(state, /A request/));
    await people.act('manager', 'clicks', { channel: ENGAGEMENT, ts: card.ts, button: 'Approve' });
    const updated = await people.until('contractor', (state) => people.message(state, /Approved by/));
    expect(updated).toMatchObject({ ts: card.ts, edited: true, plain: 'Approved by @Morgan Reyes & nobody else' });
  });

  it('takes files in three calls and gives them to who is in the conversation, and to nobody else', async () => {
    const { channel } = await web.conversations.open({ users: 'U0CONTRACT' });
    await web.filesUploadV2({
      channel_id: channel?.id ?? '',
      initial_comment: 'Your certificate',
      file_uploads: [{ filename: 'a-cert.pub', content: 'ssh-ed25519-cert' }],
    } as never);
    const [file] = (await people.state('contractor')).files;
    expect(file).toMatchObject({ name: 'a-cert.pub', size: 16 });
    expect(await people.download(file?.download ?? '')).toBe('ssh-ed25519-cert');
    expect((await people.state('manager')).files).toEqual([]);
    await expect(people.download(`/personas/manager/files/${file?.id}/a-cert.pub`)).rejects.toThrow('404');
  });

  it('hears words in direct messages, mentions in channels, the opening of the home tab, and changes of people', async () => {
    const heard: string[] = [];
    for (const type of ['message', 'app_mention', 'user_change'] as const) {
      app.event(type, async ({ event }) => void heard.push(`${type} ${'text' in event ? event.text : ''}`));
    }
    app.event('app_home_opened', async ({ event, client }) => {
      await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [section('Hello')] } });
    });
    await people.act('contractor', 'messages', { channel: '@app', text: 'help <!channel>' });
    await people.act('manager', 'messages', { channel: ENGAGEMENT, text: 'not for the app' });
    await people.act('manager', 'messages', { channel: ENGAGEMENT, text: '@Daypass list' });
    await people.post('/people/contractor', { deleted: true });
    await people.act('manager', 'clicks', { home: true });
    expect(await people.until('manager', (state) => state.home)).toMatchObject({ view: { type: 'home' } });
    expect(heard).toEqual(['message help &lt;!channel&gt;', 'app_mention <@U0DAYPASS0> list', 'user_change ']);
  });
});

describe('what Slack refuses', () => {
  const post = (blocks: unknown, text = 'text') =>
    errorOf(web.chat.postMessage({ channel: ENGAGEMENT, text, blocks: blocks as never }));
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
    const call = web.chat.postMessage({
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
    const posted = await web.chat.postMessage({
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
    const posted = await web.chat.postMessage({ channel: ENGAGEMENT, text: 'x' });
    const longer = { channel: ENGAGEMENT, ts: posted.ts ?? '', text: 'x'.repeat(4_001) };
    expect(await errorOf(web.chat.update(longer))).toBe('msg_too_long');
  });

  it('places, people and messages that the app cannot reach', async () => {
    expect(await errorOf(web.chat.postMessage({ channel: 'C0GENERAL0', text: 'x' }))).toBe('not_in_channel');
    expect(await errorOf(web.chat.postMessage({ channel: 'C0NOWHERE0', text: 'x' }))).toBe('channel_not_found');
    expect(await errorOf(web.conversations.open({ users: 'U0NOBODY00' }))).toBe('user_not_found');
    expect(await errorOf(web.users.info({ user: 'U0NOBODY00' }))).toBe('user_not_found');
    expect(await errorOf(web.chat.update({ channel: ENGAGEMENT, ts: '1.2', text: 'x' }))).toBe('message_not_found');
    const said = await people.act('manager', 'messages', { channel: ENGAGEMENT, text: 'mine' });
    const theirs = { channel: ENGAGEMENT, ts: String(said['ts']), text: 'x' };
    expect(await errorOf(web.chat.update(theirs))).toBe('cant_update_message');
    const whisper = { channel: 'C0SECURITY', user: 'U0MANAGER0', text: 'x' };
    expect(await errorOf(web.chat.postEphemeral(whisper))).toBe('user_not_in_channel');
  });

  it('calls without the scope, with the wrong token, or of unknown methods', async () => {
    expect(await errorOf(web.files.info({ file: 'F1' }))).toBe('missing_scope');
    expect(await errorOf(web.apiCall('no.such.method'))).toBe('unknown_method');
    expect(await errorOf(web.apps.connections.open())).toBe('not_allowed_token_type');
    const other = new webApi.WebClient('xoxb-wrong', { slackApiUrl: workspace.apiUrl, logger: silent });
    expect(await errorOf(other.auth.test())).toBe('invalid_auth');
  });

  it('triggers used twice or after three seconds, and views beyond the limits', async () => {
    const triggers: string[] = [];
    const arrived = new Promise<void>((resolve) => {
      app.command('/access', async ({ ack, body }) => {
        await ack();
        triggers.push(body.trigger_id);
        if (triggers.length === 2) resolve();
      });
    });
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access a' });
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access b' });
    await arrived;
    const open = (trigger: string | undefined, more: object = {}) =>
      errorOf(web.views.open({ trigger_id: trigger ?? '', view: { ...emptyView(), ...more } }));
    expect(await open(triggers[0], { title: plain('x'.repeat(25)) })).toBe('invalid_arguments');
    expect(await open(triggers[0], { blocks: askView.blocks })).toBe('invalid_arguments');
    expect(await open(triggers[0], { private_metadata: 'x'.repeat(3_001) })).toBe('invalid_arguments');
    expect(await open(triggers[0], { private_metadata: 'x'.repeat(250_001) })).toBe('view_too_large');
    expect(await open(triggers[0])).toBe('ok');
    expect(await open(triggers[0])).toBe('exchanged_trigger_id');
    clockOffset = 3_100;
    expect(await open(triggers[1])).toBe('expired_trigger_id');
  });

  it('updates of a view that has changed meanwhile', async () => {
    const view = emptyView();
    const opened = new Promise<webApi.ViewsOpenResponse>((resolve) => {
      app.command('/access', async ({ ack, body, client }) => {
        await ack();
        resolve(await client.views.open({ trigger_id: body.trigger_id, view }));
      });
    });
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    const { view: first } = await opened;
    const change = { view_id: first?.id ?? '', hash: first?.hash ?? '', view };
    expect(await errorOf(web.views.update(change))).toBe('ok');
    expect(await errorOf(web.views.update(change))).toBe('hash_conflict');
    expect(await errorOf(web.views.update({ view_id: 'V0', view }))).toBe('not_found');
  });

  it('the sixth answer through one response URL, and any after half an hour', async () => {
    const urls: string[] = [];
    app.command('/access', async ({ ack, body }) => {
      await ack();
      urls.push(body.response_url);
    });
    const respond = async (url: string | undefined) =>
      (await fetch(url ?? '', { method: 'POST', body: JSON.stringify({ text: 'hi' }) })).status;
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    const answers = [];
    for (let use = 0; use < 6; use += 1) answers.push(await respond(urls[0]));
    expect(answers).toEqual([200, 200, 200, 200, 200, 404]);
    clockOffset = 31 * 60_000;
    expect(await respond(urls[1])).toBe(404);
  });
});

describe('who sees what', () => {
  it('shows an ephemeral message to its reader only, who alone can press its button', async () => {
    const pressed: string[] = [];
    app.action('go', async ({ ack, body }) => {
      await ack();
      pressed.push(body.user.id);
    });
    const posted = await web.chat.postEphemeral({
      channel: ENGAGEMENT,
      user: 'U0CONTRACT',
      text: 'psst',
      blocks: [{ type: 'actions', elements: [button('go', 'Go')] }],
    });
    const ts = posted.message_ts ?? '';
    expect((await people.state('contractor')).ephemerals).toMatchObject([{ text: 'psst', ephemeral: true }]);
    expect((await people.state('manager')).ephemerals).toEqual([]);
    const click = { channel: ENGAGEMENT, ts, button: 'Go' };
    expect(await people.try('manager', 'clicks', click)).toMatchObject({ status: 404 });
    expect(await people.try('contractor', 'clicks', click)).toMatchObject({ status: 200 });
    expect(pressed).toEqual(['U0CONTRACT']);
    expect(await errorOf(web.chat.update({ channel: ENGAGEMENT, ts, text: 'x' }))).toBe('message_not_found');
  });

  it('keeps people out of channels that they are not in', async () => {
    const posted = await web.chat.postMessage({ channel: 'C0SECURITY', text: 'for security' });
    expect((await people.state('contractor')).channels.map((channel) => channel.name)).toEqual(['acme-migration']);
    expect(JSON.stringify(await people.state('manager'))).not.toContain('for security');
    const click = { channel: 'C0SECURITY', ts: posted.ts, button: 'Go' };
    expect(await people.try('contractor', 'clicks', click)).toMatchObject({ status: 404 });
    const message = { channel: 'C0SECURITY', text: 'hello' };
    expect(await people.try('contractor', 'messages', message)).toMatchObject({ status: 404 });
  });

  it('gives each person windows of their own', async () => {
    app.command('/access', async ({ ack, body, client }) => {
      await ack();
      await client.views.open({ trigger_id: body.trigger_id, view: askView as never });
    });
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    await people.until('manager', (state) => state.modal);
    expect((await people.state('contractor')).modal).toBeNull();
    expect(await people.try('contractor', 'submissions', { values: {} })).toMatchObject({ status: 409 });
    await people.act('manager', 'submissions', { close: true });
    expect((await people.state('manager')).modal).toBeNull();
  });

  it('tells the person when the app does not answer within three seconds', async () => {
    app.command('/access', async () => undefined);
    const answer = await people.try('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    expect(answer).toMatchObject({ status: 504, body: { message: expect.stringContaining('did not respond') } });
    expect((await people.state('manager')).ephemerals[0]?.text).toContain('did not respond');
  });
});

describe('its door', () => {
  const ask = async (path: string, method: string, headers: Record<string, string>): Promise<number | undefined> => {
    const { port } = new URL(workspace.url);
    const sent = request({ host: '127.0.0.1', port, path, method, headers }).end();
    const [response] = await once(sent, 'response');
    response.resume();
    return response.statusCode;
  };

  it('answers under its own name only, and to its own pages', async () => {
    const { host } = new URL(workspace.url);
    expect(await ask('/personas/manager/state', 'GET', { host })).toBe(200);
    expect(await ask('/personas/manager/state', 'GET', { host: 'evil.example' })).toBe(403);
    expect(await ask('/personas/manager/state', 'GET', { host: `evil.example:80` })).toBe(403);
    const json = { 'content-type': 'application/json' };
    expect(await ask('/faults', 'POST', { host, origin: 'http://evil.example', ...json })).toBe(403);
    expect(await ask('/faults', 'POST', { host, 'content-type': 'text/plain' })).toBe(415);
  });
});

describe('faults', () => {
  const history = async () =>
    (await web.conversations.history({ channel: ENGAGEMENT })).messages?.map((message) => message.text) ?? [];
  const post = (text: string) =>
    web.chat.postMessage({ channel: ENGAGEMENT, text, metadata: { event_type: 'e', event_payload: { key: text } } });

  it('answers 500 or 429 without acting, acts without answering, or neither', async () => {
    const fault = (kind: string) => people.post('/faults', { kind, method: 'chat.postMessage' });
    await fault('http_500');
    await expect(post('one')).rejects.toThrow();
    await fault('rate_limited');
    await expect(post('two')).rejects.toBeInstanceOf(webApi.WebAPIRateLimitedError);
    await fault('lost');
    await expect(post('three')).rejects.toThrow();
    await fault('timeout');
    await expect(post('four')).rejects.toThrow();
    await post('five');
    expect((await history()).slice(0, 2)).toEqual(['five', 'four']);
    const found = await web.conversations.history({ channel: ENGAGEMENT, include_all_metadata: true, limit: 1 });
    expect(found.messages?.[0]?.metadata?.event_payload).toEqual({ key: 'five' });
    expect(found.has_more).toBe(true);
  });

  it('replays a click, and delivers twice, with the same ids', async () => {
    const triggers: string[] = [];
    app.action('go', async ({ ack, body }) => {
      await ack();
      if (body.type === 'block_actions') triggers.push(body.trigger_id);
    });
    const { ts } = await web.chat.postMessage({
      channel: ENGAGEMENT,
      text: 'x',
      blocks: [{ type: 'actions', elements: [button('go', 'Go')] }],
    });
    await people.post('/faults', { kind: 'replayed_click' });
    await people.act('manager', 'clicks', { channel: ENGAGEMENT, ts, action_id: 'go' });
    expect(triggers).toHaveLength(2);
    expect(new Set(triggers).size).toBe(1);
  });

  it('asks for another connection, as Slack does, and the app comes back', async () => {
    const again = once(receiver.client as never, 'connected');
    await people.post('/faults', { kind: 'disconnect' });
    await again;
    app.command('/access', async ({ ack }) => ack('here'));
    await people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    expect((await people.state('manager')).ephemerals[0]?.text).toBe('here');
  });
});

it('puts answers to a thread into the thread', async () => {
  const root = await web.chat.postMessage({ channel: ENGAGEMENT, text: 'root' });
  await web.chat.postMessage({ channel: ENGAGEMENT, text: 'reply', thread_ts: root.ts ?? '' });
  const replies = threadOf(await people.state('security'), root.ts ?? '');
  expect(replies.map((message) => message.text)).toEqual(['reply']);
  const { messages } = await web.conversations.replies({ channel: ENGAGEMENT, ts: root.ts ?? '' });
  expect(messages?.map((message) => message.text)).toEqual(['root', 'reply']);
});
