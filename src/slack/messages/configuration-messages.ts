import type { Notice } from '../../use-cases/notice.ts';
import { type Block, context, section } from '../words/blocks.ts';
import { type Line, line, mono, own, toNotification, value } from '../words/line.ts';

type Message = { readonly text: string; readonly blocks: Block[] };

const FILE_MAX = 100;
const REASON_MAX = 300;

/** To security's channel: an operator changed a file, and the change does not count. */
export function configurationRefused({
  file,
  line: at,
  reason,
}: Extract<Notice, { kind: 'configuration_refused' }>): Message {
  const place = at === null ? [] : own(`, line ${at}`);
  return told(
    line`:warning: *${mono(file, FILE_MAX)} was changed and cannot be used*${place}: ${value(reason, REASON_MAX)}`,
    line`The configuration that was in force before stays in force. Your Daypass operator needs to correct the file. Daypass reads it again by itself, and \`daypass serve --check\` shows everything that is wrong with it.`,
  );
}

/** To security's channel: nothing has to be done any more. */
export const configurationMended = (): Message =>
  told(
    line`:white_check_mark: The configuration can be used again, and is in force.`,
    line`If that changed anything, the audit log has it as \`configuration_reloaded\`.`,
  );

const told = (said: Line, small: Line): Message => ({
  text: toNotification(said),
  blocks: [section(said), context(small)],
});
