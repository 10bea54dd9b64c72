import { isRunning } from '../../access/grant.ts';
import { Digest, type EngagementId, type SessionId } from '../../access/ids.ts';
import { channelCount, type SessionEnd, type SessionEnding } from '../../access/session.ts';
import type { SessionReport } from '../../access/session-report.ts';
import { noteIfOver } from '../grants/ending.ts';
import { SECURITY_LANE, threadLane } from '../notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Store, Tx } from '../ports/store.ts';
import type { SealOutcome } from './gateway-control.ts';
import { noteSeal, refreshReceipt } from './record-recording.ts';

type Deps<Part extends keyof Tx> = { readonly store: Store<Part>; readonly clock: Clock };

/** The upstream connection stands and the recorder accepts. */
export const recordSessionOpened =
  (deps: Deps<'sessions' | 'audit' | 'outbox'>) =>
  (id: SessionId, head: string | null): Promise<void> =>
    deps.store.transaction(async (tx) => {
      const session = await tx.sessions.lock(id);
      if (!session || session.ended) return;
      const headAtStart = Digest.safeParse(head).data ?? null;
      if (headAtStart) await tx.sessions.markRecording(id, { headAtStart, state: 'live' });
      await tx.audit.append({
        type: 'session_started',
        at: deps.clock.now(),
        actor: { kind: 'person', id: session.personId },
        facts: {
          session: id,
          grant: session.grantId,
          digest: session.grantDigest,
          target: session.targetId,
          login: session.login,
          via: session.via,
          key: session.keyFingerprint,
          head: headAtStart,
        },
      });
      await refreshLine(tx, id, session.engagementId);
    });

/** What is touched where a session is over, and its grant with it, perhaps. */
type ClosingParts = 'sessions' | 'grants' | 'audit' | 'outbox';

/** What was left of a session, reported once by its worker, or by control in the name of a worker that died. */
export const recordSessionClosed =
  (deps: Deps<ClosingParts>) =>
  (id: SessionId, { channels, refusals, ending: reported }: SessionReport, sealed: SealOutcome): Promise<void> =>
    deps.store.transaction(async (tx) => {
      const at = deps.clock.now();
      const session = await tx.sessions.lock(id);
      if (!session || session.ended) return;
      await noteSeal(tx, session, sealed, at);
      const ending: SessionEnding =
        sealed.kind === 'failed' ? { how: 'failed', why: 'recording_failed' } : await withEnder(tx, id, reported);
      await closeSessionIn(tx, id, { ending, channels, refusals, at });
    });

/** Who asked for a session's end is control's to say: its worker does not know. */
async function withEnder(tx: Tx<'audit'>, id: SessionId, reported: SessionEnding): Promise<SessionEnding> {
  if (reported.how !== 'terminated') return reported;
  const { how, why } = reported;
  const by = why === 'ended_by_reviewer' ? await tx.audit.enderOf('session', id) : null;
  return by ? { how, why, by } : { how, why };
}

/** Sessions that a control left open when it died are over: their workers went with it. */
export const closeInterruptedSessions = (deps: Deps<ClosingParts>) => (): Promise<number> =>
  deps.store.transaction(async (tx) => {
    const live = await tx.sessions.live();
    for (const session of live) {
      const end: SessionEnd = {
        at: deps.clock.now(),
        ending: { how: 'interrupted' },
        channels: [],
        refusals: [],
      };
      await closeSessionIn(tx, session.id, end);
    }
    return live.length;
  });

async function closeSessionIn(tx: Tx<ClosingParts>, id: SessionId, end: SessionEnd): Promise<void> {
  const session = await tx.sessions.lock(id);
  if (!session || session.ended) return;
  await tx.sessions.end(id, end);
  const { ending } = end;
  await tx.audit.append({
    type: 'session_ended',
    at: end.at,
    actor: { kind: 'daypass' },
    facts: {
      session: id,
      grant: session.grantId,
      how: ending.how,
      why: 'why' in ending ? ending.why : null,
      channels: channelCount(end.channels),
      bytesFromClient: end.channels.reduce((sum, channel) => sum + channel.bytesFromClient, 0),
      bytesToClient: end.channels.reduce((sum, channel) => sum + channel.bytesToClient, 0),
    },
  });
  const { engagementId, targetId } = session;
  if (ending.how === 'failed' && ending.why === 'host_key_mismatch') {
    const notice = { kind: 'host_key_mismatch', engagementId, targetId, sessionId: id } as const;
    await tx.outbox.enqueue(notice, threadLane(engagementId));
  }
  await refreshLine(tx, id, engagementId);
  await refreshReceipt(tx, session);
  await tx.outbox.enqueue({ kind: 'session_detail', sessionId: id }, SECURITY_LANE);
  const grant = await tx.grants.lock(session.grantId);
  if (grant && !isRunning(grant, end.at)) await noteIfOver(tx, grant);
}

async function refreshLine(tx: Tx<'sessions' | 'outbox'>, id: SessionId, engagementId: EngagementId): Promise<void> {
  const burstId = (await tx.sessions.burstOf(id)) ?? id;
  await tx.outbox.enqueue({ kind: 'session_line', burstId }, threadLane(engagementId));
  await tx.outbox.enqueue({ kind: 'engagement_updated', engagementId }, threadLane(engagementId));
}
