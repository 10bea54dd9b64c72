import { createHmac, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { RequestUrls } from './manifest.ts';
import type { Acknowledgement, Delivery, EnvelopeType, Retry } from './socket.ts';

const ANSWER_MS = 3_000;
const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const REASONS = { timeout: 'http_timeout', not_connected: 'connection_failed', http_error: 'http_error' } as const;

const Fields = z.record(z.string(), z.string());
const Typed = z.object({ type: z.string() });
const Challenge = z.object({ challenge: z.string() });

/** Slack's requests to an app over HTTP: signed, answered within three seconds, at the URLs of the manifest. */
export class SignedRequests implements Delivery {
  readonly #urls: RequestUrls;
  readonly #secret: string;
  readonly #now: () => number;
  /** Slack sends no events to a URL that has not answered its challenge. */
  #isVerified = false;

  constructor(urls: RequestUrls, secret: string, now: () => number) {
    this.#urls = urls;
    this.#secret = secret;
    this.#now = now;
  }

  /** What Slack does when a request URL is saved; throws where the app does not give the challenge back. */
  async verify(): Promise<void> {
    const challenge = randomBytes(24).toString('hex');
    const body = JSON.stringify({ token: '', type: 'url_verification', challenge });
    const answer = await this.#send(this.#urls.events, JSON_TYPE, body, {});
    const said = answer.acked ? answer.payload : null;
    const given =
      Challenge.safeParse(said).data?.challenge ?? z.object({ text: z.string() }).safeParse(said).data?.text;
    if (given !== challenge) throw new Error(`Your URL didn’t respond with the value of the challenge parameter.`);
    this.#isVerified = true;
  }

  async deliver(type: EnvelopeType, payload: unknown, retry?: Retry): Promise<Acknowledgement> {
    if (type === 'slash_commands') {
      const fields = Fields.parse(payload);
      const url = this.#urls.commands.get(fields['command'] ?? '') ?? '';
      return this.#send(url, FORM, new URLSearchParams(fields).toString(), {});
    }
    const body = JSON.stringify(payload);
    if (type === 'interactive') {
      const isMenu = Typed.parse(payload).type === 'block_suggestion';
      const url = isMenu ? this.#urls.options : this.#urls.interactivity;
      return this.#send(url, FORM, new URLSearchParams({ payload: body }).toString(), {});
    }
    if (!this.#isVerified) return { acked: false, why: 'not_connected' };
    const headers: Record<string, string> = retry
      ? { 'x-slack-retry-num': String(retry.attempt), 'x-slack-retry-reason': REASONS[retry.reason] }
      : {};
    return this.#send(this.#urls.events, JSON_TYPE, body, headers);
  }

  async #send(url: string, type: string, body: string, more: Record<string, string>): Promise<Acknowledgement> {
    const time = String(Math.floor(this.#now() / 1_000));
    const signature = createHmac('sha256', this.#secret).update(`v0:${time}:${body}`).digest('hex');
    const headers = {
      'content-type': type,
      'user-agent': 'Slackbot 1.0 (+https://api.slack.com/robots)',
      'x-slack-request-timestamp': time,
      'x-slack-signature': `v0=${signature}`,
      ...more,
    };
    const signal = AbortSignal.timeout(ANSWER_MS);
    try {
      const response = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal });
      const said = await response.text();
      if (!response.ok) return { acked: false, why: 'http_error' };
      return { acked: true, payload: answerOf(said, response.headers.get('content-type') ?? '') };
    } catch (error) {
      if (error instanceof SyntaxError) return { acked: false, why: 'http_error' };
      return { acked: false, why: signal.aborted ? 'timeout' : 'not_connected' };
    }
  }
}

/** Nothing, JSON, or a text, which is said as it is. */
function answerOf(said: string, type: string): unknown {
  if (said === '') return undefined;
  return type.startsWith(JSON_TYPE) ? JSON.parse(said) : { text: said };
}
