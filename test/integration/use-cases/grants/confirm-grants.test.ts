import { expect, it } from 'vitest';
import type { AuditEvent } from '../../../../src/access/audit-event.ts';
import { confirmGrants } from '../../../../src/use-cases/grants/confirm-grants.ts';
import type { Suspension } from '../../../../src/use-cases/ports/seals.ts';
import type { Store, Tx } from '../../../../src/use-cases/ports/store.ts';
import { NOON } from '../../../support/samples/samples.ts';

/** Of a transaction only what is asked for here: a store is suspended by what stands beside its database. */
function suspended(why: Suspension | null) {
  const events: AuditEvent[] = [];
  const left = { suspension: why };
  const tx: Pick<Tx, 'suspension' | 'liftSuspension'> & { audit: Pick<Tx['audit'], 'append'> } = {
    suspension: () => left.suspension,
    liftSuspension: () => {
      left.suspension = null;
    },
    audit: { append: async (event) => void events.push(event) },
  };
  const store: Pick<Store, 'transaction'> = { transaction: (work) => work(tx as Tx) };
  return { events, left, confirm: confirmGrants({ store: store as Store, clock: { now: () => NOON } }) };
}

it('an operator who has looked lets grants count again, which is written down once', async () => {
  const { events, left, confirm } = suspended({ why: 'older_database', at: '2030-05-01T00:00:00.000Z' });
  expect(await confirm({ account: 'root' })).toEqual({ lifted: 'older_database' });
  expect(left.suspension).toBeNull();
  expect(await confirm({ account: 'root' })).toEqual({ lifted: null });
  expect(events).toEqual([
    {
      ...{ type: 'grants_confirmed', at: NOON, actor: { kind: 'operator', account: 'root' } },
      facts: { why: 'older_database', since: '2030-05-01T00:00:00.000Z' },
    },
  ]);
});
