import { randomBytes, randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

export type EnvelopeType = 'slash_commands' | 'interactive' | 'events_api';
export type Acknowledgement =
  | { readonly acked: true; readonly payload: unknown }
  | { readonly acked: false; readonly why: Unanswered };
export type Unanswered = 'not_connected' | 'timeout' | 'http_error';
/** Which further try of an event this is, and what became of the last. */
export type Retry = { readonly attempt: number; readonly reason: Unanswered };

/** How the app is told of what happens. */
export type Delivery = {
  deliver(type: EnvelopeType, payload: unknown, retry?: Retry): Promise<Acknowledgement>;
};

const ACK_MS = 3_000;
const TICKET_MS = 30_000;
const PING_MS = 10_000;
const CONNECTIONS_MAX = 10;
const TOLD_MS = 10_000;
const HOST = 'daypass-demo';
const FRAME_MAX = 1024 * 1024;

const Ack = z.object({ envelope_id: z.string(), payload: z.unknown() });

/** Slack's Socket Mode: each envelope goes to one connection, which has three seconds to acknowledge it. */
export class SocketMode implements Delivery {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: FRAME_MAX });
  readonly #tickets = new Map<string, NodeJS.Timeout>();
  readonly #waiting = new Map<string, (answer: Acknowledgement) => void>();
  readonly #pings: NodeJS.Timeout;
  /** Connections that were told to go, and are still there. */
  readonly #told = new Set<WebSocket>();
  readonly #appId: string;
  #turn = 0;

  constructor(appId: string) {
    this.#appId = appId;
    this.#pings = setInterval(() => {
      for (const socket of this.#server.clients) socket.ping('daypass demo');
    }, PING_MS);
  }

  get connections(): number {
    return this.#open().length;
  }

  #open(): WebSocket[] {
    return [...this.#server.clients].filter((socket) => socket.readyState === socket.OPEN);
  }

  /** The path of one connection, good once and for half a minute. */
  newTicket(): string {
    const ticket = randomBytes(16).toString('hex');
    this.#tickets.set(
      ticket,
      setTimeout(() => this.#tickets.delete(ticket), TICKET_MS),
    );
    return `/link/${ticket}`;
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const ticket = /^\/link\/([0-9a-f]{32})(?:\?.*)?$/.exec(request.url ?? '')?.[1] ?? '';
    const timer = this.#tickets.get(ticket);
    if (timer === undefined || this.connections >= CONNECTIONS_MAX) {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n');
      return;
    }
    clearTimeout(timer);
    this.#tickets.delete(ticket);
    this.#server.handleUpgrade(request, socket, head, (client) => this.#greet(client));
  }

  #greet(client: WebSocket): void {
    client.on('error', () => client.terminate());
    client.on('message', (data) => this.#heard(String(data)));
    const hello = {
      type: 'hello',
      num_connections: this.connections,
      debug_info: { host: HOST, approximate_connection_time: 18_060 },
      connection_info: { app_id: this.#appId },
    };
    client.send(JSON.stringify(hello));
  }

  #heard(data: string): void {
    try {
      const { envelope_id: id, payload } = Ack.parse(JSON.parse(data));
      this.#waiting.get(id)?.({ acked: true, payload });
    } catch {
      // Slack ignores what is no acknowledgement.
    }
  }

  /** Sends one envelope and waits for its acknowledgement. */
  deliver(type: EnvelopeType, payload: unknown, retry?: Retry): Promise<Acknowledgement> {
    const all = this.#open();
    const fresh = all.filter((each) => !this.#told.has(each));
    const open = fresh.length > 0 ? fresh : all;
    const client = open[this.#turn % Math.max(1, open.length)];
    this.#turn += 1;
    if (!client) return Promise.resolve({ acked: false, why: 'not_connected' });
    const id = randomUUID();
    const envelope = {
      envelope_id: id,
      type,
      payload,
      accepts_response_payload: type !== 'events_api',
      ...(retry ? { retry_attempt: retry.attempt, retry_reason: 'timeout' } : {}),
    };
    return new Promise((resolve) => {
      const done = (answer: Acknowledgement): void => {
        clearTimeout(timer);
        this.#waiting.delete(id);
        resolve(answer);
      };
      const timer = setTimeout(() => done({ acked: false, why: 'timeout' }), ACK_MS);
      this.#waiting.set(id, done);
      client.send(JSON.stringify(envelope));
    });
  }

  /**
   * Asks every connection to come back on a new one, as Slack does every few hours. It leaves TCP open, does not answer a closing
   * handshake, and cuts what is still there after a while.
   */
  refresh(): void {
    for (const client of this.#open()) {
      if (this.#told.has(client)) continue;
      this.#told.add(client);
      client.send(JSON.stringify({ type: 'disconnect', reason: 'refresh_requested', debug_info: { host: HOST } }));
      client.close = () => undefined;
      const timer = setTimeout(() => client.terminate(), TOLD_MS);
      client.once('close', () => {
        clearTimeout(timer);
        this.#told.delete(client);
      });
    }
  }

  close(): void {
    clearInterval(this.#pings);
    for (const timer of this.#tickets.values()) clearTimeout(timer);
    for (const done of [...this.#waiting.values()]) done({ acked: false, why: 'not_connected' });
    for (const client of this.#server.clients) client.terminate();
    this.#server.close();
  }
}
