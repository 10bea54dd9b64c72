import { sql } from 'kysely';
import { z } from 'zod';
import { Digest, EngagementId, Fingerprint, GrantId, Login, PersonId, SessionId, TargetId } from '../access/ids.ts';
import { ChannelSummary, RecordingState, type Session, SessionEnding } from '../access/session.ts';
import type { SessionFilter, Sessions } from '../use-cases/ports/sessions.ts';
import { changedOne, instant, instantOrNull, json, read, Timestamp, text } from './rows.ts';
import type { Trx } from './tables.ts';

const base = {
  id: SessionId,
  grant_id: GrantId,
  grant_digest: Digest,
  engagement_id: EngagementId,
  person_id: PersonId,
  target_id: TargetId,
  login: Login,
  via: z.enum(['direct', 'jump']),
  key_fingerprint: Fingerprint,
  client_address: z.string(),
  started_at: Timestamp,
  head_at_start: Digest.nullable(),
  head_at_end: Digest.nullable(),
  recording_state: RecordingState.nullable(),
};
const SessionRow = z.union([
  z.object({ ...base, ended_at: z.null() }),
  z.object({
    ...base,
    ended_at: Timestamp,
    ending: SessionEnding,
    channels: z.array(ChannelSummary),
    refusals: z.array(z.string()),
  }),
]);

function toSession(raw: object): Session {
  const row = read(SessionRow, 'session', raw);
  return {
    id: row.id,
    grantId: row.grant_id,
    grantDigest: row.grant_digest,
    engagementId: row.engagement_id,
    personId: row.person_id,
    targetId: row.target_id,
    login: row.login,
    via: row.via,
    keyFingerprint: row.key_fingerprint,
    clientAddress: row.client_address,
    startedAt: row.started_at,
    recording: { headAtStart: row.head_at_start, headAtEnd: row.head_at_end, state: row.recording_state },
    ended:
      row.ended_at === null
        ? null
        : { at: row.ended_at, ending: row.ending, channels: row.channels, refusals: row.refusals },
  };
}

export function sessions(trx: Trx): Sessions {
  const select = () => trx.selectFrom('session').selectAll();
  const one = async (query: ReturnType<typeof select>) => {
    const row = await query.executeTakeFirst();
    return row ? toSession(row) : null;
  };
  const many = async (query: ReturnType<typeof select>) =>
    (await query.orderBy('started_at').orderBy('id').execute()).map(toSession);
  return {
    byId: (id) => one(select().where('id', '=', id)),
    lock: (id) => one(select().where('id', '=', id).forNoKeyUpdate()),
    insert: (session, burstId) => insertSession(trx, session, burstId),
    async end(id, { at, ending, channels, refusals }) {
      const result = await trx
        .updateTable('session')
        .set({ ended_at: instant(at), ending: json(ending), channels: json(channels), refusals: json(refusals) })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .executeTakeFirstOrThrow();
      changedOne(result, 'session that has not ended');
    },
    async extend(id, under) {
      const result = await trx
        .updateTable('session')
        .set({ grant_id: under.id, grant_digest: under.digest })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .executeTakeFirstOrThrow();
      changedOne(result, 'session that has not ended');
    },
    async markRecording(id, { headAtStart, headAtEnd, state }) {
      const marks = {
        ...(headAtStart === undefined ? {} : { head_at_start: headAtStart }),
        ...(headAtEnd === undefined ? {} : { head_at_end: headAtEnd }),
        ...(state === undefined ? {} : { recording_state: state }),
      };
      const result = await trx.updateTable('session').set(marks).where('id', '=', id).executeTakeFirstOrThrow();
      changedOne(result, 'session');
    },
    async openBurst(grantId, targetId, since) {
      const row = await trx
        .selectFrom('session')
        .select('id')
        .whereRef('burst_id', '=', 'id')
        .where('grant_id', '=', grantId)
        .where('target_id', '=', targetId)
        .where('started_at', '>', instant(since))
        .orderBy('started_at', 'desc')
        .orderBy('id')
        .executeTakeFirst();
      return row ? SessionId.parse(row.id) : null;
    },
    async burstOf(id) {
      const row = await trx.selectFrom('session').select('burst_id').where('id', '=', id).executeTakeFirst();
      return row ? SessionId.parse(row.burst_id) : null;
    },
    ofBurst: (burstId) => many(select().where('burst_id', '=', burstId)),
    liveOfGrant: (id) => many(select().where('grant_id', '=', id).where('ended_at', 'is', null)),
    live: () => many(select().where('ended_at', 'is', null)),
    targets: (filter) => findTargets(trx, filter),
    list: (filter) => listSessions(trx, filter),
    ...proofs(trx),
  };
}

