import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { App, Logger, ReceiverEvent } from '@slack/bolt';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLog } from '../../../src/log.ts';
import { HttpEndpoint } from '../../../src/slack/workspace/http-endpoint.ts';
import { RefusedRequests } from '../../../src/slack/workspace/refused-requests.ts';
import { gate } from '../../support/checks/gate.ts';
import { freePort } from '../../support/peers/gateway-tools.ts';
import { FORM, form, JSON_TYPE, type Place, send, sendSigned, signed } from '../../support/peers/slack-requests.ts';

const SECRET = 'b'.repeat(32);
const EVENT = JSON.stringify({ type: 'event_callback', event: { type: 'user_change' } });
const nothing = (): void => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing } as unknown as Logger;

let place: Place;
let endpoint: HttpEndpoint;
let refused: [sender: string, why: string][];
let taken: ReceiverEvent[];
let handle: (event: ReceiverEvent) => Promise<void>;
const sockets: Socket[] = [];

beforeEach(async () => {
  place = { host: '127.0.0.1', port: await freePort(), path: '/slack/events' };
  refused = [];
  taken = [];
  handle = ({ ack }) => ack();
  const processEvent = async (event: ReceiverEvent): Promise<void> => {
    taken.push(event);
    await handle(event);
  };
  const log = createLog('silent');
  const noted = new RefusedRequests(log);
  noted.note = (sender, why) => void refused.push([sender, why]);
  const app = { processEvent } as unknown as App;
  const clock = { now: () => new Date() };
  endpoint = new HttpEndpoint({ place, signingSecret: SECRET, app, logger, log, clock, refused: noted });
  await endpoint.start();
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await endpoint[Symbol.asyncDispose]();
});

const slack = (type: string, body: string | Buffer) => sendSigned(place, SECRET, type, body);
/** Begins a request and does not finish it; `closed` resolves with all that was answered. */
async function begin(text: string): Promise<{ socket: Socket; closed: Promise<string> }> {
  const socket = connect(place.port, place.host);
  sockets.push(socket);
  let said = '';
  socket.on('data', (part) => {
    said += part;
  });
  socket.on('error', nothing);
  const closed = new Promise<string>((resolve) => socket.once('close', () => resolve(said)));
  await once(socket, 'connect');
  socket.write(text);
  return { socket, closed };
}
const HEAD = `POST /slack/events HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n`;

describe('a request of Slack’s', () => {
  it('is read by Bolt, and gets its answer', async () => {
    handle = ({ ack }) => ack({ options: [] });
    expect(await slack(FORM, form({ payload: '{"type":"block_suggestion"}' }))).toEqual({
      ...{ status: 200, body: '{"options":[]}' },
    });
    expect(taken.map(({ body }) => body)).toEqual([{ type: 'block_suggestion' }]);
  });

  it('that asks whether this is the app, or whether TLS works, is answered without the app', async () => {
    const challenge = JSON.stringify({ type: 'url_verification', challenge: 'abc' });
    expect(await slack(JSON_TYPE, challenge)).toEqual({ status: 200, body: '{"challenge":"abc"}' });
    const smuggled = form({ ssl_check: '1', command: '/access', payload: '{"type":"block_actions"}' });
    expect(await send(place, FORM, [], smuggled)).toEqual({ status: 200, body: '' });
    expect(taken).toEqual([]);
  });

  it.each([
    [JSON_TYPE, 'null'],
    [JSON_TYPE, '7'],
    [JSON_TYPE, '{'],
    [JSON_TYPE, ''],
    [FORM, 'payload=null'],
    [FORM, 'payload=%7B'],
    ['text/plain', 'hello'],
  ])('of type %s with the body %j is not understood', async (type, body) => {
    expect(await slack(type, body)).toEqual({ status: 400, body: '' });
    expect(refused).toEqual([['127.0.0.1', 'not_understood']]);
    expect(taken).toEqual([]);
  });

  it('is tried again by Slack where the app never answers', async () => {
    handle = async () => undefined;
    expect((await slack(JSON_TYPE, EVENT)).status).toBe(404);
  });
});

