import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type App, type BufferedIncomingMessage, HTTPReceiver, type Logger } from '@slack/bolt';
import type { Log } from '../../log.ts';
import type { Clock } from '../../use-cases/ports/clock.ts';
import type { RefusedRequests, WhyRefused } from './refused-requests.ts';
import { SetupProblem } from './setup-problem.ts';
import { signatureFault } from './signature.ts';

export type HttpPlace = { readonly host: string; readonly port: number; readonly path: string };

/** Slack's largest, a view of 250 KB, is three times as long in a form. */
const BODY_MAX = 1024 * 1024;
/** What a part of a body takes beside its bytes: a body that comes byte by byte is not cheaper. */
const PART_COST = 256;
const HEADERS_MS = 5_000;
const REQUEST_MS = 10_000;
const CHECK_EVERY_MS = 1_000;
/** Longer than proxies keep theirs: one that this end closes as the next request arrives would lose it. */
const KEEP_ALIVE_MS = 150_000;
/** Connections whose request is not known to be Slack's. */
const UNKNOWN_MAX = 100;
/** Bolt answers what no listener did after three seconds. */
const ANSWERED_WITHIN_MS = 5_000;

type Deps = {
  readonly place: HttpPlace;
  readonly signingSecret: string;
  readonly app: App;
  readonly logger: Logger;
  readonly log: Log;
  readonly clock: Clock;
  readonly refused: RefusedRequests;
};

/**
 * Slack's requests over HTTP, behind a reverse proxy that ends TLS. What Slack did not sign gets a bare status and goes no further;
 * Bolt reads the rest. Strangers who begin requests and do not finish them push out each other, and nobody else.
 */
export class HttpEndpoint implements AsyncDisposable {
  readonly #deps: Deps;
  readonly #receiver: HTTPReceiver;
  readonly #server: Server;
  /** The one that was there first is first. */
  readonly #unknown = new Set<Socket>();
  readonly #answering = new Set<Promise<void>>();
  #stopping = false;