async function listSessions(trx: Trx, filter: SessionFilter): Promise<Session[]> {
  const { limit, live, since, after, personIds, engagementIds, targetId, prefix } = filter;
  if (personIds?.length === 0 || engagementIds?.length === 0) return [];
  let query = trx.selectFrom('session').selectAll();
  if (live) query = query.where('ended_at', 'is', null);
  if (since) query = query.where('started_at', '>=', instant(since));
  if (personIds) query = query.where('person_id', 'in', personIds);
  if (engagementIds) query = query.where('engagement_id', 'in', engagementIds);
  if (targetId !== undefined) query = query.where('target_id', '=', text(targetId));
  if (prefix !== undefined) query = query.where(sql<boolean>`starts_with(id::text, ${prefix})`);
  if (after) {
    const start = trx.selectFrom('session').select('started_at').where('id', '=', after);
    query = query.where((of) =>
      of.or([of('started_at', '<', start), of.and([of('started_at', '=', start), of('id', '>', after)])]),
    );
  }
  const rows = await query.orderBy('started_at', 'desc').orderBy('id').limit(limit).execute();
  return rows.map(toSession);
}

async function findTargets(
  trx: Trx,
  { personIds, engagementIds }: Parameters<Sessions['targets']>[0],
): Promise<TargetId[]> {
  if (personIds?.length === 0 || engagementIds?.length === 0) return [];
  let query = trx.selectFrom('session').select('target_id').distinct().orderBy('target_id');
  if (personIds) query = query.where('person_id', 'in', personIds);
  if (engagementIds) query = query.where('engagement_id', 'in', engagementIds);
  return (await query.execute()).map((row) => TargetId.parse(row.target_id));
}

const proofs = (trx: Trx): Pick<Sessions, 'acceptSshSessionId' | 'releaseSshSessionId' | 'forgetSshSessionIds'> => ({
  async acceptSshSessionId(sshSessionId, until) {
    const written = await trx
      .insertInto('accepted_ssh_session')
      .values({ ssh_session_id: text(sshSessionId), remember_until: instant(until) })
      .onConflict((conflict) => conflict.column('ssh_session_id').doNothing())
      .returning('ssh_session_id')
      .execute();
    return written.length === 1;
  },
  async releaseSshSessionId(sshSessionId) {
    await trx.deleteFrom('accepted_ssh_session').where('ssh_session_id', '=', sshSessionId).execute();
  },
  async forgetSshSessionIds(before, limit) {
    const old = trx
      .selectFrom('accepted_ssh_session')
      .select('ssh_session_id')
      .where('remember_until', '<', instant(before))
      .limit(limit);
    const result = await trx.deleteFrom('accepted_ssh_session').where('ssh_session_id', 'in', old).executeTakeFirst();
    return Number(result.numDeletedRows);
  },
});

async function insertSession(trx: Trx, session: Session, burstId: SessionId): Promise<void> {
  const { ended } = session;
  await trx
    .insertInto('session')
    .values({
      id: session.id,
      burst_id: burstId,
      grant_id: session.grantId,
      grant_digest: session.grantDigest,
      engagement_id: session.engagementId,
      person_id: session.personId,
      target_id: session.targetId,
      login: session.login,
      via: session.via,
      key_fingerprint: session.keyFingerprint,
      client_address: text(session.clientAddress),
      started_at: instant(session.startedAt),
      ended_at: instantOrNull(ended?.at ?? null),
      ending: ended ? json(ended.ending) : null,
      channels: ended ? json(ended.channels) : null,
      refusals: ended ? json(ended.refusals) : null,
      head_at_start: session.recording.headAtStart,
      head_at_end: session.recording.headAtEnd,
      recording_state: session.recording.state,
    })
    .execute();
}
