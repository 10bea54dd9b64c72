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
};

const MANIFEST = fileURLToPath(new URL('../../../manifest.yml', import.meta.url));

const Command = z.object({
  command: z.string(),
  description: z.string().default(''),
  usage_hint: z.string().default(''),
});

const ManifestFile = z.object({
  features: z.object({ slash_commands: z.array(Command).default([]) }),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z.object({ event_subscriptions: z.object({ bot_events: z.array(z.string()).default([]) }) }),
});

/** The repository's manifest.yml: the app gets exactly what people paste into Slack. */
export function readManifest(): Manifest {
  const file = ManifestFile.parse(parse(readFileSync(MANIFEST, 'utf8')));
  return {
    scopes: new Set(file.oauth_config.scopes.bot),
    events: new Set(file.settings.event_subscriptions.bot_events),
    commands: new Map(
      file.features.slash_commands.map(({ command, description, usage_hint: hint }) => {
        const words = hint.split('|').map((word) => word.trim());
        return [command, { description, words: words.filter((word) => word !== '') }];
      }),
    ),
  };
}
