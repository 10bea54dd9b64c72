import { parentPort, workerData } from 'node:worker_threads';
import { FRAME_HEADER_BYTES, slotOf } from '../format/format.ts';
import { wrapNewKey } from '../format/wrapped-key.ts';
import {
  type Answers,
  type FromThread,
  failureOf,
  type Order,
  RecordingError,
  SESSION_BYTES,
  type ToThread,
} from '../write/recorder-messages.ts';
import { Container } from './container.ts';
import { SessionWriter } from './session-writer.ts';

/** The thread of a worker in which recordings are made: content rules, digests, encryption, chain and files. */

const { recipients } = workerData as { readonly recipients: readonly string[] };
const gathered = Container.gathering();
/** Those that live, and why others do no longer. */
const sessions = new Map<number, SessionWriter | RecordingError>();
/** What the disk lost it tells only when it is asked, so it is asked so long after something was written. */
const SYNC_MS = 400;
let isSyncing = false;
/** How often this looks whether whoever started the process is still there. */
const PARENT_CHECK_MS = 1_000;

const tell = (message: FromThread, buffers: readonly ArrayBuffer[] = []): void =>
  parentPort?.postMessage(message, buffers);

/** Runs a step of a live session; one that fails ends it for good, once. */
function step<T>(id: number, run: (session: SessionWriter) => T): T | undefined {
  const session = sessions.get(id);
  if (!(session instanceof SessionWriter)) return;
  try {
    const value = run(session);
    session.flush();
    return value;
  } catch (error) {
    return void fail(id, session, error);
  } finally {
    if (session.isDirty) syncSoon();
  }
}

function fail(id: number, session: SessionWriter, error: unknown): void {
  const failure = failureOf(error);
  sessions.set(id, new RecordingError(failure));
  session.abandon();
  tell({ tell: 'failed', session: id, failure });
}

function syncSoon(): void {
  if (isSyncing) return;
  isSyncing = true;
  setTimeout(() => {
    syncAll().then(() => {
      isSyncing = false;
      if ([...sessions.values()].some(isDirty)) syncSoon();
    });
  }, SYNC_MS);
}

/** One after the other: where the disk does not answer, the process's other file work has the remaining threads of its pool. */
async function syncAll(): Promise<void> {
  for (const [id, session] of [...sessions]) {
    if (!isDirty(session)) continue;
    try {
      await session.sync();
    } catch (error) {
      if (sessions.get(id) === session) fail(id, session, error);
    }
  }
}

const isDirty = (session: SessionWriter | RecordingError): session is SessionWriter =>
  session instanceof SessionWriter && session.isDirty;

function write(bytes: ArrayBuffer, length: number): void {
  const all = Buffer.from(bytes, 0, length);
  for (const [id, frames] of bySession(all)) {
    step(id, (session) => {
      for (const frame of frames) session.take(frame);
    });
  }
  tell({ tell: 'written', bytes }, [bytes]);
}

function bySession(all: Buffer): Map<number, Buffer[]> {
  const found = new Map<number, Buffer[]>();
  for (let at = 0; at < all.length; ) {
    const id = all.readUInt32BE(at);
    const start = at + SESSION_BYTES;
    const end = start + FRAME_HEADER_BYTES + all.readUInt32BE(start + 9);
    const frame = all.subarray(start, end);
    const frames = found.get(id);
    if (frames) frames.push(frame);
    else found.set(id, [frame]);
    at = end;
  }
  return found;
}

async function carryOut(id: number, order: Order): Promise<Answers[Order['do']]> {
  switch (order.do) {
    case 'begin': {
      const session = await SessionWriter.begin(order.folder, order.opening, recipients, gathered);
      sessions.set(id, session);
      return session.headAtStart;
    }
    case 'channel': {
      const isBegun = step(id, (session) => {
        session.channel(order.start, order.micros, () =>
          tell({ tell: 'overrun', session: id, channel: slotOf(order.start.number) }),
        );
        return true as const;
      });
      return isBegun ?? Promise.reject(sessions.get(id));
    }
    case 'finish': {
      const record = step(id, (session) => session.finish(order.channel, order.micros, order.exit));
      return record ?? Promise.reject(sessions.get(id));
    }
    case 'close': {
      const session = sessions.get(id);
      sessions.delete(id);
      if (!(session instanceof SessionWriter)) throw session ?? new Error('this recording was never started');
      return session.close(order.closing, order.micros);
    }
  }
}

parentPort?.on('message', (message: ToThread) => {
  switch (message.do) {
    case 'write':
      return void write(message.bytes, message.length);
    case 'journal':
      return void step(message.session, (session) => session.journal(message.fact, message.micros));
    default:
      carryOut(message.session, message).then(
        (value) => tell({ tell: 'done', call: message.call, value }),
        (error: unknown) => tell({ tell: 'refused', call: message.call, failure: failureOf(error) }),
      );
  }
});

// The process ends by itself where its parent is gone, unless its own event loop hangs: then nobody is left to end it.
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL');
}, PARENT_CHECK_MS);

// A recipient that cannot be used is found before anybody connects.
await wrapNewKey(recipients);
tell({ tell: 'ready' });
