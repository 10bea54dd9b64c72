import type { SessionId } from '../access/ids.ts';
import type { SessionReport } from '../use-cases/gateway-control.ts';
import type { FromWorker } from './ipc.ts';
import { REPORT_COMMAND_CUT, REPORT_COMMANDS_MAX } from './limits.ts';

/** A session's report, as control is told of it: whatever was run, it fits into one message. */
export function closedMessage(
  session: SessionId,
  { ending, channels, refusals, recording }: SessionReport,
): Extract<FromWorker, { type: 'closed' }> {
  let left = REPORT_COMMANDS_MAX;
  const told = (command: string | null): string | null => {
    if (command === null) return null;
    const length = left > 0 ? JSON.stringify(command).length : 0;
    left = Math.max(0, left - length);
    return left > 0 ? command : shortened(command);
  };
  const shown = channels.map((channel) => ({ ...channel, command: told(channel.command) }));
  return { type: 'closed', session, ending, channels: shown, refusals: [...refusals], recording };
}

const shortened = (command: string): string =>
  command.length <= REPORT_COMMAND_CUT ? command : `${command.slice(0, REPORT_COMMAND_CUT)}…`;
