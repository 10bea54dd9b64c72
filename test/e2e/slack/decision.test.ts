import { webApi } from '@slack/bolt';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buttonsOf, type Message, type State } from '../../support/peers/persona.ts';
import { testSeals } from '../../support/worlds/beside.ts';
import { ENGAGEMENT_CHANNEL, MEMBER, SECURITY_CHANNEL, SlackWorld, TEAM } from '../../support/worlds/slack-world.ts';

let world: SlackWorld;
const opened = async (): Promise<void> => {
  world = await SlackWorld.open({}, ['user_change', 'member_left_channel']);
  await world.ready();
};
const closed = (): Promise<void> => world[Symbol.asyncDispose]();

const rows = async (table: string): Promise<number> =>
  Number((await world.sql(`select count(*) as n from ${table}`))[0]?.['n']);
/** What became of the request that was asked last. */
const latest = async (): Promise<{ status: unknown; grants: number }> => {
  const [row] = await world.sql(
    `select r.status, (select count(*) from access_grant g where g.request_id = r.id) as grants
     from access_request r order by r.requested_at desc limit 1`,
  );
  return { status: row?.['status'], grants: Number(row?.['grants']) };
};
const grants = async (): Promise<number> => world.contractor.grants(await world.contractor.state()).length;
const announcements = (state: State): number =>
  world.contractor.thread(state).filter((message) => message.plain.includes('Access granted')).length;

async function granted(times = 1): Promise<void> {
  await world.contractor.granted(times);
  await world.contractor.until('the announcement', (state) => announcements(state) >= times);
}

const decidedCards = (): Promise<readonly Message[]> =>
  world.manager.until('decided cards', (state) => {
    const cards = world.manager.cards(state);
    return cards.length > 0 && cards.every((card) => !buttonsOf(card).includes('approve')) && cards;
  });

const whisper = (text: string | RegExp): Promise<Message> =>
  world.manager.until(`a whisper: ${text}`, (state) => state.ephemerals.find((message) => message.plain.match(text)));

