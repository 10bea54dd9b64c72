import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PIPE_BACKLOG_MAX } from '../../../../src/gateway/limits.ts';
import { MessagePipe, type PipeLimits } from '../../../../src/gateway/pipe/message-pipe.ts';
import { streamPair, turn } from '../../../support/peers/stream-pair.ts';

const MAX = 40;
const SMALL: PipeLimits = { messageMax: MAX, messagesPerSecond: 1_000, bytesPerSecond: 100_000 };
/** A message of exactly this many characters. */
const ofLength = (length: number): string => JSON.stringify({ a: 'x'.repeat(length - '{"a":""}'.length) });

/** A pipe and its other side, which reads nothing until `reads` is called. */
async function talk(limits: Partial<PipeLimits> = SMALL, hear: (pipe: MessagePipe) => void = () => {}) {
  const [near, far] = streamPair();
  const heard: object[] = [];
  const lines: string[] = [];
  const ends: ('broken' | 'end')[] = [];
  const pipe = new MessagePipe(
    near,
    {
      message: (message, line) => {
        heard.push(message);
        lines.push(line);
        hear(pipe);
      },
      broken: () => void ends.push('broken'),
      end: () => void ends.push('end'),
    },
    limits,
  );
  far.on('error', () => {});
  await turn();
  const says = async (...chunks: readonly (string | Buffer)[]): Promise<void> => {
    for (const chunk of chunks) {
      far.write(chunk);
      await turn();
    }
  };
  /** From now on the other side reads; this is what it has got. */
  const reads = (): { text: string } => {
    const read = { text: '' };
    far.on('data', (bytes: Buffer) => {
      read.text += bytes.toString();
    });
    return read;
  };
  return { pipe, near, far, heard, lines, ends, says, reads };
}

const A = '{"a":1}\n';
const B = '{"b":2}\n';
const E = Buffer.from('{"e":"é€😀"}\n');

