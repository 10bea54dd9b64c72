import { DateTime, Duration } from 'luxon';
import type { Config } from '../config/load.ts';
import { spoolFolder } from '../config/places.ts';
import type { Log } from '../log.ts';
import { freeMiB } from '../recording/write/session-recording.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Store } from '../use-cases/ports/store.ts';
import type { RefusalNotes } from '../use-cases/sessions/note-refusals.ts';
import { freeSpaceWatch } from '../use-cases/upkeep/watch-free-space.ts';
import type { Recordings } from './recordings.ts';
import { startSchedules } from './schedules.ts';

/** Retention, where it is configured: once at start, then every hour. */
export function erasingOld(recordings: Recordings, config: Config, clock: Clock, log: Log): AsyncDisposable {
  const { retention } = config.recordings;
  if (retention === undefined) return { [Symbol.asyncDispose]: async () => {} };
  const run = async (): Promise<void> => {
    const before = DateTime.fromJSDate(clock.now()).minus(Duration.fromISO(retention)).toJSDate();
    const erased = await recordings.eraseOlderThan(before, `retention ${retention}`);
    if (erased > 0) log.info({ erased, retention }, 'recordings were erased');
  };
  const first = run().catch((error: unknown) => log.error({ err: error }, 'retention failed'));
  const schedules = startSchedules([{ name: 'erase old recordings', cron: '29 * * * *', run }], log);
  return {
    async [Symbol.asyncDispose]() {
      await schedules[Symbol.asyncDispose]();
      await first;
    },
  };
}

/** It fills over hours, or within a minute. */
export function watchingSpace(
  { store, clock, log }: { readonly store: Store; readonly clock: Clock; readonly log: Log },
  config: Config,
): AsyncDisposable {
  const free = (): Promise<number> => freeMiB(spoolFolder(config));
  const run = freeSpaceWatch({ store, clock, freeMiB: free, minFreeMiB: config.gateway.min_free_mib });
  return startSchedules([{ name: 'watch free space', everyMs: 5_000, run }], log);
}

/** Writes refused connections down each minute, and once more at the end. */
export function flushing(refusals: RefusalNotes, log: Log): AsyncDisposable {
  const schedules = startSchedules([{ name: 'note refused connections', everyMs: 60_000, run: refusals.flush }], log);
  return {
    async [Symbol.asyncDispose]() {
      await schedules[Symbol.asyncDispose]();
      await refusals.flush();
    },
  };
}
