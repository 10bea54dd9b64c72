import { deferred } from '../../../src/gateway/deferred.ts';
import { ChannelTable } from '../../../src/gateway/ssh/channel-table.ts';
import { OPEN_FAILURE } from '../../../src/gateway/ssh/messages.ts';
import type { connectUpstream } from '../../../src/gateway/upstream/connect.ts';
import { failuresOf, type UpstreamError } from '../../../src/gateway/upstream/failures.ts';
import { MemoryTransport } from './memory-transport.ts';

export const TARGET_FAILURES = failuresOf('web-01', 1_000);

/** A target in memory, in the place of the connection to one: the same promises, told in the same order. */
export class MemoryTarget {
  readonly wire = new MemoryTransport();
  readonly #ready = deferred<void>();
  #isOver = false;
  #ended: (error: UpstreamError) => void = () => {};
  #table: ChannelTable | null = null;

  readonly connect: typeof connectUpstream = (_target, _key, ended) => {
    this.#ended = ended;
    const table = new ChannelTable(this.wire.transport, {
      open: () => ({ accept: false, reason: OPEN_FAILURE.PROHIBITED, description: '' }),
      globalRequest: () => {},
      killed: (why) => this.goes(TARGET_FAILURES.protocol(why)),
    });
    this.#table = table;
    this.wire.hearer = (payload) => table.take(payload);
    return {
      channels: table,
      ready: this.#ready.promise,
      destroy: () => {
        this.wire.destroy();
        this.goes();
      },
      reset: () => {
        this.wire.reset();
        this.goes();
      },
    };
  };

  /** The gateway is logged in. */
  letsIn(): void {
    this.#ready.resolve();
  }

  /** Its connection is gone, or none ever stood. */
  goes(error: UpstreamError = TARGET_FAILURES.lost): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ready.reject(error);
    this.#ended(error);
    this.#table?.over();
  }
}
