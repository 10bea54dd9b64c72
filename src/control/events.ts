import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { escapeControls, type Log } from '../log.ts';
import { AuditFollower } from '../use-cases/audit/follow-audit.ts';
import type { NumberedEvent } from '../use-cases/ports/audit.ts';
import type { Store } from '../use-cases/ports/store.ts';

/** Every audit event as one JSON line, for a SIEM. docs/operations.md describes the lines. */

const CURSOR_FILE = 'events.cursor';
const LOOK_MS = 300;
const LAST_MS = 5_000;
const CURSOR_MAX = 1_024;

type Deps = { readonly store: Store; readonly log: Log; readonly site: string; readonly dataDir: string };

const eventLine = (site: string, { id, at, type, actor, facts, prev, hash }: NumberedEvent): string =>
  `${escapeControls(JSON.stringify({ v: 1, id, at: at.toISOString(), site, type, actor, facts, prev, hash }))}\n`;

/**
 * Writes what was not written yet, and from then on each event after its commit. The last number written is kept in the data
 * folder, so that what happened while nobody wrote follows at the next start; a crash in between writes some lines twice.
 */
export async function writeEvents({ store, log, site, dataDir }: Deps, out: Writable): Promise<AsyncDisposable> {
  const path = join(dataDir, CURSOR_FILE);
  const from = (id: number): AuditFollower => new AuditFollower(store, id);
  let written = await startAt(path, store, log);
  let follower = from(written);
  const stop = new AbortController();
  const look = async (): Promise<void> => {
    try {
      for (let events = await follower.next(); events.length > 0; events = await follower.next()) {
        await write(out, events.map((event) => eventLine(site, event)).join(''));
        written = follower.id;
        keep(path, written);
      }
    } catch (error) {
      log.error({ err: error }, 'events could not be written; trying again');
      follower = from(written);
    }
  };
  const run = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await look();
      await pause(LOOK_MS, undefined, { signal: stop.signal }).catch(() => {});
    }
  };
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      // A reader that stands still does not hold the stop up: what it misses follows at the next start.
      await Promise.race([running.then(look), pause(LAST_MS, undefined, { ref: false })]);
    },
  };
}

async function startAt(path: string, store: Store, log: Log): Promise<number> {
  const kept = readCursor(path);
  const last = await store.transaction((tx) => tx.audit.last());
  if (kept <= last) return kept;
  log.warn({ written: kept, last }, 'the database is older than the events already written; only new events follow');
  return last;
}

function readCursor(path: string): number {
  try {
    const text = readFileSync(path, 'utf8').slice(0, CURSOR_MAX);
    return z.object({ id: z.int().nonnegative() }).parse(JSON.parse(text)).id;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0;
    throw new Error(`${path} does not contain an event number. If you remove it, every event is written again.`, {
      cause: error,
    });
  }
}

function keep(path: string, id: number): void {
  writeFileSync(`${path}.new`, `${JSON.stringify({ id })}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

/** Resolves once the operating system has it, however slowly the reader reads. */
const write = (out: Writable, text: string): Promise<void> =>
  new Promise((resolve, reject) => {
    out.write(text, (error) => (error ? reject(error) : resolve()));
  });
