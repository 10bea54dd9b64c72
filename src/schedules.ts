import cron from 'node-cron';
import type { Log } from './log.ts';

export type Schedule = { readonly name: string; readonly cron: string; readonly run: () => Promise<unknown> };

/** Calls each function at its time, never twice at once; one that fails is logged and tried again at its next time. */
export function startSchedules(schedules: readonly Schedule[], log: Log): AsyncDisposable {
  const running = new Set<Promise<void>>();
  // Its own goes to stdout and stderr as plain text.
  const says = (said: string | Error, err?: Error): object => (said instanceof Error ? { err: said } : { said, err });
  const logger = {
    info: (said: string): void => log.info(says(said), 'scheduler'),
    warn: (said: string): void => log.warn(says(said), 'scheduler'),
    error: (said: string | Error, err?: Error): void => log.error(says(said, err), 'scheduler'),
    debug: (said: string | Error, err?: Error): void => log.debug(says(said, err), 'scheduler'),
  };
  const tasks = schedules.map((schedule) =>
    cron.schedule(
      schedule.cron,
      async () => {
        const run = schedule.run().then(
          () => {},
          (error: unknown) => log.error({ err: error, schedule: schedule.name }, 'schedule failed'),
        );
        running.add(run);
        await run;
        running.delete(run);
      },
      { name: schedule.name, noOverlap: true, logger },
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      for (const task of tasks) await task.destroy();
      await Promise.all(running);
    },
  };
}