describe('a request approved in Slack', () => {
  beforeEach(opened);
  afterEach(closed);

  it('tells the contractor what to type, brings files to who asks for them, and tells the thread', async () => {
    await world.request({ ticket: 'OPS-1' });
    const card = await world.manager.card('direct');
    expect(card.plain).toContain('Casey Lind');
    expect(card.plain).toContain('web-01 Web server');
    expect(card.plain).toContain('db-01 Order database');
    expect(card.plain).toContain('1 hour, starting at approval');
    expect(card.plain).toContain('one manager approves');
    await world.manager.click(card, 'Approve');
    await granted();
    const told = await world.contractor.granted();
    expect(told.text).toBe(
      'You have access: db-01 and web-01 as deploy, scope shell, for 1 hour, in Order database migration',
    );
    expect(told.plain).toContain('ssh db-01.demo.daypass\nssh web-01.demo.daypass');
    expect(told.files).toEqual([]);
    await world.files();
    const state = await world.contractor.state();
    const certificate = state.files.find((file) => file.name.endsWith('-cert.pub'));
    expect(await world.contractor.file(certificate?.download ?? '')).toMatch(/^ssh-ed25519-cert-v01@openssh\.com AAAA/);
    const config = state.files.find((file) => file.name.endsWith('.conf'));
    expect(await world.contractor.file(config?.download ?? '')).toContain(
      'Host db-01.demo.daypass web-01.demo.daypass',
    );
    expect(state.files.some((file) => file.name.endsWith('.known_hosts'))).toBe(true);
    await world.contractor.click(told, 'Other ways in');
    await world.contractor.until('that they are there', (seen) =>
      seen.ephemerals.some((message) => message.plain.includes('The files were already sent')),
    );
    expect((await world.contractor.state()).files).toHaveLength(state.files.length);
    for (const each of await decidedCards()) expect(each.plain).toMatch(/Approved by Morgan Reyes/);
  });

  it('is signed where policy wants it: the click shows the command, and the card who signed', async () => {
    const DAY_MS = 86_400_000;
    world.wants('signed');
    await world.request();
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await whisper(/signed with your SSH key, and you have not registered one. Run \/access key/);
    const key = await world.registerKey(MEMBER.manager, new Date(Date.now() - 2 * DAY_MS));
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    const { plain } = await whisper(/does not count yet/);
    const [, name = ''] = /^ssh (approve-\S+)@127\.0\.0\.1 -p 2222$/m.exec(plain) ?? [];
    await world.manager.until('the command on the card', (state) =>
      world.manager.cards(state).some((card) => card.plain.includes(name)),
    );
    const inThread = await world.manager.card('thread');
    expect([
      inThread.plain.includes(name),
      inThread.plain.includes('Needs a signature with the reviewer’s key'),
    ]).toEqual([false, true]);
    expect(await latest()).toMatchObject({ status: 'pending', grants: 0 });
    expect(await world.sign(key.proof(name, null))).toMatchObject({ ok: true });
    await granted();
    const shown = key.fingerprint.slice(0, 'SHA256:'.length + 12);
    for (const each of await decidedCards())
      expect(each.plain).toContain(`Approved by Morgan Reyes (signed with key ${shown})`);
  });

  it('gives nothing to who left the channel meanwhile, whether or not Slack told of it', async () => {
    await world.request();
    await world.contractor.call(`channels/${ENGAGEMENT_CHANNEL}`, { leave: 'contractor' });
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    expect((await whisper(/no longer in the engagement’s channel/)).plain).toContain('Nothing was granted');
    expect(await latest()).toMatchObject({ status: 'pending', grants: 0 });
  });

  it('goes with its channel: that Daypass was removed from it is told at once, and read again when it is invited', async () => {
    const channel = (change: object) => world.contractor.call(`channels/${ENGAGEMENT_CHANNEL}`, change);
    const told = (what: RegExp) =>
      world.security.until(`security’s channel: ${what}`, (state) =>
        state.channels
          .filter(({ id }) => id === SECURITY_CHANNEL)
          .flatMap(({ messages }) => messages.map(({ plain }) => plain))
          .find((plain) => what.test(plain)),
      );
    await world.request();
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await granted();
    await channel({ app: false });
    expect(await told(/no longer shows who is in the channel/)).toMatch(
      /the channel of Order database migration \(channel_not_found\).* will be paused from .*Invite Daypass to it again/s,
    );
    await channel({ leave: 'contractor' });
    await channel({ app: true });
    await told(/shows who is in the channel of Order database migration again/);
    expect(await told(/left the channel of Order database migration/)).toMatch(/Casey Lind .* 1 grant revoked/);
  });

  it.each([
    ['answers slowly', { kind: 'slow', ms: 6_000 }],
    ['fails', { kind: 'error', error: 'internal_error' }],
    ['does not know it', { kind: 'error', error: 'channel_not_found' }],
  ])('counts on what was last read of the channel where Slack %s', async (_, fault) => {
    await world.request();
    await world.contractor.call('faults', { ...fault, times: 1, method: 'conversations.members' });
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await granted();
  });

  it('has one effect under a hundred clicks at once: one grant, one certificate, one message', async () => {
    await world.request();
    const [direct, thread] = [await world.manager.card('direct'), await world.manager.card('thread')];
    // The cards keep their buttons meanwhile, so that every click arrives.
    await world.fault('rate_limited', 500, 'chat.update');
    const clicks = Array.from({ length: 100 }, (_, n) => world.manager.click(n % 2 === 0 ? direct : thread, 'Approve'));
    for (const { status: answered } of await Promise.all(clicks)) expect(answered).toBe(200);
    await world.noFaults();
    await granted();
    await whisper(/already approved by Morgan Reyes/);
    expect(await rows('access_grant')).toBe(1);
    expect(await rows('certificate')).toBe(1);
    expect(await grants()).toBe(1);
    const announced = world.contractor
      .thread(await world.contractor.state())
      .filter((each) => each.plain.includes('Access granted'));
    expect(announced).toHaveLength(1);
  });

  it('has one effect when Slack replays the click, and says nothing twice', async () => {
    await world.request();
    await world.fault('replayed_click');
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await granted();
    await decidedCards();
    expect(await rows('access_grant')).toBe(1);
    expect(await world.manager.whispers()).toEqual([]);
  });

  it('can be denied with a remark that the contractor reads and the thread does not', async () => {
    await world.request();
    await world.manager.click(await world.manager.card('direct'), 'Deny…');
    await world.manager.until('the form', (state) => state.modal?.view.callback_id === 'deny');
    expect((await world.manager.submit({ comment: 'Ask for db-01 alone' })).body).toMatchObject({ modal: 'closed' });
    await world.contractor.until('the denial', (state) =>
      JSON.stringify(state.direct_messages).includes('Ask for db-01 alone'),
    );
    await decidedCards();
    const thread = world.contractor.thread(await world.contractor.state());
    expect(thread.some((message) => message.plain.includes('Denied by Morgan Reyes'))).toBe(true);
    expect(JSON.stringify(thread)).not.toContain('Ask for db-01 alone');
    expect(await rows('access_grant')).toBe(0);
  });
});

