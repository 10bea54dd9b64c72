import type { ChannelAsk } from './permits.ts';

/** Protocols that are passed on without being read, wherever a line names them, and however it is quoted. */
const TRANSFERS: readonly (readonly RegExp[])[] = [
  [/rsync/, /--server/],
  [/git/, /upload-pack|receive-pack|upload-archive/],
];

/** Whether a recording of such a channel would only know how much passed. */
export function isOpaque(ask: ChannelAsk): boolean {
  switch (ask.kind) {
    case 'shell':
    case 'pty':
      return false;
    case 'exec':
      return TRANSFERS.some((signs) => signs.every((sign) => sign.test(unquoted(ask.command))));
    case 'subsystem':
      return ask.name !== 'sftp';
    case 'tunnel':
      return true;
    default:
      return ask satisfies never;
  }
}

/** Quotes and backslashes may stand in the middle of a word. */
const unquoted = (command: string): string => command.replace(/['"\\]/g, '');
