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

function ask(channel: Channel, lines: readonly string[], confirm: () => Promise<Served>): void {
  let hasTerminal = false;
  let isAsked = false;
  let isAnswered = false;
  let typed = '';
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
  const leave = ({ stdout, stderr, exit: code }: Served): void => {
    exit = code;
    show(`${stdout}${stderr}`);
  };
  const answered = (word: string): void => {
    isAnswered = true;
    if (word.trim() === YES) confirm().then(leave, () => channel.close());
    else leave(notSigned(APPROVAL_WORDS.unsure));
  };
  const take = (byte: number): void => {
    if (isAnswered) return;
    if (CANCELS.includes(byte) || ENTERS.includes(byte)) {
      if (hasTerminal) show('\n');
      answered(CANCELS.includes(byte) ? '' : typed);
    } else if (ERASES.includes(byte)) {
      if (hasTerminal && typed !== '') show('\b \b');
      typed = typed.slice(0, -1);
    } else if (typed.length >= TYPED_MAX) {
      answered('');
    } else {
      // What is not understood makes it something else than yes.
      const character = byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
      typed += character;
      if (hasTerminal) show(character);
    }
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
      if (isAsked) for (const byte of bytes) take(byte);
    },
    eof() {
      if (isAsked && !isAnswered) answered(typed);
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
