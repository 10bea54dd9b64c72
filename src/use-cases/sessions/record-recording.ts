import { type Actor, type AuditEvent, actorOf, type OperatorAccount } from '../../access/audit-event.ts';
import { Digest, type SessionId } from '../../access/ids.ts';
import type { Session } from '../../access/session.ts';
import { directLane, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import type { SealOutcome } from './gateway-control.ts';

type Deps<Part extends keyof Tx> = { readonly store: Store<Part>; readonly clock: Clock };

/** Writes down what control found when it sealed a recording. */
export async function noteSeal(
  tx: Tx<'sessions' | 'audit'>,
  session: Session,
  sealed: SealOutcome,
  at: Date,
): Promise<void> {
  const tell = (type: AuditEvent['type'], facts: AuditEvent['facts']): Promise<void> =>
    tx.audit.append({ type, at, actor: { kind: 'daypass' }, facts: { session: session.id, ...facts } });
  const { headAtStart: told } = session.recording;
  switch (sealed.kind) {
    case 'failed':
      await tx.sessions.markRecording(session.id, { state: 'failed' });
      return tell('recording_seal_failed', {});
    case 'none':
      // People were told that it is recorded, and now there is nothing: that is never an ordinary end.
      if (told) await tell('recording_disputed', { doubts: ['there is no recording, although one was started'] });
      return;
    case 'sealed': {
      const { state, head, chunks, bytes, manifest } = sealed;
      const doubts = [...sealed.doubts];
      if (told && sealed.headAtStart !== told) doubts.push('the recording does not start as the worker reported');
      const headAtEnd = Digest.safeParse(head).data ?? null;
      await tx.sessions.markRecording(session.id, { headAtEnd, state: doubts.length > 0 ? 'interrupted' : state });
      await tell('recording_sealed', { state, head, chunks, bytes, manifest });
      if (doubts.length > 0) await tell('recording_disputed', { doubts });
      return;
    }
    default:
      sealed satisfies never;
  }
}

/** A recording that an earlier run left behind unsealed: its session ended long ago. */
export const recordLateSeal =
  (deps: Deps<'sessions' | 'audit' | 'outbox'>) =>
  (id: SessionId, sealed: SealOutcome): Promise<void> =>
    deps.store.transaction(async (tx) => {
      const session = await tx.sessions.lock(id);
      if (session) {
        await noteSeal(tx, session, sealed, deps.clock.now());
        const burstId = (await tx.sessions.burstOf(id)) ?? id;
        await tx.outbox.enqueue({ kind: 'session_line', burstId }, threadLane(session.engagementId));
        await refreshReceipt(tx, session);
        return;
      }
      const facts = { session: id, doubts: ['no session with this id is known'] };
      await tx.audit.append({ type: 'recording_disputed', at: deps.clock.now(), actor: { kind: 'daypass' }, facts });
    });

/** Its holder's message about the sessions of its burst. */
export async function refreshReceipt(tx: Tx<'sessions' | 'outbox'>, { id, personId }: Session): Promise<void> {
  const burstId = (await tx.sessions.burstOf(id)) ?? id;
  await tx.outbox.enqueue({ kind: 'session_receipt', burstId }, directLane(personId));
}

/** By an operator who asked for it at the command line, or by Daypass where retention did. */
export const recordErased =
  (deps: Deps<'sessions' | 'audit'>) =>
  (id: SessionId, rule: string, actor: Actor): Promise<void> =>
    deps.store.transaction(async (tx) => {
      const at = deps.clock.now();
      if (await tx.sessions.lock(id)) await tx.sessions.markRecording(id, { state: 'erased' });
      await tx.audit.append({ type: 'recording_erased', at, actor, facts: { session: id, rule } });
    });

export type ExportFacts = { readonly format: string; readonly channel: number | null };

/** Somebody with a key took a recording out in the clear. */
export const recordExported =
  (deps: Deps<'audit'>) =>
  (by: OperatorAccount, id: SessionId, { format, channel }: ExportFacts): Promise<void> =>
    deps.store.transaction((tx) =>
      tx.audit.append({
        type: 'recording_exported',
        at: deps.clock.now(),
        actor: actorOf(by),
        facts: { session: id, format, channel },
      }),
    );
