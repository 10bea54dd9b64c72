import { describe, expect, it } from 'vitest';
import { createLog } from '../../../../src/log.ts';
import { OwnApp } from '../../../../src/slack/conversations/own-app.ts';
import type { Fetch } from '../../../../src/slack/workspace/network.ts';
import { RefusedRequests } from '../../../../src/slack/workspace/refused-requests.ts';

const ELSEWHERE = expect.stringContaining('installed in another workspace');
const elsewhere = { team: { id: 'T2' }, enterprise: { id: 'E1' }, user: { id: 'U1' } };
const url = 'https://hooks.slack.example/1';

/** What came of a payload: how it was acknowledged, what was told, and what was noted. */
async function handled(body: Record<string, unknown>, respond: Fetch = async () => ({ ok: true, status: 200 })) {
  const log = createLog('silent');
  const came = { acks: [] as unknown[], told: [] as unknown[], noted: [] as unknown[], heard: 0 };
  const fetch: Fetch = (to, init) => {
    came.told.push([to, JSON.parse(String(init.body)) as unknown]);
    return respond(to, init);
  };
  const refused = new RefusedRequests(log);
  refused.note = (...what) => void came.noted.push(what);
  const app = new OwnApp(
    {
      authorize: async () => ({ botToken: 'xoxb-1' }),
      receiver: { init: () => undefined, start: async () => undefined, stop: async () => undefined },
      convoStore: false,
    },
    { own: { teamId: 'T1', enterpriseId: 'E1', botUserId: 'UBOT' }, fetch, log, refused },
  );
  app.use(async () => {
    came.heard += 1;
  });
  await app.processEvent({ body, ack: async (answer) => void came.acks.push(answer) });
  return came;
}

describe('what belongs to another workspace', () => {
  it.each<[string, Record<string, unknown>, unknown]>([
    ['a command', { command: '/access', team_id: 'T2' }, { response_type: 'ephemeral', text: ELSEWHERE }],
    ['a form', { type: 'view_submission', ...elsewhere }, { response_action: 'update', view: expect.anything() }],
    ['a menu', { type: 'block_suggestion', ...elsewhere }, { options: [] }],
    ['a click', { type: 'block_actions', ...elsewhere }, undefined],
    ['an event', { type: 'event_callback', event: { type: 'user_change' }, team_id: 'T2' }, undefined],
  ])('reaches no listener as %s, and is acknowledged', async (_, body, answer) => {
    const came = await handled(body);
    expect(came).toMatchObject({ acks: [answer], told: [], heard: 0, noted: [['T2', 'another_workspace']] });
  });

  it('tells who pressed something where to go, if Slack takes it', async () => {
    const click = { type: 'block_actions', response_url: url, ...elsewhere };
    expect((await handled(click)).told).toEqual([[url, expect.objectContaining({ text: ELSEWHERE })]]);
    const broken: Fetch = async () => ({ ok: false, status: 500 });
    expect(await handled(click, broken)).toMatchObject({ acks: [undefined], heard: 0 });
  });
});

it('what belongs to its own workspace reaches the listeners', async () => {
  expect(await handled({ command: '/access', team_id: 'T1' })).toMatchObject({ heard: 1, noted: [] });
});
