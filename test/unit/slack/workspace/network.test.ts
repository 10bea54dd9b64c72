import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { describe, expect, it } from 'vitest';
import { slackNetwork } from '../../../../src/slack/workspace/network.ts';

const PROXY = 'http://daypass:hunter2@127.0.0.1:3128';

describe('the way to Slack', () => {
  it.each([
    ['no proxy', null, {}, null],
    ['HTTPS_PROXY', null, { HTTPS_PROXY: PROXY }, '127.0.0.1:3128'],
    ['https_proxy, which others write small', null, { https_proxy: PROXY }, '127.0.0.1:3128'],
    ['slack.proxy, whatever the environment says', 'http://other:1', { HTTPS_PROXY: PROXY }, 'other:1'],
    ['an empty variable', null, { HTTPS_PROXY: '' }, null],
  ] as const)('is told by %s, without the password', (_what, proxy, environment, via) => {
    const network = slackNetwork({ proxy, environment });
    expect(network.via).toBe(via);
    expect(network.dispatcher === undefined).toBe(via === null);
  });

  it('lets no password into the log where the proxy refuses', async () => {
    const server = createServer();
    server.on('connect', (_request, socket) => {
      socket.on('error', () => socket.destroy());
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\nConnection: close\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const network = slackNetwork({ proxy: `http://daypass:hunter2@127.0.0.1:${port}`, environment: {} });
    const lines: string[] = [];
    const log = pino({}, { write: (line: string) => void lines.push(line) });
    const signal = AbortSignal.timeout(5_000);
    await network
      .fetch('http://slack.invalid/api/', { method: 'POST', body: '', signal })
      .catch((err: unknown) => log.error({ err }, 'refused'));
    expect(lines.join('')).toContain('407');
    expect(lines.join('')).not.toMatch(/hunter2|aHVudGVyMg/);
    await network.dispatcher?.destroy();
    server.close();
  });
});
