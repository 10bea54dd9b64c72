import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { isSeq, parseDocument } from 'yaml';
import { print, Refused } from './output.ts';

const MANIFEST = fileURLToPath(new URL('../../manifest.yml', import.meta.url));

export function manifestCommand(program: Command): void {
  program
    .command('manifest')
    .description('Print the manifest that the Slack app is created from: for Socket Mode, or for HTTP with --http.')
    .option('--http <request URL>', 'where Slack reaches Daypass, such as https://daypass.example.com/slack/events')
    .action(({ http }: { http?: string }) => {
      const text = readFileSync(MANIFEST, 'utf8');
      print(http === undefined ? text : httpManifest(text, requestUrl(http)));
    });
}

/** Everything that Slack sends goes to the one URL. */
export function httpManifest(text: string, url: string): string {
  const manifest = parseDocument(text);
  const commands = manifest.getIn(['features', 'slash_commands']);
  if (!isSeq(commands)) throw new Error('manifest.yml has no features.slash_commands');
  for (const index of commands.items.keys()) manifest.setIn(['features', 'slash_commands', index, 'url'], url);
  manifest.setIn(['settings', 'event_subscriptions', 'request_url'], url);
  manifest.setIn(['settings', 'interactivity', 'request_url'], url);
  // Menus that ask while somebody types have a setting of their own.
  manifest.setIn(['settings', 'interactivity', 'message_menu_options_url'], url);
  manifest.setIn(['settings', 'socket_mode_enabled'], false);
  return manifest.toString({ lineWidth: 0 });
}

/** As Slack takes it, with a path that slack.http.path can have. */
function requestUrl(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  const isPlain = url !== null && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (isPlain && url.protocol === 'https:' && /^(?:\/[A-Za-z0-9_-]+)+$/.test(url.pathname)) return url.href;
  throw new Refused(
    '--http must be the whole request URL: https, a host, and the path of slack.http.path; for example https://daypass.example.com/slack/events',
    2,
  );
}
