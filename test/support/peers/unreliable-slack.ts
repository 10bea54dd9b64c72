import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** How one call goes wrong. `acted` ones did what was asked before they failed. */
export type Fault =
  | 'none'
  | 'refuse-500'
  | 'acted-500'
  | 'hang'
  | 'acted-hang'
  | 'cut'
  | 'acted-cut'
  | 'rate-limit'
  | 'internal_error';

export type Posted = {
  channel: string;
  ts: string;
  threadTs: string | null;
  text: string;
  key: string | null;
  files: string[];
};

type Answer = Record<string, unknown>;
type Args = Record<string, string>;

/** The few methods of Slack by which messages arrive, on loopback, failing as they are told to. */
export class UnreliableSlack implements AsyncDisposable {
  readonly posted: Posted[] = [];
  readonly updates: { ts: string; text: string; blocks: unknown }[] = [];
  readonly calls: { method: string; args: Args; at: number }[] = [];
  /** Asked for each call. */
  fault: (method: string, call: number) => Fault = () => 'none';
  /** Answers of Slack itself, by method. */
  refusal: (method: string, args: Args) => string | null = () => null;
  /** Awaited before each call is acted on. */
  before: (method: string, args: Args) => Promise<void> = async () => undefined;
  /** What becomes of a reply to a message that is gone: refused, or left in the channel for all to read. */
  orphans: 'refused' | 'spilled' = 'refused';
  /** What uploads are answered with. */
  uploadStatus = 200;
  /** Milliseconds since 1970, for the times of messages. */
  now: () => number = Date.now;
  readonly #server: Server;
  readonly #uploads = new Map<string, string>();
  #ts = 0;

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async start(): Promise<UnreliableSlack> {
    const server = createServer();
    const slack = new UnreliableSlack(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return slack;
  }

  get apiUrl(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}/api/`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    if (path.startsWith('/upload/')) {
      response.writeHead(this.uploadStatus).end('OK');
      return;
    }
    const method = path.replace('/api/', '');
    const args = Object.fromEntries(new URLSearchParams(Buffer.concat(chunks).toString('utf8')));
    this.calls.push({ method, args, at: Date.now() });
    const fault = this.fault(method, this.calls.length);
    await this.before(method, args);
    const acts = fault === 'none' || fault.startsWith('acted');
    const answer = acts ? this.#act(method, args) : { ok: false, error: 'internal_error' };
    if (fault === 'hang' || fault === 'acted-hang') return;
    if (fault === 'cut' || fault === 'acted-cut') {
      request.socket.destroy();
      return;
    }
    const status = fault.endsWith('500') ? 500 : fault === 'rate-limit' ? 429 : 200;
    response.writeHead(status, {
      'content-type': 'application/json',
      ...(status === 429 ? { 'retry-after': '1' } : {}),
    });
    response.end(status === 500 ? 'Internal Server Error' : JSON.stringify(answer));
  }

  #act(method: string, args: Args): Answer {
    const refused = this.refusal(method, args);
    if (refused !== null) return { ok: false, error: refused };
    switch (method) {
      case 'conversations.open':
        return { ok: true, channel: { id: `D${args['users']}` } };
      case 'chat.postMessage':
        return this.#post(args, args['text'] ?? '', []);
      case 'chat.update':
        if (!this.#stands(args['ts'] ?? '')) return { ok: false, error: 'message_not_found' };
        this.updates.push({
          ts: args['ts'] ?? '',
          text: args['text'] ?? '',
          blocks: JSON.parse(args['blocks'] ?? '[]'),
        });
        return { ok: true, ts: args['ts'] };
      case 'chat.delete':
        this.remove(args['ts'] ?? '');
        return { ok: true };
      case 'chat.getPermalink':
        return this.#stands(args['message_ts'] ?? '') ? { ok: true } : { ok: false, error: 'message_not_found' };
      case 'files.getUploadURLExternal': {
        const id = `F${this.#uploads.size + 1}`;
        this.#uploads.set(id, args['filename'] ?? '');
        return { ok: true, file_id: id, upload_url: this.apiUrl.replace('/api/', `/upload/${id}`) };
      }
      case 'files.completeUploadExternal': {
        const files = JSON.parse(args['files'] ?? '[]') as { id: string }[];
        const names = files.map((file) => this.#uploads.get(file.id) ?? '');
        return this.#post({ ...args, channel: args['channel_id'] ?? '' }, args['initial_comment'] ?? '', names);
      }
      case 'conversations.history':
      case 'conversations.replies':
        return { ok: true, messages: this.#read(args) };
      default:
        return { ok: false, error: 'unknown_method' };
    }
  }

  #stands(ts: string): boolean {
    return this.posted.some((each) => each.ts === ts);
  }

  /** As somebody does who may. */
  remove(ts: string): void {
    const at = this.posted.findIndex((each) => each.ts === ts);
    if (at >= 0) this.posted.splice(at, 1);
  }

  #post(args: Args, text: string, files: string[]): Answer {
    const { thread_ts: asked = null } = args;
    const orphan = asked !== null && !this.#stands(asked);
    if (orphan && this.orphans === 'refused') return { ok: false, error: 'thread_not_found' };
    const threadTs = orphan ? null : asked;
    this.#ts += 1;
    const ts = `${Math.floor(this.now() / 1000)}.${String(this.#ts).padStart(6, '0')}`;
    const metadata = args['metadata'] ? (JSON.parse(args['metadata']) as { event_payload: { key: string } }) : null;
    const key = metadata?.event_payload.key ?? null;
    this.posted.push({ channel: args['channel'] ?? '', ts, threadTs, text, key, files });
    return { ok: true, channel: args['channel'], ts, message: { ts, ...(threadTs ? { thread_ts: threadTs } : {}) } };
  }

  #read(args: Args): unknown[] {
    const from = Number(args['oldest'] ?? 0);
    return this.posted
      .filter((each) => each.channel === args['channel'] && (args['ts'] ? each.threadTs === args['ts'] : true))
      .filter((each) => Number(each.ts) >= from)
      .map((each) => ({
        ts: each.ts,
        ...(each.key === null ? {} : { metadata: { event_type: 'daypass_message', event_payload: { key: each.key } } }),
        files: each.files.map((name) => ({ name })),
      }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
