import { describe, expect, it } from 'vitest';
import type { AuditEvent } from '../../../../src/access/audit-event.ts';
import type { Fingerprint } from '../../../../src/access/ids.ts';
import type { Store, Tx } from '../../../../src/use-cases/ports/store.ts';
import { refusalNotes } from '../../../../src/use-cases/sessions/note-refusals.ts';
import { plainLogins } from '../../../../src/use-cases/sessions/plain-logins.ts';
import { fingerprint, later, NOON } from '../../../support/samples/samples.ts';

const DAY = 86_400;

describe('logins with a plain key', () => {
  it('are so many for each key and day, which begins at midnight in UTC', () => {
    const may = plainLogins(2);
    const at = (n: number, seconds: number) => may(fingerprint(n), later(seconds));
    expect([at(1, 0), at(1, 1), at(1, 2), at(2, 2)]).toEqual([true, true, false, true]);
    expect([at(1, DAY / 2 - 1), at(1, DAY / 2), at(1, DAY / 2 + 1), at(1, DAY)]).toEqual([false, true, true, false]);
    expect(at(2, DAY)).toBe(true);
  });

  it('are a thousand where nothing else is said', () => {
    const may = plainLogins();
    const let1000 = Array.from({ length: 1_001 }, () => may(fingerprint(1), NOON));
    expect(let1000.filter(Boolean)).toHaveLength(1_000);
    expect(let1000.at(-1)).toBe(false);
  });
});

describe('refused logins', () => {
  function notes() {
    const events: AuditEvent[] = [];
    const clock = { at: NOON };
    let transactions = 0;
    const audit: Pick<Tx['audit'], 'append'> = { append: async (event) => void events.push(event) };
    const store: Pick<Store, 'transaction'> = {
      transaction: (work) => {
        transactions += 1;
        return work({ audit } as Tx);
      },
    };
    const { note, flush } = refusalNotes({ store: store as Store, clock: { now: () => clock.at } });
    return {
      clock,
      note: (address: string, reason = 'unknown_key', print: Fingerprint | null = null) =>
        note({ address, reason, fingerprint: print }),
      /** The facts of what is written now, and whether a transaction was needed for it. */
      async flush() {
        const [before, began] = [events.length, transactions];
        await flush();
        return { facts: events.slice(before).map(({ facts }) => facts), transactions: transactions - began };
      },
      events,
    };
  }

  it('are written down by address and reason, the most frequent first, once', async () => {
    const { note, flush, events } = notes();
    note('192.0.2.1');
    for (const n of [1, 2, 1]) note('192.0.2.2', 'proof_invalid', fingerprint(n));
    note('192.0.2.2', 'unknown_key', fingerprint(3));
    note('192.0.2.2', 'unknown_key');
    expect((await flush()).facts).toEqual([
      { address: '192.0.2.2', reason: 'proof_invalid', count: 3, keys: [fingerprint(1), fingerprint(2)] },
      { address: '192.0.2.2', reason: 'unknown_key', count: 2, keys: [fingerprint(3)] },
      { address: '192.0.2.1', reason: 'unknown_key', count: 1, keys: [] },
    ]);
    expect(events[0]).toMatchObject({ type: 'connection_refused', at: NOON, actor: { kind: 'daypass' } });
    expect(await flush()).toEqual({ facts: [], transactions: 0 });
  });

  it('name five keys at most', async () => {
    const { note, flush } = notes();
    for (let n = 1; n <= 6; n += 1) note('192.0.2.1', 'unknown_key', fingerprint(n));
    const [facts] = (await flush()).facts;
    expect(facts).toMatchObject({ count: 6, keys: [1, 2, 3, 4, 5].map(fingerprint) });
  });

  it('of more addresses than are kept are counted by their reason', async () => {
    const { note, flush } = notes();
    for (let n = 0; n < 200; n += 1) note(`192.0.2.${n}`);
    for (const reason of ['unknown_key', 'unknown_key', 'proof_invalid']) note('198.51.100.1', reason);
    note('192.0.2.7');
    const { facts } = await flush();
    expect(facts).toHaveLength(202);
    expect(facts[0]).toEqual({ address: '192.0.2.7', reason: 'unknown_key', count: 2, keys: [] });
    expect(facts.slice(-2)).toEqual([
      { address: null, reason: 'unknown_key', count: 2, keys: [] },
      { address: null, reason: 'proof_invalid', count: 1, keys: [] },
    ]);
    // Counted once.
    note('192.0.2.7');
    expect((await flush()).facts).toHaveLength(1);
  });

  it('name so many addresses an hour, and the others are counted', async () => {
    const { clock, note, flush } = notes();
    const some = (count: number): void => {
      for (let n = 0; n < count; n += 1) note(`192.0.2.${n}`);
    };
    some(200);
    expect((await flush()).facts).toHaveLength(200);
    some(41);
    note('192.0.2.0');
    const { facts } = await flush();
    expect(facts).toHaveLength(41);
    expect(facts.at(0)).toMatchObject({ address: '192.0.2.0', count: 2 });
    expect(facts.at(-1)).toEqual({ address: null, reason: 'unknown_key', count: 1, keys: [] });
    some(2);
    expect((await flush()).facts).toEqual([{ address: null, reason: 'unknown_key', count: 2, keys: [] }]);
    clock.at = later(3_599);
    some(2);
    expect((await flush()).facts).toHaveLength(1);
    clock.at = later(3_600);
    some(2);
    expect((await flush()).facts).toHaveLength(2);
  });
});
