import type { ChannelRecorder } from '../../recording/write/channel-recorder.ts';

/** Where a channel's bytes wait for the recorder: nothing passes before it is there, nor while it can take nothing. */
export class RecorderGate {
  readonly #opened: () => void;
  #opening: Promise<ChannelRecorder> | null = null;
  #recorder: ChannelRecorder | null = null;
  #isWaiting = false;

  /** `opened` is called whenever something may pass again. */
  constructor(opened: () => void) {
    this.#opened = opened;
  }

  /** The recorder that is coming; `failed` is called where none comes. */
  expect(opening: Promise<ChannelRecorder>, failed: () => void): void {
    this.#opening = opening;
    opening.then((recorder) => {
      this.#recorder = recorder;
      this.#opened();
    }, failed);
  }

  /** Null before it is there. */
  get recorder(): ChannelRecorder | null {
    return this.#recorder;
  }

  /** Whether a recorder was asked for. */
  get isExpected(): boolean {
    return this.#opening !== null;
  }

  /** The recorder, once it is there; null where none was asked for. */
  get whenThere(): Promise<ChannelRecorder> | null {
    return this.#opening;
  }

  get isOpen(): boolean {
    if (!this.#recorder) return false;
    if (!this.#recorder.isFull) return true;
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      this.#recorder
        .room()
        .then(() => {
          this.#isWaiting = false;
          this.#opened();
        })
        .catch(() => {});
    }
    return false;
  }
}
