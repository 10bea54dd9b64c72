import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buttonsOf } from '../../support/peers/persona.ts';
import { ENGAGEMENT_CHANNEL, MEMBER, SlackWorld } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
beforeAll(async () => {
  world = await SlackWorld.open();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

const answered = async (text: string, expected: RegExp): Promise<string> => {
  await world.manager.command(text, ENGAGEMENT_CHANNEL);
  return world.manager.until(`an answer to ${text}`, (state) => {
    const last = state.ephemerals.at(-1)?.plain ?? '';
    return expected.test(last) && last;
  });
};

describe('/access', () => {
  it('names the known words for an unknown one, and only to who asked', async () => {
    const answer = await answered('/access <!channel>', /Daypass has no command <!channel>/);
    for (const word of ['request', 'list', 'revoke', 'key', 'engagement', 'help'])
      expect(answer).toContain(`/access ${word}`);
    expect(JSON.stringify((await world.security.state()).ephemerals)).not.toContain('has no command');
  });

  it('shows the one-time code as the line that registers a key', async () => {
    const answer = await answered('/access key', /Run this on the machine that has your SSH key/);
    expect(answer).toMatch(/ssh register-[a-z2-9]{16}@127\.0\.0\.1 -p 2222/);
    expect(answer).toMatch(/\[127\.0\.0\.1\]:2222 ssh-ed25519 AAAA/);
    expect(answer).toContain('within 15 minutes');
  });

  it('answers list and revoke where there is nothing yet', async () => {
    await answered('/access list', /You have no access, no open requests/);
    await answered('/access revoke', /no access that you can end/);
    await answered('/access revoke 12345678', /starting with “12345678”/);
    await answered('/access engagement', /engagement new/);
  });

  it('lets no guest open an engagement', async () => {
    await world.contractor.command('/access engagement new', ENGAGEMENT_CHANNEL);
    await world.contractor.until('a refusal', (state) =>
      state.ephemerals.some((message) => message.plain.includes('Only full members of this workspace')),
    );
    expect((await world.contractor.state()).modal).toBeNull();
  });
});

describe('the engagement’s form', () => {
  const errors = async (change: Record<string, unknown>): Promise<unknown> => {
    await world.manager.command('/access engagement new', ENGAGEMENT_CHANNEL);
    await world.manager.until('the form', (state) => state.modal?.view.callback_id === 'engagement');
    const { body } = await world.manager.submit({
      ...{ name: 'X', vendor: 'V', channel: ENGAGEMENT_CHANNEL, members: [MEMBER.contractor], targets: ['web-01'] },
      ...{ scopes: ['shell'], reviewers: [MEMBER.manager], last_day: '2999-12-31' },
      ...change,
    });
    await world.manager.closeWindow();
    return body['errors'];
  };

  it('shows mistakes at their field', async () => {
    expect(await errors({ last_day: '2001-01-01' })).toEqual({ last_day: expect.stringContaining('already passed') });
    expect(await errors({ reviewers: [MEMBER.contractor] })).toEqual({
      reviewers: expect.stringContaining('Casey Lind is a member of this engagement'),
    });
    expect(await errors({ channel: 'C0GENERAL0' })).toEqual({ channel: expect.stringContaining('/invite @Daypass') });
    expect(await errors({ name: '   ' })).toEqual({ name: expect.any(String) });
  });
});

describe('the request form', () => {
  it('says how to register a key where there is none, and shows the code in the same window', async () => {
    await world.openEngagement({ scopes: ['shell', 'files-rw', 'files-ro'] });
    await world.contractor.openForm();
    const view = await world.contractor.until('the window', (state) => state.modal?.view);
    expect(view.title.text).toBe('Register a key first');
    await world.contractor.clickInWindow('Show my one-time code');
    await world.contractor.until('the code', (state) => /ssh register-[a-z2-9]{16}@/.test(JSON.stringify(state.modal)));
    await world.contractor.closeWindow();
  });

  it('shows mistakes at their field and keeps the window open', async () => {
    await world.registerKey();
    await world.contractor.openForm();
    const { status, body } = await world.contractor.submit({
      ...{ targets: ['web-01'], login: 'deploy', scope: 'shell', duration: '28800', reason: 'Long work' },
    });
    expect(status).toBe(422);
    expect(body['errors']).toEqual({ duration: expect.stringContaining('at most 4 hours') });
    expect((await world.contractor.state()).modal?.view.callback_id).toBe('request');
    const empty = await world.contractor.submit({
      ...{ targets: ['web-01'], login: 'deploy', scope: 'shell', duration: '3600', reason: 'need access' },
    });
    expect(empty.body['errors']).toEqual({ reason: expect.stringContaining('Reviewers need more than that') });
    await world.contractor.closeWindow();
  });

  it('says who will be asked while it is filled in, keeps what was typed, and asks Slack nothing about people', async () => {
    await world.contractor.openForm();
    await world.fault('error', 9, 'users.info');
    const said = (expected: RegExp) =>
      world.contractor.until('the preview', ({ modal }) => expected.test(JSON.stringify(modal?.view.blocks)));
    const [row] = await world.sql('select id from engagement');
    const choose = (field: string, value: string | readonly string[]) =>
      world.contractor.call('personas/contractor/clicks', {
        ...{ view: true, action_id: `${field}:${row?.['id']}`, value, values: { reason: 'Rotate the logs' } },
      });
    await said(/Choose targets, login, scope and duration/);
    await choose('targets', ['web-01', 'db-01']);
    await choose('scope', 'shell');
    await said(/one manager approves.*it needs.*1 approval.*Morgan Reyes.*will be asked/);
    await choose('duration', '28800');
    await said(/too long: the rule “.*one manager approves.*” allows at most 4 hours/);
    await choose('scope', 'files-ro');
    await said(/reading files/);
    expect(JSON.stringify((await world.contractor.state()).modal?.values)).toContain('Rotate the logs');
    await world.noFaults();
    await world.contractor.closeWindow();
  });

  it('opens from a word in a direct message and in a mention, by a button', async () => {
    await world.contractor.say('request please');
    const direct = await world.contractor.until('the answer', (state) =>
      state.direct_messages[0]?.messages.find((message) => message.plain.includes('Press the button to open the form')),
    );
    await world.contractor.click(direct, 'Request access');
    await world.contractor.until('the form', (state) => state.modal?.view.callback_id === 'request');
    await world.contractor.closeWindow();
    await world.contractor.say('@Daypass help', ENGAGEMENT_CHANNEL);
    const whisper = await world.contractor.until('the whisper', (state) =>
      state.ephemerals.find((message) => message.plain.includes('Daypass gives temporary SSH access')),
    );
    await world.contractor.click(whisper, 'Request access');
    await world.contractor.until('the form', (state) => state.modal?.view.callback_id === 'request');
    await world.contractor.closeWindow();
  });

  it('fills its menus anew where another engagement is chosen', async () => {
    await world.openEngagement({ name: 'Engagement two', targets: ['db-01'], scopes: ['files-rw'] });
    await world.contractor.until(
      'both roots',
      (state) =>
        state.channels.flatMap((each) => each.messages).filter((each) => each.plain.startsWith('Engagement')).length ===
        2,
    );
    await world.contractor.say('request');
    const last = await world.contractor.until('the answer', (state) =>
      state.direct_messages[0]?.messages
        .filter((each) => each.plain.includes('Press the button to open the form'))
        .at(1),
    );
    await world.contractor.click(last, 'Request access');
    await world.contractor.until('the form', (state) =>
      JSON.stringify(state.modal).includes('Choose an engagement first'),
    );
    const two = (await world.sql("select id from engagement where name = 'Engagement two'"))[0]?.['id'];
    await world.contractor.choose('pick_engagement', String(two));
    const view = await world.contractor.until('its fields', (state) => {
      const shown = JSON.stringify(state.modal?.view ?? '');
      return shown.includes('Duration, starting') && shown;
    });
    expect(view).toContain('db-01');
    expect(view).not.toContain('web-01');
    await world.contractor.closeWindow();
  });
});

describe('a request typed as one line', () => {
  const LINE = 'request web-01 1h shell "Rotate the logs" OPS-7 in "Order database migration"';

  it('guests who have no slash commands can do all of it: the message has duration and hosts, and says who was asked', async () => {
    const cards = world.manager.cards(await world.manager.state()).length;
    await world.contractor.say(LINE);
    const answer = await world.contractor.until('the answer', (state) =>
      state.direct_messages[0]?.messages.find((message) => message.plain.includes('Your request was sent')),
    );
    for (const part of ['web-01', '1 hour', 'deploy', 'shell', 'Morgan Reyes was asked', 'one manager approves'])
      expect(answer.plain).toContain(part);
    await world.manager.until('the cards', (state) => world.manager.cards(state).length === cards + 2);
    await world.manager.click(await world.manager.card('direct'), 'Comment…');
    await world.manager.until('the window', ({ modal }) => modal?.view.callback_id === 'comment');
    expect((await world.manager.submit({ comment: 'Which logs?' })).status).toBe(200);
    const asked = await world.contractor.until('the comment', (state) =>
      state.direct_messages[0]?.messages.find((message) => message.plain.includes('commented on your request')),
    );
    expect(asked.plain).toContain('Which logs?');
    await world.manager.until('the card', (state) => world.manager.cards(state)[0]?.plain.includes('Comments'));
    expect(world.contractor.thread(await world.contractor.state()).map(({ plain }) => plain)).not.toContain(
      'Which logs?',
    );
    await world.contractor.click(answer, 'Edit');
    await world.contractor.until('the form', ({ modal }) => modal?.view.title.text === 'Change your request');
    expect((await world.contractor.submit({ duration: '900' })).status).toBe(200);
    await world.manager.until('the other cards', (state) => world.manager.cards(state).length === cards + 4);
    const shown = world.manager.cards(await world.manager.state()).map(({ plain }) => plain);
    expect(shown.filter((card) => card.includes('Replaced by the requester'))).toHaveLength(2);
    const receipt = await world.contractor.until('the receipt', (state) =>
      state.direct_messages[0]?.messages.findLast((message) => message.plain.includes('15 minutes')),
    );
    await world.contractor.click(receipt, 'Withdraw');
    await world.manager.until('the end', (state) => world.manager.cards(state).at(-1)?.plain.includes('Withdrawn'));
  });

  it('is not filed where a word was not understood: the form opens with the others', async () => {
    const cards = world.manager.cards(await world.manager.state()).length;
    await world.contractor.say(`@Daypass ${LINE.replace('shell', 'shel')}`, ENGAGEMENT_CHANNEL);
    const whisper = await world.contractor.until('the whisper', (state) =>
      state.ephemerals.find((message) => message.plain.includes('shel was not understood')),
    );
    await world.contractor.click(whisper, 'Request access');
    const shown = async (): Promise<string> =>
      JSON.stringify(await world.contractor.until('the form', ({ modal }) => modal?.view.callback_id && modal));
    for (const part of ['shel', 'was not understood', 'Rotate the logs', 'OPS-7'])
      expect(await shown()).toContain(part);
    await world.contractor.closeWindow();
    await world.contractor.command(`/access ${LINE.replace('1h', '30h')}`, ENGAGEMENT_CHANNEL);
    await world.contractor.until('the form', ({ modal }) => JSON.stringify(modal).includes('allows at most 4 hours'));
    await world.contractor.closeWindow();
    await world.contractor.say('request web-01 1h shell "the password is hunter22!"');
    const refused = await world.contractor.until('a refusal', (state) =>
      state.direct_messages[0]?.messages.find((message) => message.plain.includes('looks like it contains')),
    );
    expect(refused.plain).not.toContain('hunter22');
    expect(world.manager.cards(await world.manager.state()).length).toBe(cards);
  });
});

describe('what one has', () => {
  it('stands in the Home tab with its time left, and can be handed back there', async () => {
    await world.request({});
    const card = await world.manager.card('direct');
    await world.manager.openHome();
    const waiting = await world.manager.until('the home tab', (state) => state.home?.view);
    expect(JSON.stringify(waiting)).toContain(`/archives/${card.channel}/p${card.ts.replace('.', '')}`);
    expect(JSON.stringify(waiting)).toContain('Engagements you look after');
    await world.manager.click(card, 'Approve');
    await world.contractor.granted();
    await world.contractor.openHome();
    const home = await world.contractor.until('the home tab', (state) => state.home?.view);
    expect(JSON.stringify(home)).toMatch(/59 minutes|1 hour/);
    const [hand] = buttonsOf(home).filter((action) => action.startsWith('end_grant:'));
    await world.contractor.call('personas/contractor/clicks', { home: true, action_id: hand });
    await world.contractor.until('the end', (state) =>
      state.channels
        .flatMap((each) => each.messages)
        .flatMap((each) => each.replies)
        .some((each) => each.plain.includes('Access ended, 0 live sessions')),
    );
    const end = await world.manager.until('the thread', (state) =>
      state.channels
        .flatMap((each) => each.messages)
        .flatMap((each) => each.replies)
        .find((each) => each.plain.includes('Access ended')),
    );
    expect(end.plain).toContain('handed back by Casey Lind');
  });

  it('has ids and digests behind Details, for guests as well', async () => {
    const [row] = await world.sql('select id, digest from access_grant');
    const announced = await world.contractor.until('the announcement', (state) =>
      world.contractor.thread(state).find((message) => message.plain.startsWith('Access granted')),
    );
    expect(announced.plain).not.toContain(String(row?.['digest']));
    await world.contractor.click(announced, 'Details');
    const view = await world.contractor.until(
      'the window',
      ({ modal }) => modal?.view.title.text === 'Details' && modal.view,
    );
    for (const fact of [row?.['id'], row?.['digest']]) expect(JSON.stringify(view)).toContain(String(fact));
    await world.contractor.closeWindow();
  });

  it('is asked for again by one button, in a form that is filled in as before', async () => {
    await world.request({ targets: ['db-01'], scope: 'files-rw', login: 'deploy', ticket: 'OPS-1042' });
    const grants = world.contractor.grants(await world.contractor.state()).length;
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await world.contractor.granted(grants + 1);
    await world.contractor.openHome();
    const [extend] = buttonsOf(
      await world.contractor.until(
        'the home tab',
        (state) => JSON.stringify(state.home).includes('extend_grant') && state.home?.view,
      ),
    ).filter((action) => action.startsWith('extend_grant:'));
    await world.contractor.call('personas/contractor/clicks', { home: true, action_id: extend });
    const view = await world.contractor.until('the form', (state) => state.modal?.view);
    expect(view.title.text).toBe('Extend access');
    expect(JSON.stringify(view)).toContain('Running sessions continue');
    const before = world.manager.cards(await world.manager.state()).length;
    expect((await world.contractor.submit({ duration: '14400' })).status).toBe(200);
    await world.manager.until('the cards', (state) => world.manager.cards(state).length === before + 2);
    const card = await world.manager.card('direct');
    for (const asked of ['db-01', 'deploy', 'files-rw', 'Move the order database', 'OPS-1042', '4 hours'])
      expect(card.plain).toContain(asked);
    expect(card.plain).not.toContain('web-01');
    await world.manager.click(card, 'Approve');
    await world.contractor.granted(grants + 2);
  });
});

describe('a token that does not work', () => {
  it('stops the start with Slack’s reason, and nothing else', async () => {
    await world.stop();
    await expect(world.start({ botToken: 'xoxb-wrong' })).rejects.toThrow(
      /invalid_auth: check SLACK_BOT_TOKEN, SLACK_APP_TOKEN/,
    );
    await expect(world.start({ transport: { kind: 'socket', appToken: 'xapp-wrong' } })).rejects.toThrow(
      /invalid_auth: check SLACK_BOT_TOKEN, SLACK_APP_TOKEN/,
    );
    await world.start();
  });
});
