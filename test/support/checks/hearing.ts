import type { Change, Store } from '../../../src/use-cases/ports/store.ts';

/** What a store hears from now until it hears `last`. */
export function hearing(store: Store, last: Change): Promise<readonly Change[]> {
  const heard: Change[] = [];
  return new Promise((resolve) => {
    const unsubscribe = store.subscribe((change) => {
      heard.push(change);
      if (JSON.stringify(change) !== JSON.stringify(last)) return;
      unsubscribe();
      resolve(heard);
    });
  });
}
