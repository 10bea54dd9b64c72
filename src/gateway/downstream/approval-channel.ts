import { CONFIRM_MS } from '../limits.ts';
import type { Served } from '../pipe/worker-messages.ts';
import type { Channel, ChannelListener } from '../ssh/channel.ts';
import { readCommand } from '../ssh/channel-requests.ts';
import type { ChannelPolicy } from '../ssh/channel-table.ts';
import { OPEN_FAILURE } from '../ssh/messages.ts';
import type { Transport } from '../ssh/transport.ts';
import { APPROVAL_WORDS, notSigned, YES } from '../words/approval-words.ts';

type Outer = {
  readonly transport: Pick<Transport, 'leave' | 'destroy'>;
  /** What is approved. */
  readonly lines: readonly string[];
  /** Tells control that the person said yes. */
  readonly confirm: () => Promise<Served>;
  readonly killed: (why: string) => void;
};

/**
 * A connection whose login signed an approval: it shows what is approved, and asks. Control has verified the signature already, so this
 * keeps people from approving what they did not mean to; it keeps nobody else from anything.
 */
export function approvalPolicy({ transport, lines, confirm, killed }: Outer): ChannelPolicy & { over(): void } {
  const tooLate = setTimeout(() => {
    transport.leave(`daypass: ${APPROVAL_WORDS.unsure}`);
    transport.destroy();
  }, CONFIRM_MS);
  return {
    open: (type) =>
      type === 'session'
        ? { accept: true, opened: (channel) => ask(channel, lines, confirm) }
        : {
            ...{ accept: false, reason: OPEN_FAILURE.PROHIBITED },
            description: 'daypass: this login can only approve a request',
          },
    globalRequest: () => {},
    killed,
    over: () => clearTimeout(tooLate),
  };
}

/** As much as somebody may type before Enter; more is not yes. */
const TYPED_MAX = 64;
const CANCELS: readonly number[] = [0x03, 0x04];
const ENTERS: readonly number[] = [0x0a, 0x0d];
const ERASES: readonly number[] = [0x08, 0x7f];

/** What somebody types up to Enter. */
class TypedLine {
  #text = '';

  get text(): string {
    return this.#text;
  }

  /** The line once it has ended, empty where it was taken back; null before. `echo` is what a terminal shows of it. */
  take(byte: number, echo: (text: string) => void): string | null {
    if (ENTERS.includes(byte) || CANCELS.includes(byte)) {
      echo('\n');
      return CANCELS.includes(byte) ? '' : this.#text;
    }
    if (ERASES.includes(byte)) {
      if (this.#text !== '') echo('\b \b');
      this.#text = this.#text.slice(0, -1);
      return null;
    }
    if (this.#text.length >= TYPED_MAX) return '';
    // What is not understood makes it something else than yes.
    const character = byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
    this.#text += character;
    echo(character);
    return null;
  }
}

function ask(channel: Channel, lines: readonly string[], confirm: () => Promise<Served>): void {
  let hasTerminal = false;
  let isAsked = false;
  let isAnswered = false;
  const typed = new TypedLine();
  let unsent = Buffer.alloc(0);
  let exit: number | null = null;

  const flush = (): void => {
    const now = unsent.subarray(0, channel.room);
    if (now.length > 0) channel.write('stdout', now);
    unsent = unsent.subarray(now.length);
    if (unsent.length > 0 || exit === null || channel.isClosed) return;
    channel.exitStatus(exit);
    exit = null;
    channel.eof();
    channel.close();
  };
  const show = (text: string): void => {
    const ended = hasTerminal ? text.replaceAll('\n', '\r\n') : text;
    unsent = Buffer.concat([unsent, Buffer.from(ended)]);
    flush();
  };
  const echo = (text: string): void => {
    if (hasTerminal) show(text);
  };
  const leave = ({ stdout, stderr, exit: code }: Served): void => {
    isAnswered = true;
    exit = code;
    show(`${stdout}${stderr}`);
  };
  const answered = (word: string): void => {
    isAnswered = true;
    if (word.trim() === YES) confirm().then(leave, () => channel.close());
    else leave(notSigned(APPROVAL_WORDS.unsure));
  };
  const start = (word: string | null): void => {
    isAsked = true;
    show([...lines, ''].join('\n'));
    if (word === null) show(APPROVAL_WORDS.question);
    else if (word.trim() === YES) answered(word);
    else leave(notSigned(APPROVAL_WORDS.onlyYes));
  };
  const listener: ChannelListener = {
    data(_stream, bytes) {
      channel.consumed(bytes.length);
      for (const byte of bytes) {
        const line = isAsked && !isAnswered ? typed.take(byte, echo) : null;
        if (line !== null) answered(line);
      }
    },
    eof() {
      if (isAsked && !isAnswered) answered(typed.text);
    },
    reply: () => {},
    room: flush,
    closed: () => channel.close(),
    request(name, wantReply, data) {
      const word = name === 'exec' ? (readCommand(data)?.command ?? '') : null;
      const isStart = (name === 'shell' || name === 'exec') && !isAsked;
      if (name === 'pty-req' && !isAsked) hasTerminal = true;
      if (wantReply) channel.reply(isStart || name === 'pty-req' || name === 'env' || name === 'window-change');
      if (isStart) start(word);
    },
  };
  channel.listener = listener;
}
