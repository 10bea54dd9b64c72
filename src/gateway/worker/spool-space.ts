import { RESERVE } from '../../access/disk-space.ts';
import { freeMiB } from '../../recording/write/session-recording.ts';

/** The disk that recordings are written to, which control needs some of for its database, seals and commands. */
export class SpoolSpace {
  readonly #spool: string;
  readonly #minFreeMiB: number;
  readonly #free: typeof freeMiB;
  #isLooking = false;

  constructor({ spool, minFreeMiB }: { readonly spool: string; readonly minFreeMiB: number }, free = freeMiB) {
    this.#spool = spool;
    this.#minFreeMiB = minFreeMiB;
    this.#free = free;
  }

  /** MiB that are free, where that is too little to begin a session. */
  async tooLittle(): Promise<number | null> {
    const free = await this.#free(this.#spool);
    return free < this.#minFreeMiB ? free : null;
  }

  /** Whether what is left is control's. A disk that is slow to answer is asked once at a time. */
  async isAtReserve(): Promise<boolean> {
    if (this.#isLooking) return false;
    this.#isLooking = true;
    try {
      return (await this.#free(this.#spool)) < this.#minFreeMiB * RESERVE;
    } catch {
      // Where the disk does not answer, recording fails by itself.
      return false;
    } finally {
      this.#isLooking = false;
    }
  }
}
