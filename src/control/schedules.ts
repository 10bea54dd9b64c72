import cron from 'node-cron';
import type { Log } from '../log.ts';

/** By a clock that nobody sets, or at times of the day. */
type When = { readonly everyMs: number } | { readonly cron: string };
export type Schedule = When & { readonly name: string; readonly run: () => Promise<unknown> };

/** Calls each function at its time, never twice at once; one that fails is logged and tried again at its next time. */
export function startSchedules(schedules: readonly Schedule[], log: Log): AsyncDisposable {
  const running = new Set<Promise<void>>();
  const attempt = async ({ name, run }: Schedule): Promise<void> => {
    const attempted = run().then(
      () => {},
      (error: unknown) => log.error({ err: error, schedule: name }, 'schedule failed'),
    );
    running.add(attempted);
    await attempted;
    running.delete(attempted);
  };
  const stops = schedules.map((schedule) => {
    const run = (): Promise<void> => attempt(schedule);
    return 'cron' in schedule ? atTimes(schedule, run, log) : again(schedule.everyMs, run);
  });
  return {
    async [Symbol.asyncDispose]() {
      for (const stop of stops) await stop();
      await Promise.all(running);
    },
  };
}

type Stop = () => Promise<void> | void;

function again(everyMs: number, run: () => Promise<void>): Stop {
  let timer: NodeJS.Timeout;
  let isStopped = false;
  const after = (ms: number): void => {
    timer = setTimeout(() => {
      const begun = performance.now();
      run().then(() => {
        if (!isStopped) after(Math.max(0, everyMs - (performance.now() - begun)));
      });
    }, ms);
  };
  after(everyMs);
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

/** Times of the day that a set clock passes over, or stands before, are simply waited for again. */
function atTimes({ name, cron: times }: { name: string; cron: string }, run: () => Promise<void>, log: Log): Stop {
  // Its own goes to stdout and stderr as plain text.
  const says = (said: string | Error, err?: Error): object => (said instanceof Error ? { err: said } : { said, err });
  const logger = {
    info: (said: string): void => log.info(says(said), 'scheduler'),
    warn: (said: string): void => log.warn(says(said), 'scheduler'),
    error: (said: string | Error, err?: Error): void => log.error(says(said, err), 'scheduler'),
    debug: (said: string | Error, err?: Error): void => log.debug(says(said, err), 'scheduler'),
  };
  const task = cron.schedule(times, run, { name, noOverlap: true, logger });
  // Else each time that a leap of the clock passes over is a line of the log.
  task.on('execution:missed', () => {});
  return () => task.destroy();
}
