import { Duplex } from 'node:stream';
import type { Channel, ChannelListener } from '../ssh/channel.ts';

type Write = { bytes: Buffer; readonly done: () => void };

/** A channel as a byte stream, for the SSH connection inside of it. */
export class ChannelSocket extends Duplex {
  readonly #channel: Channel;
  #write: Write | null = null;
  /** Read from the channel and not yet by the stream's reader. */
  #owed = 0;

  constructor(channel: Channel) {
    // As with TCP: a client that has ended its side is gone, and nothing else would tell.
    super({ allowHalfOpen: false });
    this.#channel = channel;
    const listener: ChannelListener = {
      data: (_stream, bytes) => {
        if (this.push(bytes)) channel.consumed(bytes.length);
        else this.#owed += bytes.length;
      },
      eof: () => this.push(null),
      request: (_name, wantReply) => {
        if (wantReply) channel.reply(false);
      },
      reply: () => {},
      room: () => this.#flush(),
      closed: () => {
        this.destroy();
        channel.close();
      },
    };
    channel.listener = listener;
  }

  override _read(): void {
    const owed = this.#owed;
    this.#owed = 0;
    if (owed > 0) this.#channel.consumed(owed);
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#write = { bytes, done };
    this.#flush();
  }

  override _final(done: () => void): void {
    this.#channel.eof();
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#channel.eof();
    this.#channel.close();
    done(error);
  }

  #flush(): void {
    while (this.#write) {
      const { bytes, done } = this.#write;
      const room = Math.min(this.#channel.room, bytes.length);
      if (room === 0 && bytes.length > 0) return;
      this.#channel.write('stdout', bytes.subarray(0, room));
      if (room < bytes.length) this.#write.bytes = bytes.subarray(room);
      else {
        this.#write = null;
        done();
      }
    }
  }
}
