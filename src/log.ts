import pino from 'pino';

export type Log = pino.Logger;

/**
 * JSON lines on stdout, or on stderr where DAYPASS_LOG_TO says so, one event each. Texts from outside go into fields, where JSON escapes their control characters; `msg` is
 * always a constant of ours.
 */
export const createLog = (level: string = process.env['DAYPASS_LOG_LEVEL'] ?? 'info'): Log =>
  pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['*.token', '*.botToken', '*.appToken', 'databaseUrl'],
    },
    pino.destination({ fd: process.env['DAYPASS_LOG_TO'] === 'stderr' ? 2 : 1, sync: true }),
  );
