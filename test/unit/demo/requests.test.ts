import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SignedRequests } from '../../../src/demo/workspace/requests.ts';
import { signatureFault } from '../../../src/slack/workspace/signature.ts';

const SECRET = 'a'.repeat(32);
type Came = { readonly path: string; readonly body: string; readonly headers: IncomingMessage['headers'] };
type Answer = (response: ServerResponse, came: Came) => void;

const came: Came[] = [];
let answer: Answer;
const server = createServer(async (request, response) => {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const body = Buffer.concat(parts);
  expect(signatureFault(SECRET, request.headersDistinct, body, Date.now() / 1_000)).toBeNull();
  const each = { path: request.url ?? '', body: body.toString(), headers: request.headers };
  came.push(each);
  answer(response, each);
});
const echo: Answer = (response, { body }) => response.end((JSON.parse(body) as { challenge: string }).challenge);
const plainOk: Answer = (response) => response.end();
let requests: SignedRequests;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  came.length = 0;
  answer = plainOk;
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const commands = new Map([['/access', `${at}/command`]]);
  const urls = { events: `${at}/events`, interactivity: `${at}/clicks`, options: `${at}/menus`, commands };
  requests = new SignedRequests(urls, SECRET, Date.now);
});

describe('what happens in the workspace', () => {
  it('is sent to the URL that the manifest names for it', async () => {
    await requests.deliver('slash_commands', { command: '/access', text: 'list & more' });
    await requests.deliver('interactive', { type: 'block_actions' });
    await requests.deliver('interactive', { type: 'block_suggestion' });
    expect(came.map(({ path, body }) => [path, body])).toEqual([
      ['/command', 'command=%2Faccess&text=list+%26+more'],
      ['/clicks', 'payload=%7B%22type%22%3A%22block_actions%22%7D'],
      ['/menus', 'payload=%7B%22type%22%3A%22block_suggestion%22%7D'],
    ]);
  });

  it('is told of by events once the URL gave the challenge back, with the number of each further try', async () => {
    expect(await requests.deliver('events_api', {})).toEqual({ acked: false, why: 'not_connected' });
    await expect(requests.verify()).rejects.toThrow(/challenge/);
    answer = echo;
    await requests.verify();
    came.length = 0;
    answer = plainOk;
    await requests.deliver('events_api', { event_id: 'Ev1' });
    await requests.deliver('events_api', { event_id: 'Ev1' }, { attempt: 2, reason: 'timeout' });
    expect(came.map(({ headers }) => [headers['x-slack-retry-num'], headers['x-slack-retry-reason']])).toEqual([
      [undefined, undefined],
      ['2', 'http_timeout'],
    ]);
  });

  it.each<[string, Answer, object]>([
    ['nothing', plainOk, { acked: true, payload: undefined }],
    ['a text', (response) => response.end('Hello'), { acked: true, payload: { text: 'Hello' } }],
    [
      'JSON',
      (response) => response.setHeader('content-type', 'application/json').end('{"options":[]}'),
      { acked: true, payload: { options: [] } },
    ],
    [
      'no JSON',
      (response) => response.setHeader('content-type', 'application/json').end('{'),
      { acked: false, why: 'http_error' },
    ],
    ['an error', (response) => response.writeHead(500).end(), { acked: false, why: 'http_error' }],
    [
      'another address',
      (response) => response.writeHead(302, { location: '/' }).end(),
      { acked: false, why: 'http_error' },
    ],
    ['a cut', (response) => response.destroy(), { acked: false, why: 'not_connected' }],
    ['silence', () => undefined, { acked: false, why: 'timeout' }],
  ])('can be answered by %s', async (_, given, expected) => {
    answer = given;
    expect(await requests.deliver('interactive', { type: 'block_actions' })).toEqual(expected);
  });
});
