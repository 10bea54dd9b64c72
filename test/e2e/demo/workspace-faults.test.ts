import { once } from 'node:events';
import { request } from 'node:http';
import { webApi } from '@slack/bolt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { button, ENGAGEMENT, WorkspaceApp } from '../../support/worlds/workspace-app.ts';

let world: WorkspaceApp;
beforeEach(async () => {
  world = await WorkspaceApp.start();
});
afterEach(() => world[Symbol.asyncDispose]());

describe('its door', () => {
  const ask = async (path: string, method: string, headers: Record<string, string>): Promise<number | undefined> => {
    const { port } = new URL(world.workspace.url);
    const sent = request({ host: '127.0.0.1', port, path, method, headers }).end();
    const [response] = await once(sent, 'response');
    response.resume();
    return response.statusCode;
  };

  it('answers under its own name only, and to its own pages', async () => {
    const { host } = new URL(world.workspace.url);
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
    (await world.web.conversations.history({ channel: ENGAGEMENT })).messages?.map((message) => message.text) ?? [];
  const post = (text: string) =>
    world.web.chat.postMessage({
      channel: ENGAGEMENT,
      text,
      metadata: { event_type: 'e', event_payload: { key: text } },
    });

  it('answers 500 or 429 without acting, acts without answering, or neither', async () => {
    const fault = (kind: string) => world.people.post('/faults', { kind, method: 'chat.postMessage' });
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
    const found = await world.web.conversations.history({ channel: ENGAGEMENT, include_all_metadata: true, limit: 1 });
    expect(found.messages?.[0]?.metadata?.event_payload).toEqual({ key: 'five' });
    expect(found.has_more).toBe(true);
  });

  it('replays a click, and delivers twice, with the same ids', async () => {
    const triggers: string[] = [];
    world.app.action('go', async ({ ack, body }) => {
      await ack();
      if (body.type === 'block_actions') triggers.push(body.trigger_id);
    });
    const { ts } = await world.web.chat.postMessage({
      channel: ENGAGEMENT,
      text: 'x',
      blocks: [{ type: 'actions', elements: [button('go', 'Go')] }],
    });
    await world.people.post('/faults', { kind: 'replayed_click' });
    await world.people.act('manager', 'clicks', { channel: ENGAGEMENT, ts, action_id: 'go' });
    expect(triggers).toHaveLength(2);
    expect(new Set(triggers).size).toBe(1);
  });

  it('asks for another connection, as Slack does, and the app comes back', async () => {
    const again = once(world.receiver.client as never, 'connected');
    await world.people.post('/faults', { kind: 'disconnect' });
    await again;
    world.app.command('/access', async ({ ack }) => ack('here'));
    await world.people.act('manager', 'commands', { channel: ENGAGEMENT, text: '/access' });
    expect((await world.people.state('manager')).ephemerals[0]?.text).toBe('here');
  });
});
