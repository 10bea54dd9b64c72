import type { Log } from '../../log.ts';

/** Whether Slack has Daypass as its app; `error` is Slack's code for why not. */
export type SlackState =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: string; readonly since: Date; readonly what: string };

const REMOVED =
  'the app was removed from the workspace, or its account was deactivated: install it again, and put its new bot token into SLACK_BOT_TOKEN';
const TOKEN =
  'Slack does not take the token any more: put a valid one into SLACK_BOT_TOKEN or SLACK_APP_TOKEN, and restart';

const CAUSES: Readonly<Record<string, string>> = {
  account_inactive: REMOVED,
  app_uninstalled: REMOVED,
  app_not_installed: REMOVED,
  token_revoked: REMOVED,
  tokens_revoked: REMOVED,
  token_expired: TOKEN,
  invalid_auth: TOKEN,
  not_authed: TOKEN,
  not_allowed_token_type: 'SLACK_BOT_TOKEN has to begin with xoxb-, and SLACK_APP_TOKEN with xapp-',
  link_disabled: 'Socket Mode was switched off in the app’s settings at api.slack.com: switch it on again',
};

/** What happened and what to do, for operators. */
const causeOf = (error: string): string =>
  Object.hasOwn(CAUSES, error)
    ? (CAUSES[error] ?? '')
    : 'an administrator of the workspace or organisation restricts the app: ask them';

/** Remembers whether Slack has Daypass as its app, and says in the log when that changes. ssh does not depend on it. */
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
      `Slack refuses Daypass (${error}): ${what}. Nobody can ask for access or approve it until then, and messages wait; ssh, revocation by command line and expiry go on`,
    );
  }

  accepted(): void {
    if (this.#state.ok) return;
    this.#log.info({ error: this.#state.error, since: this.#state.since }, 'Slack takes Daypass again');
    this.#state = { ok: true };
  }
}
