import type { SessionId } from '../../access/ids.ts';
import type { SessionReport } from '../../access/session-report.ts';
import { REPORT_COMMANDS_MAX } from '../limits.ts';
import type { FromWorker } from '../pipe/worker-messages.ts';

/** A session's report, as control is told of it: whatever was run, it fits into one message. */
export function closedMessage(
  session: SessionId,
  { ending, channels, refusals, recording }: SessionReport,
): Extract<FromWorker, { type: 'closed' }> {
  const share = shareOf(channels.flatMap(({ command }) => (command === null ? [] : [JSON.stringify(command).length])));
  const shown = channels.map((channel) => ({
    ...channel,
    command: channel.command === null ? null : shortened(channel.command, share),
  }));
  return { type: 'closed', session, ending, channels: shown, refusals, recording };
}

/** How long each command may be, as JSON: no long one takes the place of another, so that none hides what was run after it. */
function shareOf(lengths: readonly number[]): number {
  let left = REPORT_COMMANDS_MAX;
  for (const [n, length] of lengths.toSorted((a, b) => a - b).entries()) {
    const share = Math.floor(left / (lengths.length - n));
    if (length > share) return share;
    left -= length;
  }
  return Number.POSITIVE_INFINITY;
}

/** JSON says a character in six at most, and an ellipsis and quotes are to come. */
const ESCAPED = 6;
const AROUND = 5;

function shortened(command: string, share: number): string {
  if (JSON.stringify(command).length <= share) return command;
  const plain = command.slice(0, share - AROUND);
  const isPlain = JSON.stringify(`${plain}…`).length <= share;
  return `${isPlain ? plain : command.slice(0, Math.floor((share - AROUND) / ESCAPED))}…`;
}
