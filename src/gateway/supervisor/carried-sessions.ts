import { type AuthorizedSession, runningOf } from '../../access/authorized-session.ts';
import { expiresAt, type Grant, goesOnUnder } from '../../access/grant.ts';
import type { GrantId, SessionId } from '../../access/ids.ts';
import type { SessionReport } from '../../access/session-report.ts';
import { isMeant, type Whose } from '../../access/whose.ts';
import type { Log } from '../../log.ts';
import type { Carried } from '../../use-cases/ports/gateways.ts';
import { CUT_CONFIRM_MS, TERMINATE_CONFIRM_MS } from '../limits.ts';
import type { ToWorker } from '../pipe/worker-messages.ts';
import { printable } from '../words/refusals.ts';
import type { WordedOrder } from '../words/session-words.ts';

export type CarriedSessionsDeps = {
  readonly send: (message: ToWorker) => void;
  /** Why a session that control has just authorised must not begin: it was ended meanwhile. */
  readonly endedEarly: (id: SessionId) => WordedOrder | null;
  readonly opened: (id: SessionId, head: string) => void;
  /** The worker has done with a session, or has died with it. */
  readonly closed: (id: SessionId, report: SessionReport) => void;
  /** The worker did not end these in time. */
  readonly late: (ids: readonly SessionId[]) => void;
  readonly log: Log;
};

type Running = {
  readonly session: AuthorizedSession;
  /** Under which it runs now. */
  grantId: GrantId;
  endsAt: Date;
  isCut: boolean;
  order: WordedOrder | null;
};

/** The sessions that one worker carries, by what control decided; of what the worker says of others nothing is believed. */
export class CarriedSessions {
  readonly #deps: CarriedSessionsDeps;
  readonly #sessions = new Map<SessionId, Running>();
  /** Why no session begins any more. */
  #draining: WordedOrder | null = null;
  #isOver = false;

  constructor(deps: CarriedSessionsDeps) {
    this.#deps = deps;
  }

  has(id: SessionId): boolean {
    return this.#sessions.has(id);
  }

  get count(): number {
    return this.#sessions.size;
  }

  get all(): readonly Carried[] {
    return [...this.#sessions].map(([id, { session, grantId }]) => {
      const { personId, keyFingerprint } = session;
      return { session: id, grantId, personId, keyFingerprint };
    });
  }

  of(whose: Whose): readonly SessionId[] {
    return [...this.#sessions].filter(([, { session }]) => isMeant(whose, session)).map(([id]) => id);
  }

  /** What control ended meanwhile does not begin, and nothing does while the worker drains or once it is gone. */
  begin(session: AuthorizedSession): 'begun' | 'worker_gone' | WordedOrder {
    const { id, grantId, endsAt } = session;
    const order = this.#deps.endedEarly(id) ?? this.#draining;
    if (order || this.#isOver) {
      this.#unreported(id, order);
      return order ?? 'worker_gone';
    }
    this.#sessions.set(id, { session, grantId, endsAt, isCut: false, order: null });
    return 'begun';
  }

  opened(id: SessionId, head: string): void {
    if (this.#sessions.has(id)) this.#deps.opened(id, head);
  }

  /** By the worker's word both its connections are dead. */
  cut(id: SessionId): void {
    const carried = this.#sessions.get(id);
    if (carried) carried.isCut = true;
  }

  closed(id: SessionId, report: SessionReport): void {
    if (this.#sessions.delete(id)) this.#deps.closed(id, report);
  }

  /**
   * Ends those of them that it carries; where both their connections are not dead within a second, they are late. Only the worker's
   * word says that a session was dead before, so that it is told all the same, and has to have done with it soon.
   */
  terminate(ids: readonly SessionId[], order: WordedOrder): void {
    const carried = ids.filter((id) => this.#sessions.has(id));
    const live = carried.filter((id) => this.#sessions.get(id)?.isCut === false);
    const cut = carried.filter((id) => !live.includes(id));
    for (const id of live) this.#setOrder(id, order);
    if (carried.length === 0) return;
    this.#deps.send({ type: 'terminate', sessions: carried, why: order.why, message: printable(order.message) });
    this.#expect(live, TERMINATE_CONFIRM_MS, (session) => session.isCut);
    this.#expect(cut, CUT_CONFIRM_MS, () => false);
  }

  /** Only what is in memory here says what runs: the grant has to allow exactly that. */
  extend(id: SessionId, under: Grant): boolean {
    const carried = this.#sessions.get(id);
    const endsAt = expiresAt(under);
    if (!carried || carried.isCut || carried.order) return false;
    if (carried.grantId === under.id || endsAt <= carried.endsAt) return carried.grantId === under.id;
    if (!goesOnUnder(under, runningOf(carried.session))) {
      this.#deps.log.error(
        { session: id, grant: under.id },
        'a grant does not allow the session that it should extend',
      );
      return false;
    }
    carried.endsAt = endsAt;
    carried.grantId = under.id;
    const { id: grantId, digest: grantDigest } = under;
    this.#deps.send({ type: 'extend', session: id, grantId, grantDigest, endsAt: endsAt.getTime() });
    return true;
  }

  /** No new ones, and an end of those that still live after `ms`. */
  drain(order: WordedOrder, ms: number): void {
    this.#draining = order;
    for (const id of this.#sessions.keys()) this.#setOrder(id, order);
    this.#deps.send({ type: 'drain', ms });
  }

  /** The worker has exited, and what it carried with it. */
  over(): void {
    this.#isOver = true;
    const carried = [...this.#sessions];
    this.#sessions.clear();
    for (const [id, { order }] of carried) this.#unreported(id, order);
  }

  /** What is still carried then has to be so. */
  #expect(ids: readonly SessionId[], ms: number, isSo: (running: Running) => boolean): void {
    if (ids.length === 0) return;
    setTimeout(() => {
      const late = ids.filter((id) => {
        const carried = this.#sessions.get(id);
        return carried !== undefined && !isSo(carried);
      });
      if (late.length > 0) this.#deps.late(late);
    }, ms);
  }

  #setOrder(id: SessionId, order: WordedOrder): void {
    const carried = this.#sessions.get(id);
    if (carried) carried.order ??= order;
  }

  /** Its worker will not say how it ended. */
  #unreported(id: SessionId, order: WordedOrder | null): void {
    const ending = order ? ({ how: 'terminated', why: order.why } as const) : ({ how: 'interrupted' } as const);
    this.#deps.closed(id, { ending, channels: [], refusals: [], recording: null });
  }
}
