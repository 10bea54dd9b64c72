import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** What an installed app may do: the part of Slack's app manifest that the workspace enforces. */
export type Manifest = {
  readonly scopes: ReadonlySet<string>;
  readonly events: ReadonlySet<string>;
  /** What each command is for, and the words that may follow it. */
  readonly commands: ReadonlyMap<string, { readonly description: string; readonly words: readonly string[] }>;
  /** Where the app is sent what happens. Null with Socket Mode. */
  readonly requestUrls: RequestUrls | null;
};

export type RequestUrls = {
  readonly events: string;
  readonly interactivity: string;
  /** For menus that ask while somebody types. */
  readonly options: string;
  readonly commands: ReadonlyMap<string, string>;
};

const MANIFEST = fileURLToPath(new URL('../../../manifest.yml', import.meta.url));

/** Slack takes https alone; on this machine there is nobody to listen in. */
const RequestUrl = z
  .url({ protocol: /^https?$/ })
  .refine((url) => url.startsWith('https:') || new URL(url).hostname === '127.0.0.1', 'must be https');

const Command = z.object({
  command: z.string(),
  description: z.string().default(''),
  usage_hint: z.string().default(''),
  url: RequestUrl.optional(),
});

const ManifestFile = z.object({
  features: z.object({ slash_commands: z.array(Command).default([]) }),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({
    event_subscriptions: z.object({ bot_events: z.array(z.string()).default([]), request_url: RequestUrl.optional() }),
    interactivity: z.object({
      is_enabled: z.boolean(),
      request_url: RequestUrl.optional(),
      message_menu_options_url: RequestUrl.optional(),
    }),
    socket_mode_enabled: z.boolean().default(false),
  }),
});
type ManifestFile = z.infer<typeof ManifestFile>;

/** The repository's manifest.yml: the app gets exactly what people paste into Slack. */
export const readManifest = (): Manifest => parseManifest(readFileSync(MANIFEST, 'utf8'));

/** Throws where Slack would not take the manifest. */
export function parseManifest(text: string): Manifest {
  const file = ManifestFile.parse(parse(text));
  return {
    scopes: new Set(file.oauth_config.scopes.bot),
    events: new Set(file.settings.event_subscriptions.bot_events),
    commands: new Map(
      file.features.slash_commands.map(({ command, description, usage_hint: hint }) => {
        const words = hint.split('|').map((word) => word.trim());
        return [command, { description, words: words.filter((word) => word !== '') }];
      }),
    ),
    requestUrls: file.settings.socket_mode_enabled ? null : requestUrlsOf(file),
  };
}

/** Without Socket Mode, whatever the app uses has a URL of its own. */
function requestUrlsOf({ features, settings }: ManifestFile): RequestUrls {
  const needed = (url: string | undefined, what: string): string => {
    if (url === undefined) throw new Error(`${what} is missing, and socket_mode_enabled is false`);
    return url;
  };
  const { event_subscriptions: events, interactivity } = settings;
  return {
    events: needed(events.request_url, 'settings.event_subscriptions.request_url'),
    interactivity: needed(interactivity.request_url, 'settings.interactivity.request_url'),
    options: needed(interactivity.message_menu_options_url, 'settings.interactivity.message_menu_options_url'),
    commands: new Map(
      features.slash_commands.map(({ command, url }) => [command, needed(url, `the url of ${command}`)]),
    ),
  };
}