describe('an approval is refused', () => {
  beforeAll(opened);
  afterAll(closed);

  const tells = async (who: 'contractor' | 'manager' | 'security', text: RegExp): Promise<void> => {
    await world[who].until(`refusal ${text}`, (state) => text.test(state.ephemerals.at(-1)?.plain ?? ''));
    expect(await latest()).toEqual({ status: 'pending', grants: 0 });
  };

  /** Makes the manager a manager again, and Daypass see it. */
  const back = async (change: Record<string, boolean>): Promise<void> => {
    await world.manager.call('people/manager', change);
    await world.manager.command('/access help', ENGAGEMENT_CHANNEL);
    await world.manager.until('help', (state) => state.ephemerals.at(-1)?.plain.startsWith('Daypass gives'));
  };

  it('of one’s own request', async () => {
    await world.request();
    await world.contractor.click(await world.contractor.card('thread'), 'Approve');
    await tells('contractor', /You cannot review your own request/);
  });

  it('from somebody who is no reviewer of the engagement', async () => {
    await world.request();
    await world.security.click(await world.security.card('thread'), 'Approve');
    await tells('security', /you are not a reviewer of this engagement/);
  });

  it('from a reviewer who became a guest a moment ago', async () => {
    await world.request();
    const card = await world.manager.card('direct');
    await world.manager.call('people/manager', { is_restricted: true });
    await world.manager.click(card, 'Approve');
    await tells('manager', /you are not a reviewer of this engagement/);
    await back({ is_restricted: false });
  });

  it('from a reviewer who was deactivated a moment ago', async () => {
    await world.request();
    const card = await world.manager.card('direct');
    await world.manager.call('people/manager', { deleted: true });
    await world.manager.click(card, 'Approve');
    await tells('manager', /deactivated/);
    await back({ deleted: false });
  });

  it('by a button that somebody else put into another message', async () => {
    await world.request();
    const card = await world.manager.card('direct');
    const value = JSON.stringify(card.blocks).match(/"value":"([0-9a-f-]+:[0-9a-f]+)"/)?.[1] ?? '';
    expect(value).not.toBe('');
    const { botToken, apiUrl } = world.workspace;
    const rogue = new webApi.WebClient(botToken, { slackApiUrl: apiUrl });
    const text = { type: 'plain_text', text: 'Free coffee' } as const;
    await rogue.chat.postMessage({
      channel: ENGAGEMENT_CHANNEL,
      text: 'Coffee?',
      blocks: [{ type: 'actions', elements: [{ type: 'button', action_id: 'approve', text, value }] }],
    });
    const coffee = await world.manager.until('coffee', (state) =>
      state.channels.flatMap((channel) => channel.messages).find((message) => message.text === 'Coffee?'),
    );
    await world.manager.click(coffee, 'Free coffee');
    await tells('manager', /not on a review card/);
  });

  it('of a request whose row was edited after it was asked for', async () => {
    await world.request();
    const card = await world.manager.card('direct');
    await world.sql(`alter table access_request disable trigger user;
      update access_request set ask = jsonb_set(ask::jsonb, '{durationSeconds}', '14400') where status = 'pending';
      alter table access_request enable trigger user`);
    await world.manager.click(card, 'Approve');
    await tells('manager', /tampered/);
  });

  it('while Slack cannot say who is asking, and works once it can', async () => {
    await world.request();
    const card = await world.manager.card('direct');
    await world.fault('http_500', 1, 'users.info');
    await world.manager.click(card, 'Approve');
    await tells('manager', /Slack did not respond .* Try again in a moment/);
    await world.manager.click(card, 'Approve');
    await granted();
  });

  it('of one’s own request through another Slack account of the same person', async () => {
    const { id } = await world.person(MEMBER.contractor);
    const mac = testSeals.seal('account', { personId: id, teamId: TEAM, userId: MEMBER.security, enterpriseId: null });
    await world.sql('delete from slack_account where user_id = $1', [MEMBER.security]);
    await world.sql(
      'insert into slack_account (person_id, team_id, user_id, ordinal, mac) values ($1, $2, $3, 9, $4)',
      [id, TEAM, MEMBER.security, mac],
    );
    await world.request();
    await world.security.click(await world.security.card('thread'), 'Approve');
    await tells('security', /You cannot review your own request/);
  });
});

