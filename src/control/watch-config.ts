import { watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { withoutControls } from '../access/printable.ts';
import { type Config, ConfigError, type Contents, digestOf, readContents, sha256Of } from '../config/load.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../use-cases/ports/clock.ts';
import type { Store } from '../use-cases/ports/store.ts';
import { noteMended, noteRefused, type RefusedFile } from '../use-cases/upkeep/note-configuration.ts';
import type { LiveConfig } from './live-config.ts';
import { startSchedules } from './schedules.ts';

type Deps = { readonly store: Store<'audit' | 'outbox'>; readonly clock: Clock; readonly log: Log };

const LOOK_EVERY_MS = 2_000;
/** Nobody who writes a file stops for so long in the middle of it. */
const SETTLED_MS = 1_000;
const HINT_MS = 100;
const REASON_MAX = 300;

const monotonicMs = (): number => performance.now();

/**
 * Looks at the files, and takes over what has changed. Contents count once they were seen twice in a row: a file that is half written
 * does not. Security is told of contents that cannot be used once, and once more when all can be used again.
 */
export function configLook(live: LiveConfig, file: string, deps: Deps, nowMs = monotonicMs): () => Promise<void> {
  let seen = { digest: live.digest(), sinceMs: nowMs() };
  /** What cannot be used, since there was last something that can. */
  const refused = new Set<string>();
  const judge = async (digest: string, contents: Contents): Promise<void> => {
    if (refused.has(digest)) return;
    try {
      const isInForce = digest === live.digest() || (await live.reloadIf(digest, deps, { kind: 'daypass' }));
      if (!isInForce) return;
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const wrong = wrongIn(error, contents);
      await noteRefused(deps)(wrong);
      refused.add(digest);
      deps.log.error(wrong, 'the configuration cannot be used; keeping the one in use');
      return;
    }
    if (refused.size === 0) return;
    await noteMended(deps)();
    refused.clear();
    deps.log.info('the configuration can be used again');
  };
  return async () => {
    const contents = await readContents(file);
    const digest = digestOf(contents);
    if (digest !== seen.digest) seen = { digest, sinceMs: nowMs() };
    else if (nowMs() - seen.sinceMs >= SETTLED_MS) await judge(digest, contents);
  };
}

/** The first problem; the rest is for who corrects the file. */
function wrongIn({ file, problems }: ConfigError, contents: Contents): RefusedFile {
  const [first] = problems;
  const [said = ''] = (first?.text ?? '').split('\n');
  const reason = [...withoutControls(said)].slice(0, REASON_MAX).join('');
  return { file: basename(file), line: first?.line ?? null, reason, sha256: sha256Of(contents, file) };
}

/** Looks every few seconds, and sooner where the system tells of a change; nothing where only a command reloads. */
export function watchingConfig(live: LiveConfig, { file, reload }: Config, deps: Deps): AsyncDisposable {
  if (reload === 'manual') return { [Symbol.asyncDispose]: async () => {} };
  const once = configLook(live, file, deps);
  let last: Promise<void> = Promise.resolve();
  const look = (): Promise<void> => {
    last = last.catch(() => {}).then(once);
    return last;
  };
  const schedules = startSchedules([{ name: 'read the configuration', everyMs: LOOK_EVERY_MS, run: look }], deps.log);
  // What fails now fails again, and is logged, when it is looked at by the clock.
  const stopHints = onChange(dirname(resolve(file)), () => void look().catch(() => {}));
  return {
    async [Symbol.asyncDispose]() {
      stopHints();
      await schedules[Symbol.asyncDispose]();
      await last.catch(() => {});
    },
  };
}

/** A folder, because editors and Kubernetes put another file, or link, in a file's place. A hint and no more: some file systems tell nothing. */
function onChange(folder: string, run: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const hinted = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      run();
    }, HINT_MS);
  };
  try {
    const watcher = watch(folder, { persistent: false }, hinted);
    watcher.on('error', () => watcher.close());
    return () => {
      watcher.close();
      clearTimeout(timer);
    };
  } catch {
    return () => {};
  }
}
