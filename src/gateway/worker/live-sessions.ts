import type { AuthorizedSession } from '../../access/authorized-session.ts';
import type { SessionId } from '../../access/ids.ts';
import { isMeant, type Whose } from '../../access/whose.ts';
import type { Recorder } from '../../recording/write/recorder.ts';
import type { NewSession } from '../downstream/connection.ts';
import { Session, type SessionEvents, type SessionStart } from '../session/session.ts';
import { plainLine } from '../words/refusals.ts';
import type { ControlLink, Extend, Start, Terminate, Watch } from './control-link.ts';

type Link = Pick<ControlLink, 'opened' | 'cut' | 'closed' | 'watched' | 'watchOver'>;
type Place = Pick<Start, 'spool' | 'gateway' | 'limits'> & { readonly recorder: Recorder };
type Open = (start: SessionStart, events: SessionEvents) => Session;

/** The sessions that a worker carries: control's orders reach them here, and what becomes of them reaches control. */
export class LiveSessions {
  readonly #link: Link;
  readonly #open: Open;
  readonly #sessions = new Map<SessionId, Session>();
  /** Whose each of them is, and in what. */
  readonly #whose = new Map<SessionId, Pick<AuthorizedSession, 'personId' | 'engagementId'>>();

  constructor(link: Link, open: Open = (start, events) => new Session(start, events)) {
    this.#link = link;
    this.#open = open;
  }

  get count(): number {
    return this.#sessions.size;
  }

  begin(
    { spool, gateway, limits: { targetLoginMs }, recorder }: Place,
    { authorized, proof, key, origin, client }: NewSession,
  ): Session {
    const { id } = authorized;
    const start: SessionStart = {
      authorized: { ...authorized, endsAt: new Date(authorized.endsAt) },
      via: origin.kind === 'inner' ? 'jump' : 'direct',
      clientAddress: origin.remoteAddress,
      ...{ proof, key, targetLoginMs, spool, client, gateway, recorder },
    };
    const session = this.#open(start, this.#events(id));
    this.#sessions.set(id, session);
    this.#whose.set(id, authorized);
    return session;
  }

  of(whose: Whose): readonly SessionId[] {
    return [...this.#whose].filter(([, of]) => isMeant(whose, of)).map(([id]) => id);
  }

  extend({ session, grantId, grantDigest, endsAt }: Extend): void {
    this.#sessions.get(session)?.extend({ grantId, grantDigest, endsAt: new Date(endsAt) });
  }

  terminate({ sessions, why, message }: Pick<Terminate, 'sessions' | 'why' | 'message'>): void {
    for (const id of sessions) this.#sessions.get(id)?.terminate(why, plainLine(message));
  }

  endAll(message: string): void {
    this.terminate({ sessions: [...this.#sessions.keys()], why: 'shutdown', message });
  }

  notice(sentence: string): void {
    for (const session of this.#sessions.values()) session.channels.notice(sentence);
  }

  outOfSpace(): void {
    for (const session of this.#sessions.values()) session.outOfSpace();
  }

  watch(order: Watch): void {
    const session = this.#sessions.get(order.session);
    if (order.type === 'unwatch') return void session?.channels.unwatch(order.watch);
    if (!session) return void this.#link.watchOver(order.watch);
    const told = order.told === null ? null : plainLine(order.told);
    session.channels.watch(order.watch, told, (shown) => this.#link.watched(order.watch, shown));
  }

  #events(id: SessionId): SessionEvents {
    return {
      opened: (head) => this.#link.opened(id, head),
      cut: () => this.#link.cut(id),
      unwatched: (watches) => {
        for (const watch of watches) this.#link.watchOver(watch);
      },
      closed: (report) => {
        this.#sessions.delete(id);
        this.#whose.delete(id);
        this.#link.closed(id, report);
      },
    };
  }
}
