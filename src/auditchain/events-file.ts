import { createReadStream } from 'node:fs';
import { z } from 'zod';
import type { ReadEvent, Unreadable } from './check.ts';

const LINE_MAX = 1024 * 1024;

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
/** A line of the events stream. Other fields may be added to it, and are no part of the event. */
const Line = z.object({
  ...{ id: z.int().positive(), at: z.string(), type: z.string() },
  ...{ actor: z.record(z.string(), z.unknown()), facts: z.record(z.string(), z.unknown()) },
  // Lines of earlier versions have neither.
  ...{ prev: Hash.nullable().default(null), hash: Hash.nullable().default(null) },
});

/** Every line of a file that `serve --events` wrote, in the order of the file. */
export async function* fileEvents(path: string): AsyncGenerator<ReadEvent | Unreadable> {
  let number = 0;
  for await (const line of linesOf(path)) {
    number += 1;
    if (line.trim() !== '') yield toEvent(line, number);
  }
}

function toEvent(line: string, number: number): ReadEvent | Unreadable {
  try {
    const read = Line.safeParse(JSON.parse(line));
    if (read.success) return read.data;
  } catch {
    // Said below: what is not JSON is no event either.
  }
  return { id: null, hash: null, why: `line ${number} of the file is not an event` };
}

/** A line that is too long comes in pieces, which are no events. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let held: Buffer = Buffer.alloc(0);
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    const text = held.length === 0 ? piece : Buffer.concat([held, piece]);
    let from = 0;
    for (let end = text.indexOf(0x0a); end !== -1; end = text.indexOf(0x0a, from)) {
      yield text.toString('utf8', from, end);
      from = end + 1;
    }
    held = text.subarray(from);
    if (held.length > LINE_MAX) {
      yield held.toString('utf8');
      held = Buffer.alloc(0);
    }
  }
  if (held.length > 0) yield held.toString('utf8');
}