describe('a decision while Slack is unwell', () => {
  beforeAll(opened);
  afterAll(closed);

  const POSTING = ['chat.postMessage', 'chat.update'];

  it.each(['http_500', 'timeout', 'lost', 'rate_limited'])('loses and doubles nothing through %s', async (kind) => {
    const before = await grants();
    await world.request();
    const card = await world.manager.card('direct');
    const times = kind === 'http_500' || kind === 'rate_limited' ? 2 : 1;
    for (const method of POSTING) await world.fault(kind, times, method);
    await world.manager.click(card, 'Approve');
    await granted(before + 1);
    await decidedCards();
    await world.noFaults();
    expect(await grants()).toBe(before + 1);
    const state = await world.contractor.state();
    expect(announcements(state)).toBe(before + 1);
    const cards = world.contractor.thread(state).filter((each) => each.plain.startsWith('Access request'));
    expect(cards).toHaveLength(before + 1);
  });

  it('tells of it after a restart, when it stopped between decision and message', async () => {
    const before = await grants();
    await world.request();
    const card = await world.manager.card('direct');
    for (const method of POSTING) await world.fault('http_500', 10_000, method);
    await world.manager.click(card, 'Approve');
    await expect.poll(latest, { timeout: 20_000 }).toEqual({ status: 'approved', grants: 1 });
    await world.stop();
    expect(await grants()).toBe(before);
    await world.noFaults();
    await world.start();
    await granted(before + 1);
    expect(await grants()).toBe(before + 1);
  });

  it('acts on a click in the moment in which Slack asks for both connections anew, and on those after', async () => {
    const before = await grants();
    await world.request();
    const card = await world.manager.card('direct');
    await world.fault('disconnect');
    expect((await world.manager.click(card, 'Approve')).status).toBe(200);
    await granted(before + 1);
    await world.request();
    const again = await world.manager.card('direct');
    await world.fault('disconnect');
    expect((await world.manager.click(again, 'Approve')).status).toBe(200);
    await granted(before + 2);
  });
});
