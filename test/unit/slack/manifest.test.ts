import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { httpManifest } from '../../../src/cli/manifest.ts';
import { parseManifest } from '../../../src/demo/workspace/manifest.ts';
import { PEOPLE_EVENTS, REMOVAL_EVENTS } from '../../../src/slack/conversations/listeners.ts';
import { COMMAND, COMMAND_WORDS } from '../../../src/slack/words/action-ids.ts';

const Manifest = z.object({
  features: z
    .object({
      app_home: z
        .object({ home_tab_enabled: z.literal(true), messages_tab_read_only_enabled: z.literal(false) })
        .loose(),
      slash_commands: z.array(z.object({ command: z.string(), usage_hint: z.string() }).loose()),
    })
    .loose(),
  oauth_config: z.object({ scopes: z.object({ bot: z.array(z.string()) }) }),
  settings: z
    .object({
      event_subscriptions: z.object({ bot_events: z.array(z.string()) }),
      interactivity: z.object({ is_enabled: z.literal(true) }),
      socket_mode_enabled: z.literal(true),
    })
    .loose(),
});
const root = new URL('../../../', import.meta.url);
const text = readFileSync(new URL('manifest.yml', root), 'utf8');
const manifest = Manifest.parse(parse(text));

/** Scopes of each Web API method that src/slack calls, from Slack's reference; a method that is missing here fails the test. */
const SCOPES: Readonly<Record<string, readonly string[]>> = {
  'auth.test': [],
  'chat.delete': ['chat:write'],
  'chat.getPermalink': [],
  'chat.postEphemeral': ['chat:write'],
  'chat.postMessage': ['chat:write'],
  'chat.update': ['chat:write'],
  'conversations.history': ['channels:history', 'groups:history', 'im:history'],
  'conversations.info': ['channels:read', 'groups:read'],
  'conversations.members': ['channels:read', 'groups:read'],
  'conversations.open': ['im:write'],
  'conversations.replies': ['channels:history', 'groups:history', 'im:history'],
  'files.completeUploadExternal': ['files:write'],
  'files.getUploadURLExternal': ['files:write'],
  'usergroups.users.list': ['usergroups:read'],
  'users.info': ['users:read'],
  'views.open': [],
  'views.publish': [],
  'views.push': [],
  'views.update': [],
};
/** Scopes that events and commands need. */
const LISTENING = [
  'commands',
  'app_mentions:read',
  'im:history',
  'users:read',
  'usergroups:read',
  'channels:read',
  'groups:read',
];

it('asks for exactly the scopes that the code uses', () => {
  const folder = new URL('src/slack/', root);
  const source = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(new URL(file, folder), 'utf8'))
    .join('\n');
  const called = [...source.matchAll(/\bweb((?:\s*\.\s*\w+){2,3})\(/g)].map(([, path = '']) =>
    path.replace(/\s/g, '').slice(1),
  );
  expect([...new Set(called)].sort()).toEqual(Object.keys(SCOPES));
  const needed = new Set([...LISTENING, ...called.flatMap((method) => SCOPES[method] ?? [])]);
  expect([...manifest.oauth_config.scopes.bot].sort()).toEqual([...needed].sort());
});

it('subscribes to exactly the events that the code listens to', () => {
  const events = [
    'app_home_opened',
    'app_mention',
    'message.im',
    'channel_id_changed',
    ...PEOPLE_EVENTS,
    ...REMOVAL_EVENTS,
  ];
  expect([...manifest.settings.event_subscriptions.bot_events].sort()).toEqual(events.sort());
});

it('has the one command, with its words as a hint', () => {
  expect(manifest.features.slash_commands.map((each) => each.command)).toEqual([COMMAND]);
  for (const word of COMMAND_WORDS) expect(manifest.features.slash_commands[0]?.usage_hint).toContain(word);
});

describe('for HTTP', () => {
  const URL_OF_OURS = 'https://daypass.example.com/slack/events';
  const http = httpManifest(text, URL_OF_OURS);

  it('sends everything to the request URL, without Socket Mode, and is the same otherwise', () => {
    expect(parseManifest(http)).toEqual({
      ...parseManifest(text),
      requestUrls: {
        ...{ events: URL_OF_OURS, interactivity: URL_OF_OURS, options: URL_OF_OURS },
        commands: new Map([[COMMAND, URL_OF_OURS]]),
      },
    });
    const added = /^ *(?:url|request_url|message_menu_options_url): .*\n/gm;
    expect(http.replace(added, '').replace('socket_mode_enabled: false', 'socket_mode_enabled: true')).toBe(text);
  });

  it.each(['url', 'request_url', 'message_menu_options_url'])('is not taken by the workspace without %s', (setting) => {
    const without = http.replace(new RegExp(`^ *${setting}: .*\\n`, 'm'), '');
    expect(() => parseManifest(without)).toThrow(/is missing, and socket_mode_enabled is false/);
    const plain = http.replace(new RegExp(`^( *${setting}): https:`, 'm'), '$1: http:');
    expect(() => parseManifest(plain)).toThrow(/must be https/);
  });
});
