import { setTimeout as sleep } from 'node:timers/promises';
import type { App, SocketModeReceiver } from '@slack/bolt';
import type { Log } from '../log.ts';

const HELLO_WITHIN_MS = 20_000;
const RETRY_FIRST_MS = 200;
const RETRY_MAX_MS = 30_000;

type Connected = { readonly closed: Promise<void> };

/**
 * Keeps one Socket Mode connection up until it is disposed. Bolt's own reconnecting gives up on some errors, leaves others as
 * unhandled rejections, and waits five seconds; so it is off, and this loop connects again.
 */
export class Connection implements AsyncDisposable {
  readonly #receiver: SocketModeReceiver;
  readonly #log: Log;
  readonly #stop = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(receiver: SocketModeReceiver, app: App, log: Log) {
    this.#receiver = receiver;
    this.#log = log;
    receiver.init(app);
  }

  /** Rejects where the first connection cannot be made; later ones are tried for ever. */
  async start(): Promise<void> {
    this.#running = this.#keepUp(await this.#connect());
  }

  async #keepUp(first: Connected): Promise<void> {
    let { closed } = first;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      await closed;
      const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
      await sleep(delay, undefined, { signal: this.#stop.signal }).catch(() => undefined);
      if (this.#stop.signal.aborted) return;
      try {
        ({ closed } = await this.#connect());
        failures = 0;
      } catch (error) {
        failures += 1;
        this.#log.warn({ err: error, failures }, 'Slack could not be connected again yet');
      }
      if (this.#stop.signal.aborted) this.#disconnect();
    }
  }

  /** Resolves after Slack's hello. */
  async #connect(): Promise<Connected> {
    const { client } = this.#receiver;
    const closed = new Promise<void>((resolve) => client.once('disconnected', () => resolve()));
    const started = client.start();
    started.catch(() => undefined);
    const timeout = new AbortController();
    const tooLate = sleep(HELLO_WITHIN_MS, undefined, { signal: timeout.signal }).then(() => {
      throw new Error(`Slack said no hello within ${HELLO_WITHIN_MS / 1000} s`);
    });
    try {
      await Promise.race([started, tooLate]);
      return { closed };
    } catch (error) {
      this.#disconnect();
      throw error ?? new Error('Slack closed the connection before its hello');
    } finally {
      timeout.abort();
      tooLate.catch(() => undefined);
    }
  }

  #disconnect(): void {
    this.#receiver.stop().catch((error: unknown) => this.#log.warn({ err: error }, 'disconnecting from Slack failed'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#disconnect();
    await this.#running;
  }
}
