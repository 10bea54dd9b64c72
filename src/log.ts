import pino from 'pino';

export type Log = pino.Logger;

/** What a terminal or a viewer may act on and JSON lets through: DEL, C1 controls, line separators, changes of direction. */
const CONTROLS = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;
export const escapeControls = (line: string): string =>
  line.replace(CONTROLS, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`);

/**
 * JSON lines on stdout, or on stderr where DAYPASS_LOG_TO says so, one event each. Texts from outside go into fields, where their
 * control characters are escaped; `msg` is always a constant of ours.
 */
export const createLog = (level: string = process.env['DAYPASS_LOG_LEVEL'] ?? 'info'): Log =>
  pino(
    {
      level,
      base: null,
      // In JSON they stand in strings only, where an escape says the same.
      hooks: { streamWrite: escapeControls },
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['*.token', '*.botToken', '*.appToken', '*.signingSecret', 'databaseUrl'],
    },
    pino.destination({ fd: process.env['DAYPASS_LOG_TO'] === 'stderr' ? 2 : 1, sync: true }),
  );
