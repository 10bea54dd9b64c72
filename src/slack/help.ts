import { ACTION, COMMAND, COMMAND_WORDS } from './action-ids.ts';
import type { Answer } from './answer.ts';
import { actions, button, section } from './blocks.ts';
import { type GatewayFacts, gatewayCommand, targetName } from './ssh-config.ts';
import { code } from './text.ts';

const WHAT: Readonly<Record<(typeof COMMAND_WORDS)[number], string>> = {
  request: 'ask for access to targets of an engagement',
  list: 'what you have, wait for, and may decide',
  revoke: 'hand back your access, or end another’s where you may',
  key: 'register your SSH key with a one-time code',
  engagement: 'open an engagement: `/access engagement new`',
  help: 'this text',
};

const buttons = () =>
  actions('help', [
    button({ action: ACTION.openRequest, label: 'Request access', style: 'primary', value: '' }),
    button({ action: ACTION.showKey, label: 'Register a key' }),
    button({ action: ACTION.showList, label: 'My access' }),
  ]);

/** The known words; `unknown` is one that was typed and is none of them. */
export function helpAnswer(unknown: string | null, gateway: GatewayFacts): Answer {
  const intro =
    unknown === null
      ? 'Daypass gives temporary SSH access, asked for and approved here.'
      : `${code(unknown, 60)} is not a word that Daypass knows. These are:`;
  const lines = COMMAND_WORDS.map((word) => `• \`${COMMAND} ${word}\` ${WHAT[word]}`);
  return {
    text: 'How to use Daypass',
    blocks: [
      section([intro, ...lines].join('\n')),
      section(
        `In a terminal, ${code(gatewayCommand('config', gateway), 400)} prints an ssh_config to set up once; then ${code(`ssh ${targetName('<target>', gateway)}`, 200)} works for each access you are granted. In the place of \`config\`: \`list\`, \`cert\`, \`end\`, \`help\`.`,
      ),
      section('Guests, for whom slash commands may not work: use these buttons, or those in the engagement’s thread.'),
      buttons(),
    ],
  };
}
