/** Who waits for a worker: one of each address in turn, those of favoured addresses first, so that a burst of one holds up no other. */
export class HandOverQueue<T> {
  readonly #favoured = new Map<string, T[]>();
  readonly #others = new Map<string, T[]>();

  get isEmpty(): boolean {
    return this.#favoured.size === 0 && this.#others.size === 0;
  }

  push(item: T, source: string, isFavoured: boolean): void {
    const queues = isFavoured ? this.#favoured : this.#others;
    const queue = queues.get(source);
    if (queue) queue.push(item);
    else queues.set(source, [item]);
  }

  shift(): T | undefined {
    const queues = this.#favoured.size > 0 ? this.#favoured : this.#others;
    const [first] = queues;
    if (!first) return undefined;
    const [source, queue] = first;
    const item = queue.shift();
    queues.delete(source);
    if (queue.length > 0) queues.set(source, queue);
    return item;
  }
}
