import type { Log } from '../../log.ts';

/** Whether Slack accepts Daypass as an app. `error` is Slack's code for why not. */
export type SlackState =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: string; readonly since: Date; readonly what: string };

const REMOVED =
  'the app was removed from the workspace, or its account was deactivated: reinstall it and set SLACK_BOT_TOKEN to its new bot token';
const TOKEN =
  'Slack no longer accepts the token: set SLACK_BOT_TOKEN, or with Socket Mode SLACK_APP_TOKEN, to a valid one, and restart';

const CAUSES: Readonly<Record<string, string>> = {
  account_inactive: REMOVED,
  app_uninstalled: REMOVED,
  app_not_installed: REMOVED,
  token_revoked: REMOVED,
  tokens_revoked: REMOVED,
  token_expired: TOKEN,
  invalid_auth: TOKEN,
  not_authed: TOKEN,
  not_allowed_token_type: 'SLACK_BOT_TOKEN must start with xoxb-, and SLACK_APP_TOKEN with xapp-',
  link_disabled: 'Socket Mode was turned off in the app’s settings at api.slack.com: turn it on again',
};

/** What happened and what to do, for operators. */
const causeOf = (error: string): string =>
  Object.hasOwn(CAUSES, error)
    ? (CAUSES[error] ?? '')
    : 'an administrator of the workspace or organisation has restricted the app: ask them';

/** Remembers whether Slack accepts Daypass as an app, and logs when that changes. ssh does not depend on it. */
export class SlackHealth {
  readonly #log: Log;
  readonly #now: () => Date;
  #state: SlackState = { ok: true };

  constructor(log: Log, now: () => Date) {
    this.#log = log;
    this.#now = now;
  }

  get state(): SlackState {
    return this.#state;
  }

  refused(error: string): void {
    if (!this.#state.ok && this.#state.error === error) return;
    const what = causeOf(error);
    this.#state = { ok: false, error, since: this.#now(), what };
    this.#log.error(
      { error },
      `Slack rejects Daypass (${error}): ${what}. Until then, nobody can request or approve access, and messages wait. ssh, revocation from the command line and expiry still work`,
    );
  }

  accepted(): void {
    if (this.#state.ok) return;
    this.#log.info({ error: this.#state.error, since: this.#state.since }, 'Slack accepts Daypass again');
    this.#state = { ok: true };
  }
}
