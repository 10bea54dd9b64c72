import { z } from 'zod';
import {
  EngagementId,
  Fingerprint,
  GrantId,
  OffboardingId,
  PersonId,
  RequestId,
  SessionId,
  TargetId,
} from '../access/ids.ts';
import type { Operator } from './operator.ts';
import { SessionsAsked } from './sessions.ts';

/** What can be asked over the admin socket, and who answers it. */

const Limit = z.int().min(1).max(10_001);
const Reason = z.string().max(1_000).nullable();

export const Call = z.discriminatedUnion('verb', [
  z.strictObject({ verb: z.literal('grants'), live: z.boolean(), limit: z.int().min(1).max(10_001) }),
  z.strictObject({ verb: z.literal('revoke'), id: GrantId, comment: z.string().max(1_000).nullable() }),
  z.strictObject({ verb: z.literal('confirm_grants') }),
  SessionsAsked.extend({ verb: z.literal('sessions') }),
  z.strictObject({ verb: z.literal('end_session'), id: SessionId }),
  z.strictObject({ verb: z.literal('keys'), limit: z.int().min(1).max(10_000) }),
  z.strictObject({ verb: z.literal('retire_key'), fingerprint: Fingerprint }),
  z.strictObject({ verb: z.literal('people'), find: z.string().min(1).max(200).nullable(), limit: Limit }),
  z.strictObject({ verb: z.literal('person'), id: PersonId }),
  z.strictObject({
    verb: z.literal('offboard'),
    person: PersonId,
    engagement: EngagementId.nullable(),
    reason: Reason,
  }),
  z.strictObject({ verb: z.literal('readmit'), person: PersonId, engagement: EngagementId.nullable() }),
  z.strictObject({ verb: z.literal('offboardings'), limit: Limit }),
  z.strictObject({ verb: z.literal('offboarding'), id: OffboardingId }),
  z.strictObject({ verb: z.literal('engagements'), all: z.boolean(), limit: Limit }),
  z.strictObject({ verb: z.literal('engagement'), id: EngagementId }),
  z.strictObject({ verb: z.literal('close_engagement'), id: EngagementId, reason: Reason }),
  z.strictObject({ verb: z.literal('requests'), all: z.boolean(), limit: Limit }),
  z.strictObject({ verb: z.literal('request'), id: RequestId }),
  z.strictObject({ verb: z.literal('withdraw_request'), id: RequestId }),
  z.strictObject({ verb: z.literal('watch'), id: SessionId }),
  z.strictObject({ verb: z.literal('check'), target: TargetId }),
  z.strictObject({ verb: z.literal('reload') }),
  z.strictObject({ verb: z.literal('targets') }),
  z.strictObject({ verb: z.literal('erase_recording'), id: SessionId, rule: z.string().min(1).max(200) }),
  z.strictObject({
    verb: z.literal('recording_exported'),
    id: SessionId,
    format: z.string().max(32),
    channel: z.int().nonnegative().nullable(),
  }),
]);
export type Call = z.infer<typeof Call>;

/** `by` is the account that asks. Whoever can open the socket is control's own account or root, so it is taken as told. */
export const Asked = z.strictObject({ by: z.string().min(1).max(200), call: Call });

/** A watch is answered line by line, elsewhere. */
export async function answerTo(operator: Operator, call: Exclude<Call, { verb: 'watch' }>): Promise<unknown> {
  switch (call.verb) {
    case 'grants':
      return operator.grants(call);
    case 'revoke':
      return operator.revoke(call.id, call.comment);
    case 'confirm_grants':
      return operator.confirmGrants();
    case 'sessions': {
      const { verb: _, ...asked } = call;
      return operator.sessions(asked);
    }
    case 'end_session':
      return operator.endSession(call.id);
    case 'keys':
      return operator.keys(call);
    case 'retire_key':
      return operator.retireKey(call.fingerprint);
    case 'people':
      return operator.people(call);
    case 'person':
      return operator.person(call.id);
    case 'offboard':
      return operator.offboard(call.person, call.engagement, call.reason);
    case 'readmit':
      return operator.readmit(call.person, call.engagement);
    case 'offboardings':
      return operator.offboardings(call);
    case 'offboarding':
      return operator.offboarding(call.id);
    case 'engagements':
      return operator.engagements(call);
    case 'engagement':
      return operator.engagement(call.id);
    case 'close_engagement':
      return operator.closeEngagement(call.id, call.reason);
    case 'requests':
      return operator.requests(call);
    case 'request':
      return operator.request(call.id);
    case 'withdraw_request':
      return operator.withdrawRequest(call.id);
    case 'check':
      return operator.check(call.target);
    case 'reload':
      return operator.reload();
    case 'targets':
      return operator.targets();
    case 'erase_recording':
      return operator.eraseRecording(call.id, call.rule);
    case 'recording_exported':
      await operator.noteExport(call.id, { format: call.format, channel: call.channel });
      return { ok: true };
    default:
      return call satisfies never;
  }
}
