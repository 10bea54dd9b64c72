import ssh2 from 'ssh2';

/** Clients that never log in, each from an address of its own, until they are disposed of. */
export class Strangers implements Disposable {
  readonly #open = new Set<ssh2.Client>();
  readonly #at: { readonly host: string; readonly port: number };
  #begun = 0;
  #isOver = false;

  constructor(at: { readonly host: string; readonly port: number }) {
    this.#at = at;
  }

  /** How many hold their connection. */
  get held(): number {
    return this.#open.size;
  }

  get begun(): number {
    return this.#begun;
  }

  /** Exchanges keys, and says nothing more. */
  hold(): void {
    this.#connect(() => {});
  }

  /** Offers these keys, one after the other, and comes again; `answered` hears of each answer but the last of a connection. */
  offer(user: string, keys: readonly string[], answered: () => void): void {
    let next = 0;
    const client = this.#connect((_left, _partial, go) => {
      if (next > 0) answered();
      const key = keys[next++];
      if (key !== undefined) return go({ type: 'publickey', username: user, key });
      client.destroy();
    });
    client.once('close', () => this.#isOver || this.offer(user, keys, answered));
  }

  #connect(authHandler: (left: unknown, partial: unknown, go: (method: object) => void) => void): ssh2.Client {
    const client = new ssh2.Client();
    const localAddress = `127.0.20.${1 + (this.#begun++ % 200)}`;
    this.#open.add(client);
    client.on('error', () => {}).once('close', () => this.#open.delete(client));
    client.connect({ ...this.#at, username: 'daypass', localAddress, authHandler } as never);
    return client;
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    for (const client of this.#open) client.destroy();
  }
}