describe('a request that is no business of the app’s', () => {
  it.each([
    ['POST /slack/other', 404],
    ['POST /slack/events?x=1', 404],
    ['POST //', 404],
    ['GET /slack/events', 404],
    ['NONSENSE', 400],
  ])('%s gets a bare status', async (line, status) => {
    const { closed } = await begin(`${line} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
    const [head = '', body] = (await closed).split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(body).toBe('');
    expect(refused).toEqual([['127.0.0.1', status === 404 ? 'not_the_path' : 'not_http']]);
  });

  it('is logged with the address that the reverse proxy on this host names last', async () => {
    const from = (value: string) => send(place, JSON_TYPE, [['X-Forwarded-For', value]], EVENT);
    for (const value of ['192.0.2.7', '203.0.113.9, 2001:db8::1', 'somebody', '192.0.2.7, <script>']) await from(value);
    expect(refused.map(([sender]) => sender)).toEqual(['192.0.2.7', '2001:db8::1', '127.0.0.1', '127.0.0.1']);
  });

  it('is cut off where its body is too large, in one part or in very many', async () => {
    const large = Buffer.alloc(1024 * 1024 + 1, 0x20);
    expect(await slack(JSON_TYPE, large).catch(() => ({ status: 413 }))).toMatchObject({ status: 413 });
    const { socket, closed } = await begin(
      `POST /slack/events HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    socket.write('1\r\n{\r\n'.repeat(10_000));
    expect(await closed).toMatch(/^HTTP\/1\.1 413 /);
    expect(refused.map(([, why]) => why)).toEqual(['too_large', 'too_large']);
  });
});

describe('those who begin requests and do not finish them', () => {
  it('are cut off, before the headers are there and before the body is', async () => {
    const silent = await begin('');
    const headless = await begin(HEAD);
    const bodyless = await begin(`${HEAD}\r\n{`);
    const answers = await Promise.all([silent.closed, headless.closed, bodyless.closed]);
    for (const answer of answers.slice(1)) expect(answer).toMatch(/^HTTP\/1\.1 408 .*\r\n\r\n$/s);
    expect(refused.map(([, why]) => why)).toEqual(['too_slow', 'too_slow', 'too_slow']);
  });

  it('do not keep Slack out, however many they are', async () => {
    const slow = await Promise.all(Array.from({ length: 400 }, (_, n) => begin(n % 2 ? HEAD : `${HEAD}\r\n{`)));
    expect(await slack(JSON_TYPE, EVENT)).toEqual({ status: 200, body: '' });
    await expect.poll(() => slow.filter(({ socket }) => !socket.destroyed).length).toBeLessThanOrEqual(100);
    expect(refused.map(([, why]) => why)).toContain('too_many');
  });

  it('do not push out what Slack waits for', async () => {
    const answering = gate();
    handle = async ({ ack }) => {
      await answering.opened;
      await ack();
    };
    const waiting = slack(JSON_TYPE, EVENT);
    await expect.poll(() => taken.length).toBe(1);
    await Promise.all(Array.from({ length: 150 }, () => begin(HEAD)));
    await expect.poll(() => refused.length).toBeGreaterThanOrEqual(50);
    answering.open();
    expect(await waiting).toEqual({ status: 200, body: '' });
  });
});

describe('at the end', () => {
  it('what was taken gets its answer, what had only begun gets none of the app’s, and nothing more is taken', async () => {
    const answering = gate();
    handle = async ({ ack }) => {
      await answering.opened;
      await ack();
    };
    const waiting = slack(JSON_TYPE, EVENT);
    await expect.poll(() => taken.length).toBe(1);
    const headers = signed(SECRET, EVENT).map((each) => each.join(': '));
    const late = await begin(
      [
        `POST ${place.path} HTTP/1.1`,
        'Host: x',
        `Content-Type: ${JSON_TYPE}`,
        `Content-Length: ${EVENT.length}`,
        ...headers,
        '',
        '{',
      ].join('\r\n'),
    );
    const ended = endpoint[Symbol.asyncDispose]();
    late.socket.write(EVENT.slice(1));
    expect(await late.closed).toMatch(/^HTTP\/1\.1 503 /);
    await expect(slack(JSON_TYPE, EVENT)).rejects.toThrow(/ECONNREFUSED/);
    answering.open();
    expect(await waiting).toEqual({ status: 200, body: '' });
    await ended;
    expect(taken).toHaveLength(1);
  });
});

describe('where it cannot listen', () => {
  it.each([
    ['127.0.0.1', 'another program does. Stop it, or set another slack.http.port'],
    ['192.0.2.1', 'that is no address of this host. Set slack.http.host'],
    ['no.such.host.invalid', 'Daypass cannot listen for Slack on no.such.host.invalid'],
  ])('%s is refused with what to do', async (host, said) => {
    const log = createLog('silent');
    const parts = { signingSecret: SECRET, app: {} as App, logger, log, clock: { now: () => new Date() } };
    const other = new HttpEndpoint({ ...parts, place: { ...place, host }, refused: new RefusedRequests(log) });
    await expect(other.start()).rejects.toThrow(said);
    await other[Symbol.asyncDispose]();
  });
});
