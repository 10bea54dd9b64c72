import { statfs } from 'node:fs/promises';
import type { ChainEnd } from '../format/chain.ts';
import { type FrameType, slotOf } from '../format/format.ts';
import { ChannelRecorder } from './channel-recorder.ts';
import type { Recorder } from './recorder.ts';
import type {
  Answers,
  ChannelRecord,
  ChannelStart,
  Closing,
  Exit,
  Fact,
  Opening,
  Order,
  RecordingError,
} from './recorder-messages.ts';

type Waiting = { readonly resolve: () => void; readonly reject: (error: Error) => void };

/** The recording of one session, as the relay sees it: nothing here waits for a disk, and nothing is kept here. */
export class SessionRecording {
  readonly #recorder: Recorder;
  readonly #id: number;
  readonly #failed: (error: RecordingError) => void;
  readonly #startedMs = performance.now();
  #head = '';
  #error: RecordingError | null = null;
  #waiting: Waiting[] = [];
  readonly #overruns = new Map<number, () => void>();

  private constructor(recorder: Recorder, failed: (error: RecordingError) => void) {
    this.#recorder = recorder;
    this.#failed = failed;
    this.#id = recorder.enter({
      failed: (error) => this.#fail(error),
      roomAgain: () => this.#wake(),
      overrun: (channel) => this.#overruns.get(channel)?.(),
    });
  }

  /**
   * Makes the folder, 0700; an existing one is refused. `failed` is told once when nothing can be written any more. What is
   * recorded carries its time since now.
   */
  static async begin(
    recorder: Recorder,
    folder: string,
    opening: Opening,
    failed: (error: RecordingError) => void,
  ): Promise<SessionRecording> {
    const recording = new SessionRecording(recorder, failed);
    try {
      recording.#head = await recorder.ask(recording.#id, { do: 'begin', folder, opening });
      return recording;
    } catch (error) {
      recorder.leave(recording.#id);
      throw error;
    }
  }

  /** Where the chain begins, in hex. */
  get head(): string {
    return this.#head;
  }

  /**
   * Resolves when the recording has the channel's start. `overrun` is told once, where nothing of the channel may be left out, that it
   * carries more binary data than is kept.
   */
  async channel(start: ChannelStart, overrun: () => void = () => {}): Promise<ChannelRecorder> {
    const slot = slotOf(start.number);
    this.#overruns.set(slot, overrun);
    await this.#ask({ do: 'channel', micros: this.#micros(), start });
    return new ChannelRecorder(this, slot);
  }

  /** A line for those who may read the recording. */
  journal(fact: Fact): void {
    if (this.#error) return;
    this.#recorder.post({ do: 'journal', session: this.#id, micros: this.#micros(), fact });
  }

  add(type: FrameType, channel: number, bytes: Buffer): void {
    if (this.#error) throw this.#error;
    this.#recorder.add(this.#id, type, channel, this.#micros(), bytes);
  }

  get isFull(): boolean {
    return this.#error !== null || this.#recorder.isFull(this.#id);
  }

  room(): Promise<void> {
    if (this.#error) return Promise.reject(this.#error);
    if (!this.isFull) return Promise.resolve();
    this.#recorder.awaitRoom(this.#id);
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async finish(channel: number, exit: Exit): Promise<ChannelRecord> {
    const record = await this.#ask({ do: 'finish', channel, micros: this.#micros(), exit });
    this.#overruns.delete(channel);
    return record;
  }

  /** Resolves when the disk has all of it; rejects where it has not. */
  async close(closing: Closing): Promise<ChainEnd> {
    try {
      return await this.#ask({ do: 'close', closing, micros: this.#micros() });
    } finally {
      this.#recorder.leave(this.#id);
    }
  }

  async #ask<Asked extends Order>(order: Asked): Promise<Answers[Asked['do']]> {
    if (this.#error && order.do !== 'close') throw this.#error;
    return this.#recorder.ask(this.#id, order);
  }

  #micros(): number {
    return Math.round((performance.now() - this.#startedMs) * 1_000);
  }

  #fail(error: RecordingError): void {
    if (this.#error) return;
    this.#error = error;
    for (const { reject } of this.#waiting.splice(0)) reject(error);
    this.#failed(error);
  }

  #wake(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve();
  }
}

/** MiB that an unprivileged process may still write where the folder lies. */
export async function freeMiB(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor((bavail * bsize) / (1024 * 1024));
}
