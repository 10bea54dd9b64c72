import type { Channel, ChannelListener, Stream } from '../../../src/gateway/ssh/channel.ts';
import {
  type ChannelLimits,
  type ChannelPolicy,
  ChannelTable,
  type OpenRefused,
  type PendingOpen,
} from '../../../src/gateway/ssh/channel-table.ts';
import { OPEN_FAILURE } from '../../../src/gateway/ssh/messages.ts';
import { MemoryTransport } from '../peers/memory-transport.ts';

/** A table of channels on a connection in memory, with an owner that takes what is asked for and writes down what it hears. */
export class ChannelTableWorld {
  readonly wire = new MemoryTransport();
  readonly table: ChannelTable;
  /** What the owner of the table and those of the channels were told, a line each. */
  readonly told: string[] = [];
  /** Those that the peer opened, in order. */
  readonly channels: Channel[] = [];
  readonly pending: PendingOpen[] = [];
  /** Whether an owner listens to the channels that come. */
  isListening = true;

  constructor(limits?: ChannelLimits, policy: Partial<ChannelPolicy> = {}) {
    const whole: ChannelPolicy = {
      open: (type) => {
        if (type === 'session') return { accept: true, opened: (channel) => this.take(channel) };
        if (type === 'direct-tcpip') return { accept: 'later', decide: (pending) => void this.pending.push(pending) };
        return { accept: false, reason: OPEN_FAILURE.PROHIBITED, description: 'not here' };
      },
      globalRequest: (name) => void this.told.push(`global ${name}`),
      killed: () => void this.told.push('killed'),
      ...policy,
    };
    this.table = new ChannelTable(this.wire.transport, whole, limits);
    this.wire.hearer = (payload) => {
      if (!this.table.take(payload)) this.told.push('left to ssh2');
    };
  }

  take(channel: Channel): void {
    this.channels.push(channel);
    if (this.isListening) channel.listener = listening((line) => this.told.push(line));
  }

  /** The answer to an opening of ours. */
  readonly answered = (answer: Channel | OpenRefused): void => {
    if (!('reason' in answer)) this.take(answer);
    this.told.push('reason' in answer ? `refused ${answer.reason}` : 'opened');
  };

  /** What was told, and what the peer got, since the last time. */
  outcome(): string[] {
    return [...this.told.splice(0), ...this.wire.heard()];
  }

  get first(): Channel {
    const [channel] = this.channels;
    if (!channel) throw new Error('there is no channel');
    return channel;
  }
}

/** Writes down what a channel's peer does, a line each. */
export const listening = (tell: (line: string) => void): ChannelListener => ({
  data: (stream: Stream, bytes: Buffer) => tell(`${stream} ${bytes}`),
  eof: () => tell('eof'),
  request: (name, wantReply) => tell(`request ${name}${wantReply ? '?' : ''}`),
  reply: (isSuccess) => tell(isSuccess ? 'success' : 'failure'),
  room: () => tell('room'),
  closed: () => tell('closed'),
});
