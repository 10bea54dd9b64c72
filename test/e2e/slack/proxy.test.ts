import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import { ConnectProxy } from '../../support/peers/connect-proxy.ts';
import { ENGAGEMENT_CHANNEL, SlackWorld } from '../../support/worlds/slack-world.ts';

it('goes through slack.proxy with everything: API, uploads, answers and Socket Mode, and with nothing beside it', async () => {
  await using world = await SlackWorld.open();
  await world.stop();
  await using proxy = await ConnectProxy.start();
  const seen: { kind: string; port: number }[] = [];
  const note = (message: unknown): void => {
    const { request } = message as { request: IncomingMessage };
    const kind = /^\/(api|upload|response)\//.exec(request.url ?? '')?.[1];
    if (kind !== undefined) seen.push({ kind, port: request.socket.remotePort ?? 0 });
  };
  subscribe('http.server.request.start', note);
  try {
    await world.start({ proxy: proxy.url });
    await world.ready();
    await world.request();
    await world.manager.click(await world.manager.card('direct'), 'Approve');
    await world.contractor.until('the announcement', (state) =>
      world.contractor.thread(state).some((message) => message.plain.includes('Access granted')),
    );
    await world.contractor.command('/access list', ENGAGEMENT_CHANNEL);
    await expect.poll(() => seen.some((each) => each.kind === 'response'), { timeout: 10_000 }).toBe(true);
  } finally {
    unsubscribe('http.server.request.start', note);
  }
  expect(seen.filter((each) => !proxy.ports.has(each.port))).toEqual([]);
  // Socket Mode went through it, too: without the proxy nobody hears of a command.
  await proxy[Symbol.asyncDispose]();
  const answer = await world.contractor.command('/access list', ENGAGEMENT_CHANNEL);
  expect(answer.body).toMatchObject({ error: 'app_did_not_respond' });
});
