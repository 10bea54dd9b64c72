/** `ESC P` and this begin tmux's control mode (tmux(1), CONTROL MODE, -CC); ST ends it. */
export const CONTROL_MODE = '1000p';

const LINE_FEED = 0x0a;
/** Longer than what tmux says of a block: a time, a number and flags. */
const HEAD_MAX = 64;

/**
 * What a tmux in control mode prints, which a program reads and no person: notifications, a line each that begins with `%`, and the
 * answers to commands in blocks from `%begin` to the `%end` or `%error` with the same words. Nothing else may stand in a block.
 */
export class ControlMode {
  /** The beginning of the line under way. */
  #head = '';
  /** The words after the `%begin` of the block under way. */
  #block: string | null = null;

  /** Sees what is delivered. */
  output(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const feed = bytes.indexOf(LINE_FEED, at);
      const end = feed === -1 ? bytes.length : feed;
      const more = Math.min(end, at + HEAD_MAX - this.#head.length);
      if (more > at) this.#head += bytes.toString('latin1', at, more);
      if (feed === -1) return;
      this.#line(this.#head.trimEnd());
      this.#head = '';
      at = feed + 1;
    }
  }

  /** Whether a notification of ours would be one. */
  get isBetween(): boolean {
    return this.#head === '' && this.#block === null;
  }

  #line(head: string): void {
    const [word, words] = [head.split(' ', 1)[0], head.slice(head.indexOf(' '))];
    if (this.#block === null) this.#block = word === '%begin' ? words : null;
    else if ((word === '%end' || word === '%error') && words === this.#block) this.#block = null;
  }
}

/** Shown as what tmux itself has to say; programs that do not know it pass over it. */
export const controlNotice = (sentence: string): string => `%message daypass: ${sentence}\r\n`;

/** Has the terminal leave control mode, so that it shows what follows. */
export const CONTROL_MODE_OVER = '\r\n%exit\r\n\x1b\\';
