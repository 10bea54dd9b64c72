import { setUpCommand } from '../../access/ssh-config.ts';
import { ACTION, COMMAND, COMMAND_WORDS } from '../words/action-ids.ts';
import { actions, bullets, button, paragraph, preformatted, rich, section } from '../words/blocks.ts';
import { type GatewayFacts, targetName } from '../words/gateway-facts.ts';
import { line, mono, toNotification } from '../words/line.ts';
import type { Answer } from './answer.ts';

const WHAT: Readonly<Record<(typeof COMMAND_WORDS)[number], string>> = {
  request: 'request access to an engagement’s targets, in a form or in one line',
  list: 'see your access and requests, and what is waiting for your review',
  revoke: 'hand back your access, or end somebody else’s',
  key: 'register your SSH key with a one-time code',
  keys: 'see your SSH keys, or retire one',
  engagement: 'open or close an engagement: /access engagement new, or close',
  offboard: 'end everything that somebody has: /access offboard @person',
  help: 'show this help',
};

const buttons = () =>
  actions('help', [
    button({ action: ACTION.openRequest, label: 'Request access', style: 'primary', value: '' }),
    button({ action: ACTION.showKey, label: 'Register a key' }),
    button({ action: ACTION.showList, label: 'My access' }),
  ]);

/** The known words. `unknown` is something else that was typed. */
export function helpAnswer(unknown: string | null, gateway: GatewayFacts): Answer {
  const intro =
    unknown === null
      ? line`Daypass gives temporary SSH access, requested and approved here.`
      : line`Daypass has no command ${mono(unknown, 60)}. Its commands are:`;
  return {
    text: toNotification(line`How to use Daypass: ${COMMAND} followed by ${COMMAND_WORDS.join(', ')}`),
    blocks: [
      section(intro),
      rich(bullets(COMMAND_WORDS.map((word) => line`${mono(`${COMMAND} ${word}`, 60)} ${WHAT[word]}`))),
      rich(
        paragraph(line`In one line, in any order: targets or a label, for how long, scope, why, ticket.`),
        preformatted(`${COMMAND} request web-01,db-01 2h shell "rotate the logs" OPS-123`),
        paragraph(
          line`Where there is a choice, add \`as <login>\` and \`in <engagement>\`. Anything unclear opens the form, filled in. Without slash commands, send the same line to Daypass as a direct message, beginning with \`request\`.`,
        ),
      ),
      rich(
        paragraph(line`To set up ssh, paste this into a terminal. You only need to do this once:`),
        preformatted(setUpCommand(gateway)),
        paragraph(
          line`From then on, ${mono(`ssh ${targetName('<target>', gateway)}`, 200)} works for every target you have access to. Instead of \`setup | sh\`, you can use \`list\`, \`cert\`, \`end\` or \`help\`.`,
        ),
      ),
      section(
        line`If slash commands do not work for you (guests may not have them), use these buttons or the ones below the engagement’s message.`,
      ),
      buttons(),
    ],
  };
}
