import { type Served, WORDS_MAX } from '../pipe/worker-messages.ts';
import type { Channel, ChannelListener } from '../ssh/channel.ts';
import { readCommand } from '../ssh/channel-requests.ts';

const TOO_LONG: Served = { stdout: '', stderr: 'daypass: That is too long. Try: help\n', exit: 2 };

/** A session channel in which the gateway itself is asked: `ssh gateway`, `ssh gateway list` (RFC 4254 §6). */
export function serveChannel(channel: Channel, ask: (words: string) => Promise<Served>): void {
  let isAsked = false;
  let hasTerminal = false;
  let unsent: { readonly stream: 'stdout' | 'stderr'; bytes: Buffer }[] = [];
  let exit: number | null = null;

  const flush = (): void => {
    for (const part of unsent) {
      const now = part.bytes.subarray(0, channel.room);
      if (now.length > 0) channel.write(part.stream, now);
      part.bytes = part.bytes.subarray(now.length);
      if (part.bytes.length > 0) return;
    }
    unsent = [];
    if (exit === null || channel.isClosed) return;
    channel.exitStatus(exit);
    exit = null;
    channel.eof();
    channel.close();
  };
  const answer = (served: Served): void => {
    const text = (words: string): Buffer => Buffer.from(hasTerminal ? words.replaceAll('\n', '\r\n') : words);
    unsent = [
      { stream: 'stdout', bytes: text(served.stdout) },
      { stream: 'stderr', bytes: text(served.stderr) },
    ];
    ({ exit } = served);
    flush();
  };
  const listener: ChannelListener = {
    data: (_stream, bytes) => channel.consumed(bytes.length),
    eof: () => {},
    reply: () => {},
    room: flush,
    closed: () => channel.close(),
    request(name, wantReply, data) {
      const words = name === 'shell' ? '' : name === 'exec' ? (readCommand(data)?.command ?? null) : null;
      if (words !== null && !isAsked) {
        isAsked = true;
        if (wantReply) channel.reply(true);
        if (words.length > WORDS_MAX) answer(TOO_LONG);
        else ask(words).then(answer, () => channel.close());
        return;
      }
      if (name === 'pty-req' && !isAsked) hasTerminal = true;
      if (wantReply) channel.reply(name === 'pty-req' || name === 'env' || name === 'window-change');
    },
  };
  channel.listener = listener;
}
