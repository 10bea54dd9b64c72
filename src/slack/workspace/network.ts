import type { webApi } from '@slack/bolt';
import { type Dispatcher, EnvHttpProxyAgent, fetch as fetchThrough } from 'undici';

/** The part of `fetch` that is used, so that every request to Slack goes the same way. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly body: string | Uint8Array;
    readonly headers?: Record<string, string>;
    readonly redirect?: 'error';
    readonly signal: AbortSignal;
  },
) => Promise<{ readonly ok: boolean; readonly status: number }>;

/** A forward proxy, as the environment or the configuration names it; its URL may hold a password. */
export type ProxySettings = {
  /** For every request. Null leaves it to the environment. */
  readonly proxy: string | null;
  readonly environment: Readonly<Record<string, string | undefined>>;
};

/** How Slack is reached. */
export type Network = {
  readonly fetch: Fetch;
  /** For Bolt's clients; nothing where there is no proxy. */
  readonly clientOptions: Pick<webApi.WebClientOptions, 'fetch'>;
  readonly dispatcher: Dispatcher | undefined;
  /** Host and port of the proxy, without what a password may stand in. */
  readonly via: string | null;
};

/**
 * Directly, or through the proxy of `slack.proxy` or HTTPS_PROXY, where NO_PROXY does not except the host. Everything goes through a
 * CONNECT tunnel: the proxy sees where it goes, and nothing of what is said.
 */
export function slackNetwork({ proxy, environment }: ProxySettings): Network {
  const named = proxy ?? environment['https_proxy'] ?? environment['HTTPS_PROXY'] ?? '';
  if (named === '') return { fetch, clientOptions: {}, dispatcher: undefined, via: null };
  const dispatcher = new EnvHttpProxyAgent({
    httpsProxy: named,
    // HTTPS_PROXY speaks of https alone; a proxy that is set for Slack is meant for all of it.
    httpProxy: proxy ?? '',
    noProxy: environment['no_proxy'] ?? environment['NO_PROXY'] ?? '',
    proxyTunnel: true,
  });
  const through = (url: unknown, init: object): unknown => fetchThrough(url as string, { ...init, dispatcher });
  return {
    fetch: through as Fetch,
    clientOptions: { fetch: through as NonNullable<webApi.WebClientOptions['fetch']> },
    dispatcher,
    via: hostOf(named),
  };
}

function hostOf(proxy: string): string {
  const { host } = new URL(proxy);
  return host;
}
