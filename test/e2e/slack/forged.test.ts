import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import pino from 'pino';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Forgery, forgeries } from '../../support/peers/forgeries.ts';
import type { Message } from '../../support/peers/persona.ts';
import { FORM, form, fresh, interaction, JSON_TYPE, send, sendSigned } from '../../support/peers/slack-requests.ts';
import { ENGAGEMENT_CHANNEL, MEMBER, SlackWorld, TEAM } from '../../support/worlds/slack-world.ts';

const COUNT = process.env['DAYPASS_LONG'] === '1' ? 10_000 : 400;
const AT_ONCE = 10;
const SEED = 20_261_130;

const refusals: { from: string; why: string; time: number }[] = [];
const log = pino(
  { level: 'info' },
  {
    write: (line: string) => {
      const said = JSON.parse(line) as { from: string; why: string; time: number; msg: string };
      if (said.msg.startsWith('a request was refused')) refusals.push(said);
    },
  },
);
let world: SlackWorld;
let card: Message;
beforeAll(async () => {
  world = await SlackWorld.open({ log }, [], { way: 'http' });
  await world.ready();
  await world.request();
  card = await world.manager.card('direct');
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** Presses Approve, asks for a code that registers a key, says a word: each would do something. */
const GENUINE: readonly (() => { readonly type: string; readonly body: string })[] = [
  () => ({ type: FORM, body: interaction(approval()) }),
  () => ({ type: FORM, body: form(command()) }),
  () => ({ type: JSON_TYPE, body: JSON.stringify(word()) }),
];

function approval(): object {
  const button = card.blocks
    .flatMap((block) => block.elements ?? [])
    .find((element) => (element as { action_id?: string }).action_id === 'approve');
  const message = { ts: card.ts, user: 'U0DAYPASS0' };
  const container = { type: 'message', message_ts: card.ts, channel_id: card.channel };
  return {
    ...{ type: 'block_actions', trigger_id: fresh(), team: { id: TEAM }, user: { id: MEMBER.manager, team_id: TEAM } },
    ...{ channel: { id: card.channel }, container, message, actions: [button] },
  };
}
const command = (): Record<string, string> => ({
  ...{ command: '/access', text: 'key', team_id: TEAM, user_id: MEMBER.contractor, channel_id: ENGAGEMENT_CHANNEL },
  ...{ trigger_id: fresh(), response_url: `${world.workspace.url}response/unknown` },
});
const word = (): object => ({
  ...{ type: 'event_callback', team_id: TEAM, event_id: fresh() },
  event: { type: 'message', channel_type: 'im', user: MEMBER.contractor, channel: 'D1', text: 'help', ts: '1.1' },
});

async function rows(): Promise<object> {
  const tables = await world.sql("select tablename as name from pg_tables where schemaname = 'public'");
  const counted = tables.map(async ({ name }) => [
    name,
    await world.sql(
      `select count(*) as n, coalesce(sum(('x' || substr(md5(t::text), 1, 8))::bit(32)::bigint), 0) as sum from "${String(name)}" t`,
    ),
  ]);
  return Object.fromEntries((await Promise.all(counted)) as [string, unknown][]);
}

it(`takes none of ${COUNT} forged requests, does nothing for them, and writes few lines`, async () => {
  if (world.transport.kind !== 'http') throw new Error('no HTTP');
  const { transport: place } = world;
  await expect.poll(async () => (await world.sql("select 1 from outbox where status = 'waiting'")).length).toBe(0);
  const before = await rows();
  const state = (await world.manager.state()).version;
  const calls: string[] = [];
  const note = (message: unknown): void => {
    const { url = '' } = (message as { request: IncomingMessage }).request;
    if (/^\/(?:api|response|upload)\//.test(url)) calls.push(url);
  };
  subscribe('http.server.request.start', note);
  const since = Date.now();
  const seen = new Map<string, number>();
  const all = forgeries(SEED, place.signingSecret, GENUINE);
  const attempt = async ({ kind, type, headers, body }: Forgery): Promise<void> => {
    const answer = await send(place, type, headers, body);
    expect({ kind, ...answer }).toEqual({ kind, status: 401, body: '' });
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
  };
  for (let sent = 0; sent < COUNT; sent += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => attempt(all.next().value)));
  }
  unsubscribe('http.server.request.start', note);
  const minutes = 1 + Math.floor((Date.now() - since) / 60_000);
  const lines = new Map<string, number>();
  for (const { from, why } of refusals) lines.set(`${why} ${from}`, (lines.get(`${why} ${from}`) ?? 0) + 1);
  expect(Math.max(...lines.values())).toBeLessThanOrEqual(minutes);
  expect(lines.size).toBeGreaterThan(1);
  expect(seen.size).toBeGreaterThan(20);
  expect(calls).toEqual([]);
  expect(await rows()).toEqual(before);
  expect((await world.manager.state()).version).toBe(state);

  // The same requests do something where Slack signed them.
  for (const genuine of GENUINE) {
    const { type, body } = genuine();
    expect((await sendSigned(place, place.signingSecret, type, body)).status).toBe(200);
  }
  await world.contractor.granted();
});