  constructor(deps: Deps) {
    const { place, signingSecret, logger, app } = deps;
    this.#deps = deps;
    this.#receiver = new HTTPReceiver({ signingSecret, endpoints: [place.path], bodyLimit: BODY_MAX, logger });
    this.#receiver.init(app);
    const timeouts = { headersTimeout: HEADERS_MS, requestTimeout: REQUEST_MS, keepAliveTimeout: KEEP_ALIVE_MS };
    this.#server = createServer({ ...timeouts, connectionsCheckingInterval: CHECK_EVERY_MS });
    this.#server.on('connection', (socket) => this.#arrived(socket));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket) => this.#broken(error, socket as Socket));
    this.#server.on('request', (request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        deps.log.error({ err: error }, 'a request of Slack’s could not be served');
        response.destroy();
      });
    });
  }

  /** Rejects with a SetupProblem where it cannot listen. */
  async start(): Promise<void> {
    const { place, log } = this.#deps;
    const { host, port } = place;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) => reject(new SetupProblem(whyNotListening(error, place), error)));
      this.#server.listen({ host, port }, resolve);
    });
    this.#server.on('error', (error) => log.error({ err: error }, 'a request of Slack’s was not accepted'));
  }

  #arrived(socket: Socket): void {
    const [first] = this.#unknown;
    if (this.#unknown.size >= UNKNOWN_MAX && first) {
      this.#deps.refused.note(peerOf(first), 'too_many');
      first.destroy();
      this.#unknown.delete(first);
    }
    this.#unknown.add(socket);
    socket.once('close', () => this.#unknown.delete(socket));
  }

  /** What does not become a request: it is no HTTP, or does not come to its end. */
  #broken({ code }: NodeJS.ErrnoException, socket: Socket): void {
    const isSlow = code === 'ERR_HTTP_REQUEST_TIMEOUT';
    if (isSlow || code?.startsWith('HPE_')) this.#deps.refused.note(peerOf(socket), isSlow ? 'too_slow' : 'not_http');
    const status = isSlow ? 408 : 400;
    if (socket.writable) socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nConnection: close\r\n\r\n`);
    socket.destroySoon();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refuse = (status: number, why: WhyRefused): void => {
      this.#deps.refused.note(senderOf(request), why);
      answer(response, status);
    };
    const { place, signingSecret, clock } = this.#deps;
    if (request.method !== 'POST' || request.url !== place.path) return refuse(404, 'not_the_path');
    const body = await bodyOf(request);
    if (body === 'broken_off') return;
    if (body === 'too_large') return refuse(413, 'too_large');
    if (isSslCheck(request, body)) return answer(response, 200);
    const now = Math.floor(clock.now().getTime() / 1_000);
    const fault = signatureFault(signingSecret, request.headersDistinct, body, now);
    if (fault !== null) return refuse(401, fault);
    if (!isUnderstood(request, body)) return refuse(400, 'not_understood');
    // Slack sends an event again, and tells people of the rest.
    if (this.#stopping) return answer(response, 503);
    this.#handOver(Object.assign(request, { rawBody: body }), response);
  }

  #handOver(request: BufferedIncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    this.#unknown.delete(socket);
    const answered = new Promise<void>((resolve) => {
      response.once('close', () => {
        if (!socket.destroyed) this.#unknown.add(socket);
        this.#answering.delete(answered);
        resolve();
      });
    });
    this.#answering.add(answered);
    this.#receiver.requestListener(request, response);
  }

  /** Takes nothing new, and waits until what was taken has its answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const limit = new AbortController();
    const late = sleep(ANSWERED_WITHIN_MS, undefined, { signal: limit.signal }).catch(() => undefined);
    await Promise.race([Promise.all(this.#answering), late]);
    limit.abort();
    this.#server.closeAllConnections();
    await closed;
  }
}

function answer(response: ServerResponse, status: number): void {
  response.writeHead(status, { connection: 'close', 'content-length': 0 }).end();
}

function whyNotListening({ code, message }: NodeJS.ErrnoException, { host, port }: HttpPlace): string {
  const at = `Daypass cannot listen for Slack on ${host} port ${port} (slack.http)`;
  if (code === 'EADDRINUSE') return `${at}: another program does. Stop it, or set another slack.http.port.`;
  if (code === 'EACCES') return `${at}: its account may not. Set slack.http.port to a port above 1023.`;
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return `${at}: that is no address of this host. Set slack.http.host to one that is, such as 127.0.0.1.`;
  return `${at}: ${message}.`;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer | 'too_large' | 'broken_off'> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX) return 'too_large';
  const parts: Buffer[] = [];
  let held = 0;
  try {
    for await (const part of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      held += part.length + PART_COST;
      if (held > BODY_MAX) return 'too_large';
      parts.push(part);
    }
  } catch {
    return 'broken_off';
  }
  return Buffer.concat(parts);
}

const formOf = ({ headers }: IncomingMessage, body: Buffer): URLSearchParams | null =>
  headers['content-type'] === 'application/x-www-form-urlencoded' ? new URLSearchParams(body.toString()) : null;

/** Slack asks, unsigned, whether TLS works. Nothing else of such a request is read. */
const isSslCheck = (request: IncomingMessage, body: Buffer): boolean => formOf(request, body)?.get('ssl_check') === '1';

/** Bolt reads what is signed the same way, and a `null` would end the process. */
function isUnderstood(request: IncomingMessage, body: Buffer): boolean {
  const texts = formOf(request, body)?.getAll('payload') ?? [body.toString()];
  return texts.every((text) => {
    try {
      const value: unknown = JSON.parse(text);
      return typeof value === 'object' && value !== null;
    } catch {
      return false;
    }
  });
}

const peerOf = (socket: Socket): string => socket.remoteAddress ?? 'unknown';

const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1']);

/** For the log: whom a reverse proxy on this host says that it speaks for, which is the last of those it names. */
function senderOf({ socket, headers }: IncomingMessage): string {
  const peer = peerOf(socket);
  const last = String(headers['x-forwarded-for'] ?? '')
    .split(',')
    .at(-1)
    ?.trim();
  return LOOPBACK.has(peer) && last !== undefined && isIP(last) !== 0 ? last : peer;
}
