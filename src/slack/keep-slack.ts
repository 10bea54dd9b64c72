import { setTimeout as sleep } from 'node:timers/promises';
import { type SlackDeps, type SlackOptions, startSlack } from './slack.ts';
import { faultOf } from './workspace/fault.ts';
import { SlackHealth, type SlackState } from './workspace/health.ts';
import { SetupProblem } from './workspace/setup-problem.ts';

const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 30_000;

const REMOVED: ReadonlySet<string> = new Set(['account_inactive', 'token_revoked', 'app_not_installed']);

export type KeptSlack = AsyncDisposable & { readonly state: () => SlackState };

/**
 * Connects to Slack. While Slack is unreachable it keeps trying, and the caller need not wait: ssh logins, and ending them, depend neither
 * on Slack nor on the app being in the workspace. Rejects where Slack does not accept the tokens, or the set-up cannot work.
 */
export async function keepSlack(options: SlackOptions, given: Omit<SlackDeps, 'health'>): Promise<KeptSlack> {
  const health = new SlackHealth(given.log.child({ part: 'slack' }), () => given.clock.now());
  const deps: SlackDeps = { ...given, health };
  const stop = new AbortController();
  const connect = async (): Promise<AsyncDisposable | null> => {
    try {
      return await startSlack(options, deps);
    } catch (error) {
      if (error instanceof SetupProblem) throw error;
      const fault = faultOf(error);
      if (fault.kind === 'app') health.refused(fault.error);
      // Somebody removed the app. That must not stop ssh from working after the next start.
      if (REMOVED.has(fault.error)) return null;
      const isBusy = fault.kind === 'doubtful' || (fault.kind === 'refused' && fault.retryAfterSeconds !== null);
      if (!isBusy) {
        const tokens = options.transport.kind === 'http' ? 'SLACK_BOT_TOKEN' : 'SLACK_BOT_TOKEN, SLACK_APP_TOKEN';
        const why = `Slack returned ${fault.error}: check ${tokens} and the app’s permissions`;
        throw new Error(why, { cause: error });
      }
      deps.log.error({ err: error }, 'Slack is unreachable: ssh works without it, and Daypass keeps trying to connect');
      return null;
    }
  };
  const keepTrying = async (): Promise<AsyncDisposable | null> => {
    for (let failures = 0; ; failures += 1) {
      const delay = Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** Math.min(failures, 10));
      await sleep(delay, undefined, { signal: stop.signal }).catch(() => undefined);
      if (stop.signal.aborted) return null;
      const connected = await connect().catch((error: unknown) => {
        deps.log.error({ err: error }, 'Slack cannot be used with this set-up: correct it and restart');
        return null;
      });
      if (connected) return connected;
    }
  };
  const first = await connect();
  const connected = first ? Promise.resolve(first) : keepTrying();
  return {
    state: () => health.state,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await (await connected)?.[Symbol.asyncDispose]();
    },
  };
}