describe('a pipe delivers', () => {
  it.each<[string, (string | Buffer)[], object[]]>([
    ['one message', [A], [{ a: 1 }]],
    ['two messages that arrive in one chunk', [A + B], [{ a: 1 }, { b: 2 }]],
    ['a message that is split over two chunks', ['{"a"', ':1}\n'], [{ a: 1 }]],
    ['a message whose line break arrives with the next message', ['{"a":1}', `\n${B}`], [{ a: 1 }, { b: 2 }]],
    ['characters that are split in the middle', [...E].map((byte) => Buffer.of(byte)), [{ e: 'é€😀' }]],
    ['nothing for half a message', [`${A}{"b":`], [{ a: 1 }]],
    ['an empty object', ['{}\n'], [{}]],
    ['a message with blanks around it', ['  {"a":1}\t\r\n'], [{ a: 1 }]],
    ['a message of the maximum size', [`${ofLength(MAX)}\n`], [JSON.parse(ofLength(MAX))]],
    [
      'a message of the maximum size whose line break arrives later',
      [ofLength(MAX), '\n'],
      [JSON.parse(ofLength(MAX))],
    ],
  ])('%s', async (_name, chunks, expected) => {
    const { heard, ends, says } = await talk();
    await says(...chunks);
    expect(heard).toEqual(expected);
    expect(ends).toEqual([]);
  });

  it('the original line together with each message', async () => {
    const { lines, says } = await talk();
    await says(' {"a": 1}\n{"b":2}\n');
    expect(lines).toEqual([' {"a": 1}', '{"b":2}']);
  });

  it('everything that another pipe sends, however it is split', async () => {
    const message = fc.dictionary(fc.string(), fc.jsonValue());
    const cuts = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 5 }), cuts, async (messages, sizes) => {
        const sender = await talk({});
        const sent = sender.reads();
        for (const each of messages) sender.pipe.send(each);
        await turn();
        const { heard, ends, far } = await talk({});
        const bytes = Buffer.from(sent.text);
        for (let at = 0, n = 0; at < bytes.length; n += 1) {
          const size = sizes[n % sizes.length] ?? 1;
          far.write(bytes.subarray(at, at + size));
          at += size;
        }
        await turn();
        expect(heard).toEqual(JSON.parse(JSON.stringify(messages)));
        expect(ends).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a pipe breaks on', () => {
  const bad: [string, string][] = [
    ['an array', '[1]\n'],
    ['a number', '1\n'],
    ['a string', '"a"\n'],
    ['null', 'null\n'],
    ['an empty line', '\n'],
    ['no JSON', '{"a":\n'],
    ['two messages in one line', '{"a":1}{"b":2}\n'],
    ['a message one character above the maximum size', `${ofLength(MAX + 1)}\n`],
    ['the beginning of a message above the maximum size', 'x'.repeat(MAX + 1)],
  ];

  it.each(bad)('%s, reports it once, and then neither delivers nor sends anything', async (_name, text) => {
    const { pipe, near, heard, ends, says, reads } = await talk();
    const sent = reads();
    await says(A, text, B);
    // A chunk that was already on its way.
    near.emit('data', Buffer.from(B));
    expect(heard).toEqual([{ a: 1 }]);
    expect(ends).toEqual(['broken']);
    expect(near.destroyed).toBe(true);
    pipe.send({ late: true });
    await turn();
    expect(sent.text).toBe('');
  });

  it('an unfinished line as soon as it exceeds the maximum size, without waiting for its end', async () => {
    const { ends, says } = await talk();
    await says('x'.repeat(MAX));
    expect(ends).toEqual([]);
    await says('x');
    expect(ends).toEqual(['broken']);
  });

  it.each(bad)('%s, and ignores the rest of the same chunk', async (_name, text) => {
    const { heard, ends, says } = await talk();
    await says(text + B);
    expect([heard, ends]).toEqual([[], ['broken']]);
  });

  it.each(bad)('%s, even if it arrives one character at a time', async (_name, text) => {
    const { heard, ends, says } = await talk();
    await says(...text, B);
    expect([heard, ends]).toEqual([[], ['broken']]);
  });
});

it('a pipe sends a JSON text that contains line breaks as one line', async () => {
  const { pipe, reads } = await talk();
  const sent = reads();
  pipe.sendText('{"a":\n1,\n"b":2}');
  await turn();
  expect(sent.text).toBe('{"a": 1, "b":2}\n');
});

describe('a pipe that has ended', () => {
  it.each<[string, (pair: Awaited<ReturnType<typeof talk>>) => void]>([
    ['because the other side finished', ({ far }) => void far.end()],
    ['because the other side disappeared', ({ far }) => void far.destroy()],
    ['because its own stream was destroyed', ({ near }) => void near.destroy()],
    ['because of a stream error', ({ near }) => void near.emit('error', new Error('ECONNRESET'))],
  ])('%s reports that once, drops half a message and sends nothing more', async (_name, end) => {
    const pair = await talk();
    const sent = pair.reads();
    await pair.says(`${A}{"b":`);
    end(pair);
    await turn();
    pair.pipe.send({ late: true });
    await turn();
    expect([pair.heard, pair.ends, sent.text]).toEqual([[{ a: 1 }], ['end'], '']);
    expect(pair.near.destroyed).toBe(true);
  });

  it('has delivered everything that was sent before the end', async () => {
    const { far, heard, ends } = await talk();
    far.end(A + B);
    await turn();
    expect([heard, ends]).toEqual([[{ a: 1 }, { b: 2 }], ['end']]);
  });
});

describe('a pipe whose other side does not read', () => {
  const MIB = 'x'.repeat(1024 * 1024 - 1);
  const full = (pipe: MessagePipe): void => {
    for (let sent = 0; sent < PIPE_BACKLOG_MAX; sent += MIB.length + 1) pipe.sendText(MIB);
  };

  it('holds a limited backlog for it, and breaks once if there is more', async () => {
    const { pipe, near, ends } = await talk();
    full(pipe);
    expect(ends).toEqual([]);
    for (let n = 0; n < 2; n += 1) pipe.sendText('{}');
    expect(ends).toEqual(['broken']);
    await turn();
    expect([ends, near.destroyed]).toEqual([['broken'], true]);
  });

  it('continues after the backlog has been read', async () => {
    const { pipe, ends, reads } = await talk();
    full(pipe);
    const sent = reads();
    await turn();
    pipe.sendText('{}');
    await turn();
    expect([ends, sent.text.length]).toEqual([[], PIPE_BACKLOG_MAX + '{}\n'.length]);
  });

  it('ignores the rest of a chunk if answering one of its messages broke the pipe', async () => {
    const { heard, ends, says } = await talk(SMALL, (pipe) => {
      full(pipe);
      pipe.sendText('{}');
    });
    await says(A + B);
    expect([heard, ends]).toEqual([[{ a: 1 }], ['broken']]);
  });
});

describe('a pipe with a limit per second', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const few: PipeLimits = { messageMax: 100, messagesPerSecond: 3, bytesPerSecond: 10_000 };
  const small: PipeLimits = { messageMax: 100, messagesPerSecond: 1_000, bytesPerSecond: 3 * A.length };
  const talking = async (limits: PipeLimits) => {
    // A pipe does not begin at zero of the monotonic clock.
    await vi.advanceTimersByTimeAsync(12_345);
    return talk(limits);
  };
  const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

  it.each([
    ['messages', few],
    ['bytes', small],
  ])('stops reading until the next second when there are too many %s, and loses nothing', async (_what, limits) => {
    const { heard, ends, says } = await talking(limits);
    await says(A, A, A);
    await pass(400);
    await says(A, B);
    expect(heard).toHaveLength(4);
    await pass(599);
    expect(heard).toHaveLength(4);
    await pass(1);
    expect(heard).toEqual([{ a: 1 }, { a: 1 }, { a: 1 }, { a: 1 }, { b: 2 }]);
    expect(ends).toEqual([]);
  });

  it.each([
    ['messages', few],
    ['bytes', small],
  ])('never stops reading while the number of %s stays within the limit', async (_what, limits) => {
    const { heard, says } = await talking(limits);
    for (let second = 1; second <= 3; second += 1) {
      await says(A + A, A);
      expect(heard).toHaveLength(3 * second);
      await pass(1_000);
    }
  });

  it('delivers the rest in the next second if the other side has ended meanwhile', async () => {
    const { far, heard, ends, says } = await talking(few);
    await says(A + A + A + A, B);
    far.end();
    await pass(999);
    expect([heard.length, ends]).toEqual([4, []]);
    await pass(1);
    await turn();
    expect([heard.length, ends]).toEqual([5, ['end']]);
  });

  it('breaks in the next second if what waited is not a message, and stays broken', async () => {
    const { near, ends, says } = await talking(few);
    await says(A + A + A + A, '[]\n', B);
    await pass(1_000);
    await pass(2_000);
    expect([ends, near.destroyed]).toEqual([['broken'], true]);
  });
});
