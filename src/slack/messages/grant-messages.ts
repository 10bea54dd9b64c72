import { type AuditHead, shortHead } from '../../access/audit-head.ts';
import { expiresAt, grantedMs, hasExpired } from '../../access/grant.ts';
import { short } from '../../access/ids.ts';
import type { GrantView, SessionsView } from '../../use-cases/views/views.ts';
import { accessLine } from '../words/access-line.ts';
import { actions, type Block, context, section } from '../words/blocks.ts';
import { detailsButton, extendButton, revokeButton } from '../words/buttons.ts';
import { type Line, line, listed, mono, own, tag, toNotification, value } from '../words/line.ts';
import { signedWith } from '../words/signing.ts';
import { count, roughly } from '../words/units.ts';
import { doerOf, nameOf } from './engagement-message.ts';

type Message = { readonly text: string; readonly blocks: Block[] };
/** To the thread: who got access to what, who approved it, and for how long. */
export function grantAnnounced(view: GrantView, now: Date): Message {
  const { grant, request, names } = view;
  const approvers = request.reviews.filter((review) => review.verdict === 'approve');
  const by =
    approvers.length === 0
      ? own('nobody')
      : listed(approvers.map((each) => line`${nameOf(names, each.reviewerId)}${signedWith(each)}`));
  const live = grant.end === null && !hasExpired(grant, now);
  const who = nameOf(names, grant.terms.personId);
  const lasts = own(roughly(grantedMs(grant)));
  const what = accessLine(grant.terms);
  return {
    text: toNotification(line`Access granted to ${who} by ${by}: ${what}, for ${lasts}`),
    blocks: [
      section(
        line`:white_check_mark: *Access granted* to ${who} by ${by}`,
        line`${what}`,
        line`for ${lasts}, until ${expiresAt(grant)}`,
      ),
      context(line`Access ${tag(short(grant.id))}`),
      actions('granted', [
        ...(live ? [extendButton(grant.id), revokeButton(grant.id)] : []),
        detailsButton('grant', grant.id),
      ]),
      ...atHead(view.heads.created),
    ],
  };
}

/** For people who keep it: nothing up to there can be changed in the audit log without `verify audit` showing it to them. */
const headLine = (head: AuditHead): Line => line`Audit log at ${tag(shortHead(head))}`;
const atHead = (head: AuditHead | null): Block[] => (head ? [context(headLine(head))] : []);

/** How an access ended, for the person who had it. */
export function howItEnded({ grant, endedBy, names }: Pick<GrantView, 'grant' | 'endedBy' | 'names'>): Line {
  const { end } = grant;
  if (end === null) return line`it expired ${expiresAt(grant)}`;
  if (end.how === 'returned') return line`you handed it back ${end.at}`;
  const by = doerOf(names, endedBy ?? { kind: 'daypass' });
  // Daypass explains what it did itself. What people remark is not for every reader.
  const why = endedBy?.kind === 'daypass' && end.comment ? line` (${value(end.comment, 100)})` : [];
  return line`revoked by ${by}${why}, ${end.at}`;
}

/** To the thread, once the grant has no live sessions left. */
export function grantEnded(view: GrantView): Message {
  const { grant, names, liveSessions, heads } = view;
  const person = nameOf(names, grant.terms.personId);
  const how = grant.end?.how === 'returned' ? line`handed back by ${person}, ${grant.end.at}` : howItEnded(view);
  const sessions = own(count(liveSessions, 'live session'));
  const what = accessLine(grant.terms);
  return {
    text: toNotification(line`Access ended, ${sessions}: ${person}, ${what}; ${how}`),
    blocks: [
      section(line`:checkered_flag: *Access ended, ${sessions}*: ${person}, ${what}; ${how}`),
      context(
        line`Access ${tag(short(grant.id))} · anything left running in the background on a target has to be stopped there`,
        ...(heads.latest ? [headLine(heads.latest)] : []),
      ),
    ],
  };
}

/** To the thread: the connection was refused, and somebody should look into it. */
export function hostKeyMismatch(view: SessionsView, targetId: string): Message {
  const [session] = view.sessions;
  const who = session ? nameOf(view.names, session.personId) : own('Somebody');
  const target = mono(targetId, 70);
  return {
    text: toNotification(line`The host key of ${target} does not match, so ${who} was not connected`),
    blocks: [
      section(
        line`:rotating_light: *The host key of ${target} is not the pinned one.* ${who} was not connected. Either the target was rebuilt, or something else is answering at its address.`,
      ),
      context(
        line`If the change was planned, an operator needs to pin the new key with \`daypass targets scan\`. If not, tell security.`,
      ),
    ],
  };
}
