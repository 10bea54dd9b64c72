import { FRAME, type FrameType } from '../format/format.ts';
import type { ChannelRecord, Exit, Fact } from './recorder-messages.ts';

/** What a channel's recorder needs of its session. */
export type ChannelDesk = {
  /** Throws where the recording has failed. */
  add(type: FrameType, channel: number, bytes: Buffer): void;
  readonly isFull: boolean;
  room(): Promise<void>;
  finish(channel: number, exit: Exit): Promise<ChannelRecord>;
};

/** Records one channel. What passes is accepted before it goes on, and is on its way to the disk within 15 ms. */
export class ChannelRecorder {
  readonly #desk: ChannelDesk;
  readonly #number: number;

  constructor(desk: ChannelDesk, number: number) {
    this.#desk = desk;
    this.#number = number;
  }

  /** Accepts output; throws where the recording has failed: then nothing may go on. */
  output(stream: 'stdout' | 'stderr', bytes: Buffer): void {
    this.#desk.add(FRAME[stream], this.#number, bytes);
  }

  /** The same for what comes from the client. */
  input(bytes: Buffer): void {
    this.#desk.add(FRAME.input, this.#number, bytes);
  }

  /** In characters, and in pixels. */
  resize(size: {
    readonly columns: number;
    readonly rows: number;
    readonly width: number;
    readonly height: number;
  }): void {
    const bytes = Buffer.alloc(16);
    for (const [n, each] of [size.columns, size.rows, size.width, size.height].entries())
      bytes.writeUInt32BE(each, 4 * n);
    this.#desk.add(FRAME.resize, this.#number, bytes);
  }

  /** A line of the journal that belongs to the channel. */
  note(fact: Fact): void {
    this.#desk.add(FRAME.journal, this.#number, Buffer.from(JSON.stringify(fact)));
  }

  /** Whether nothing more is accepted for the moment; `room` tells when it is again. */
  get isFull(): boolean {
    return this.#desk.isFull;
  }

  /** Rejects where the recording has failed. */
  room(): Promise<void> {
    return this.#desk.room();
  }

  /** After the last byte. */
  finish(exit: Exit = null): Promise<ChannelRecord> {
    return this.#desk.finish(this.#number, exit);
  }
}
