import { expiresAt, hasExpired } from '../access/grant.ts';
import { short } from '../access/ids.ts';
import type { GrantView, SessionsView } from '../use-cases/views.ts';
import { ACTION } from './action-ids.ts';
import { actions, type Block, button, context, section } from './blocks.ts';
import { nameOf } from './engagement-message.ts';
import { code } from './text.ts';
import { count, when } from './words.ts';

type Message = { readonly text: string; readonly blocks: Block[] };
const TARGETS_SHOWN = 10;

const what = ({ grant }: GrantView): string => {
  const { login, targets } = grant.terms;
  const shown = targets.slice(0, TARGETS_SHOWN).map((target) => code(target.id, 70));
  const rest = targets.length - shown.length;
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more (all are on the review card)` : ''} as ${code(login, 40)}`;
};

export const endGrantButton = (grantId: string, label: string, mine: boolean) =>
  button({
    action: `${ACTION.endGrant}:${grantId}`,
    label,
    value: grantId,
    style: 'danger',
    confirm: {
      title: mine ? 'Hand this access back?' : 'Revoke this access?',
      text: 'The access ends now, and its live sessions are cut within a second. It cannot be undone; a new request can be made.',
      yes: mine ? 'Hand back' : 'Revoke',
    },
  });

/** To the thread: granted by whom, until when, digest. */
export function grantAnnounced(view: GrantView, now: Date): Message {
  const { grant, request, names } = view;
  const approvers = request.reviews.filter((review) => review.verdict === 'approve');
  const by = approvers.map((review) => nameOf(names, review.reviewerId)).join(' and ');
  const live = grant.end === null && !hasExpired(grant, now);
  return {
    text: 'Access granted',
    blocks: [
      section(
        `:white_check_mark: Access granted to ${nameOf(names, grant.terms.personId)} by ${by || 'nobody'}: ${what(view)}, until ${when(expiresAt(grant))}`,
      ),
      context(`Grant ${code(short(grant.id), 12)} · digest ${code(grant.digest, 70)}`),
      ...(live ? [actions('granted', [endGrantButton(grant.id, 'Revoke', false)])] : []),
    ],
  };
}

/** To the thread, once nothing of the grant lives any more. */
export function grantEnded(view: GrantView): Message {
  const { grant, names, liveSessions } = view;
  const { end } = grant;
  const person = nameOf(names, grant.terms.personId);
  const how =
    end === null
      ? `it ran out ${when(expiresAt(grant))}`
      : end.how === 'returned'
        ? `handed back by ${person} ${when(end.at)}`
        : `revoked by ${end.by ? nameOf(names, end.by) : 'Daypass or an operator'} ${when(end.at)}`;
  return {
    text: `Access ended, ${count(liveSessions, 'live session')}`,
    blocks: [
      section(
        `:checkered_flag: *Access ended, ${count(liveSessions, 'live session')}*: ${person}, ${what(view)}; ${how}`,
      ),
      context(`Grant ${code(short(grant.id), 12)} · what was detached on a target is the target’s to end`),
    ],
  };
}

/** To the thread: nobody was let through, and somebody should look. */
export function hostKeyMismatch(view: SessionsView, targetId: string): Message {
  const [session] = view.sessions;
  const who = session ? nameOf(view.names, session.personId) : 'Somebody';
  return {
    text: `Host key of ${targetId} does not match`,
    blocks: [
      section(
        `:rotating_light: *The host key of ${code(targetId, 70)} is not the pinned one.* ${who} was not connected. Either the target was set up anew, or something else answers at its address.`,
      ),
      context('If the change is known, an operator pins the new key: `daypass targets scan`. If not, tell security.'),
    ],
  };
}
