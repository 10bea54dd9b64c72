/**
 * Changes to one window take turns, and only the latest choice counts, whatever the order in which they are handled. The person no longer
 * sees the earlier ones.
 */
export class FormTurns {
  readonly #windows = new Map<string, { at: number; waiting: number; last: Promise<void> }>();

  /** `at` is when the choice was made, as Slack says. */
  async take(viewId: string, at: number, change: () => Promise<void>): Promise<void> {
    const window = this.#windows.get(viewId) ?? { at, waiting: 0, last: Promise.resolve() };
    this.#windows.set(viewId, window);
    window.at = Math.max(window.at, at);
    window.waiting += 1;
    const mine = window.last.then(async () => {
      if (window.at === at) await change();
    });
    window.last = mine.catch(() => undefined);
    try {
      await mine;
    } finally {
      window.waiting -= 1;
      if (window.waiting === 0) this.#windows.delete(viewId);
    }
  }
}
