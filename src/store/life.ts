import { StoreFault } from './fault.ts';

/** Whether a transaction's `tx` may still be used. */
export type Life = { open: boolean };

/** A `tx` that was kept would write outside any transaction. */
export function refuseOver({ open }: Life): void {
  if (!open) throw new StoreFault('transaction_over', 'this transaction has ended; its tx can no longer be used');
}
