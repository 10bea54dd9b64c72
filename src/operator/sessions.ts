import { z } from 'zod';
import { GrantId, SessionId } from '../access/ids.ts';
import { channelCount } from '../access/session.ts';
import type { Tx } from '../use-cases/ports/store.ts';
import { engagementsCalled, peopleCalled } from './called.ts';

export const SessionRow = z.strictObject({
  id: SessionId,
  state: z.string(),
  person: z.string(),
  target: z.string(),
  login: z.string(),
  via: z.enum(['direct', 'jump']),
  client: z.string(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().nullable(),
  /** Null while it lives: they are counted where it is relayed, and told at its end. */
  channels: z.int().nullable(),
  bytesFromClient: z.int().nullable(),
  bytesToClient: z.int().nullable(),
  grant: GrantId,
});
export type SessionRow = z.infer<typeof SessionRow>;

export const SessionsAsked = z.strictObject({
  live: z.boolean(),
  limit: z.int().min(1).max(10_001),
  since: z.iso.datetime().optional(),
  /** Only what comes after this session in the list. */
  after: SessionId.optional(),
  /** How the id begins. */
  prefix: z.string().max(36).optional(),
  /** An id of Daypass or Slack, or a part of a name. */
  person: z.string().min(1).max(200).optional(),
  /** An id, or a part of a name. */
  engagement: z.string().min(1).max(200).optional(),
  target: z.string().min(1).max(200).optional(),
});
export type SessionsAsked = z.infer<typeof SessionsAsked>;

export async function listSessions(
  tx: Tx<'sessions' | 'persons' | 'engagements'>,
  asked: SessionsAsked,
): Promise<SessionRow[]> {
  const { live, limit, since, after, prefix, person, engagement, target } = asked;
  const sessions = await tx.sessions.list({
    ...{ live, limit },
    ...(since !== undefined && { since: new Date(since) }),
    ...(after !== undefined && { after }),
    ...(prefix !== undefined && { prefix }),
    ...(target !== undefined && { targetId: target }),
    ...(person !== undefined && { personIds: await peopleCalled(tx, person) }),
    ...(engagement !== undefined && { engagementIds: await engagementsCalled(tx, engagement) }),
  });
  const names = await tx.persons.names([...new Set(sessions.map((session) => session.personId))]);
  return sessions.map((session) => {
    const channels = session.ended?.channels;
    const ending = session.ended?.ending;
    return {
      id: session.id,
      state: ending ? ('why' in ending ? `${ending.how}: ${ending.why}` : ending.how) : 'live',
      person: names.get(session.personId) ?? session.personId,
      target: session.targetId,
      login: session.login,
      via: session.via,
      client: session.clientAddress,
      startedAt: session.startedAt.toISOString(),
      endedAt: session.ended?.at.toISOString() ?? null,
      channels: channels ? channelCount(channels) : null,
      bytesFromClient: channels?.reduce((sum, channel) => sum + channel.bytesFromClient, 0) ?? null,
      bytesToClient: channels?.reduce((sum, channel) => sum + channel.bytesToClient, 0) ?? null,
      grant: session.grantId,
    };
  });
}
