import { setTimeout as sleep } from 'node:timers/promises';
import type { App, SocketModeReceiver } from '@slack/bolt';
import { z } from 'zod';
import type { Log } from '../../log.ts';
import { faultOf } from './fault.ts';
import type { SlackHealth } from './health.ts';

const HELLO_WITHIN_MS = 20_000;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 30_000;
/** How long a connection that Slack asked to replace is kept, for what still arrives on it, after the next one is up. */
const LINGER_MS = 5_000;
/** A connection that ends sooner does not count as a success: each next one is made more slowly. */
const BRIEF_MS = 5_000;

type Live = {
  readonly receiver: SocketModeReceiver;
  /** Slack asked for another connection; this one still carries what was begun on it. */
  readonly asked: Promise<void>;
  readonly closed: Promise<void>;
};

type Deps = {
  /** Each connection has its own receiver: the next one is made while the last one still exists. */
  readonly newReceiver: () => SocketModeReceiver;
  readonly app: App;
  readonly log: Log;
  readonly health: SlackHealth;
};

/**
 * Keeps one Socket Mode connection up until it is disposed. Bolt's own reconnecting gives up on some errors, leaves others as
 * unhandled rejections, and waits, so it is off. When Slack asks for a new connection, the next one is started at once and the old one
 * stays until then, so that somebody is always listening.
 */
export class Connection implements AsyncDisposable {
  readonly #deps: Deps;
  readonly #stop = new AbortController();
  readonly #retired = new Set<Promise<void>>();
  #running: Promise<void> = Promise.resolve();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Rejects where the first connection cannot be made; later ones are tried for ever. */
  async start(): Promise<void> {
    this.#running = this.#keepUp(await this.#connect());
  }

  async #keepUp(first: Live): Promise<void> {
    let live = first;
    const { signal } = this.#stop;
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    for (let brief = 0; !signal.aborted; ) {
      const since = performance.now();
      await Promise.race([live.asked, live.closed, stopped]);
      brief = performance.now() - since < BRIEF_MS ? brief + 1 : 0;
      if (brief > 1) await this.#wait(brief);
      if (signal.aborted) break;
      const next = await this.#connectAgain();
      if (!next) break;
      this.#retire(live);
      live = next;
    }
    this.#disconnect(live.receiver);
  }

  async #connectAgain(): Promise<Live | null> {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        const next = await this.#connect();
        if (!signal.aborted) return next;
        this.#disconnect(next.receiver);
      } catch (error) {
        const fault = faultOf(error);
        if (fault.kind === 'app') this.#deps.health.refused(fault.error);
        this.#deps.log.warn({ err: error, failures }, 'could not reconnect to Slack yet');
      }
      await this.#wait(failures);
    }
    return null;
  }

  async #wait(failures: number): Promise<void> {
    const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
    await sleep(delay, undefined, { signal: this.#stop.signal }).catch(() => undefined);
  }

  /** The old connection goes once nothing can be under way on it. */
  #retire({ receiver, closed }: Live): void {
    const { signal } = this.#stop;
    const linger = sleep(LINGER_MS, undefined, { signal }).catch(() => undefined);
    const gone: Promise<void> = Promise.race([closed, linger]).then(() => {
      this.#disconnect(receiver);
      this.#retired.delete(gone);
    });
    this.#retired.add(gone);
  }

  /** Resolves after Slack's hello. */
  async #connect(): Promise<Live> {
    const { newReceiver, app } = this.#deps;
    const receiver = newReceiver();
    receiver.init(app);
    const { client } = receiver;
    const closed = new Promise<void>((resolve) => client.once('disconnected', () => resolve()));
    const asked = this.#whenAsked(client);
    const started = client.start();
    started.catch(() => undefined);
    const timeout = new AbortController();
    const tooLate = sleep(HELLO_WITHIN_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`Slack did not say hello within ${HELLO_WITHIN_MS / 1000} s`);
    });
    try {
      await Promise.race([started, tooLate]);
      return { receiver, asked, closed };
    } catch (error) {
      this.#disconnect(receiver);
      throw error ?? new Error('Slack closed the connection before its hello');
    } finally {
      timeout.abort();
      tooLate.catch(() => undefined);
    }
  }

  /**
   * The client closes its side on Slack's word to disconnect: what comes on it afterwards could not be acknowledged. That word is kept
   * from it, and it goes on with every other message.
   */
  #whenAsked(client: SocketModeReceiver['client']): Promise<void> {
    const handlers = client.listeners('ws_message');
    client.removeAllListeners('ws_message');
    return new Promise((resolve) => {
      client.on('ws_message', (data: unknown, isBinary: boolean) => {
        const reason = isBinary ? null : disconnectReason(data);
        if (reason === null) {
          for (const handler of handlers) handler(data, isBinary);
          return;
        }
        this.#deps.log.info({ reason }, 'Slack asked for a new connection');
        if (reason === 'link_disabled') this.#deps.health.refused(reason);
        resolve();
      });
    });
  }

  /** The first call closes the connection. The second does not wait for Slack's answer, which may never come. */
  #disconnect(receiver: SocketModeReceiver): void {
    Promise.all([receiver.stop(), receiver.stop()]).catch((error: unknown) =>
      this.#deps.log.warn({ err: error }, 'disconnecting from Slack failed'),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
    await Promise.all(this.#retired);
  }
}

const Disconnect = z.object({ type: z.literal('disconnect'), reason: z.string().default('') });

function disconnectReason(data: unknown): string | null {
  if (typeof data !== 'string' || !data.includes('"disconnect"')) return null;
  try {
    return Disconnect.safeParse(JSON.parse(data)).data?.reason ?? null;
  } catch {
    return null;
  }
}
