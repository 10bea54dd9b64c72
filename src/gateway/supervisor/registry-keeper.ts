import type { RegistryEntry } from '../../access/registry-entry.ts';
import type { Log } from '../../log.ts';
import type { RegistryFeed } from '../../use-cases/sessions/gateway-control.ts';
import { REGISTRY_LOOK_MS, REGISTRY_MAX } from '../limits.ts';
import { Registry } from '../pipe/registry.ts';

/** Control's own copy of what workers know: it hears of each change, and looks now and then for changes that nobody heard of. */
export class RegistryKeeper implements Disposable {
  readonly #feed: RegistryFeed;
  readonly #log: Log;
  readonly #changed: (entry: RegistryEntry) => void;
  readonly #registry = new Registry();
  #timer: NodeJS.Timeout | null = null;
  #unfollow: () => void = () => {};

  constructor(feed: RegistryFeed, log: Log, changed: (entry: RegistryEntry) => void) {
    this.#feed = feed;
    this.#log = log;
    this.#changed = changed;
  }

  get entries(): readonly RegistryEntry[] {
    return this.#registry.entries;
  }

  async start(): Promise<void> {
    this.#unfollow = this.#feed.follow((entry) => this.#know(entry));
    await this.#look();
    this.#timer = setInterval(() => {
      this.#look().catch((error: unknown) => this.#log.error({ err: error }, 'the registry of keys could not be read'));
    }, REGISTRY_LOOK_MS).unref();
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    if (this.#timer) clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const entries = await this.#feed.all(REGISTRY_MAX);
    if (entries.filter(({ kind }) => kind === 'key').length >= REGISTRY_MAX.keys) {
      this.#log.warn(
        { max: REGISTRY_MAX.keys },
        'too many keys: workers know only the newest ones, and older ones need a certificate',
      );
    }
    for (const entry of entries) this.#know(entry);
  }

  #know(entry: RegistryEntry): void {
    if (this.#registry.know(entry)) this.#changed(entry);
  }
}
