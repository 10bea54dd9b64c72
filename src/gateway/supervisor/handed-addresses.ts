import { WORKER_ADDRESSES_MAX } from '../limits.ts';

/** Where the connections came from that one worker was handed: it may speak of no others. */
export class HandedAddresses {
  readonly #addresses = new Set<string>();

  add(remoteAddress: string): void {
    this.#addresses.delete(remoteAddress);
    this.#addresses.add(remoteAddress);
    const [oldest] = this.#addresses;
    if (this.#addresses.size > WORKER_ADDRESSES_MAX && oldest !== undefined) this.#addresses.delete(oldest);
  }

  has(remoteAddress: string): boolean {
    return this.#addresses.has(remoteAddress);
  }
}
