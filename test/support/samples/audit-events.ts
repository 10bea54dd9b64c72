import type { ReadEvent } from '../../../src/auditchain/check.ts';
import { EarlierEvents, eventHash, NO_EVENT } from '../../../src/auditchain/event.ts';
import { later } from './samples.ts';

type Said = Partial<Pick<ReadEvent, 'type' | 'at' | 'actor' | 'facts'>>;

/** An event with the hashes that belong to it behind this one. */
export function follow(before: Pick<ReadEvent, 'id' | 'hash'>, said: Said = {}): ReadEvent & { readonly hash: string } {
  const id = before.id + 1;
  const prev = before.hash ?? NO_EVENT;
  const content = {
    ...{ id, type: 'code_issued', at: later(id).toISOString(), actor: { kind: 'daypass' }, facts: { n: id } },
    ...said,
  };
  return { ...content, prev, hash: eventHash(content, prev) };
}

/** Events that follow each other, behind an event or from the beginning. */
export function chain(count: number, behind: Pick<ReadEvent, 'id' | 'hash'> = { id: 0, hash: NO_EVENT }): ReadEvent[] {
  const events: ReadEvent[] = [];
  for (let n = 0; n < count; n += 1) events.push(follow(events.at(-1) ?? behind));
  return events;
}

/** The same with hashes that fit again from an event on, as somebody writes them who can write everything. */
export function chainedAnew(events: readonly ReadEvent[], from: number): ReadEvent[] {
  const anew: ReadEvent[] = events.slice(0, from - 1);
  for (const event of events.slice(from - 1)) anew.push(follow(anew.at(-1) ?? { id: 0, hash: NO_EVENT }, event));
  return anew;
}

/** Events of an earlier version with these numbers, and the one that a chain begins with behind them. */
export function withEarlier(ids: readonly number[]): ReadEvent[] {
  const earlier = new EarlierEvents();
  const events = ids.map((id): ReadEvent => ({ ...follow({ id: id - 1, hash: null }), prev: null, hash: null }));
  for (const event of events) earlier.add(event);
  const first = follow({ id: ids.at(-1) ?? 0, hash: null }, { type: 'audit_chain_begun', facts: earlier.sum });
  return [...events, first];
}
